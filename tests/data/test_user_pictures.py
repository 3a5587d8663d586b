"""Users' own folders of pictures, with a table of factors."""

from __future__ import annotations

from pathlib import Path, PurePath, PureWindowsPath

import numpy as np
import pytest
from PIL import Image

from submission.data import GroundTruthDataset, is_user_data, load, locations
from submission.errors import SubmissionError, UsageError

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)


def pictures(folder: Path, images: np.ndarray, suffix: str = "png") -> Path:
    """Images as numbered files, 9 before 10."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"image{number}.{suffix}")
    return folder


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm"])
def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES, suffix)
    (folder / "notes.txt").write_text("not a picture")
    monkeypatch.chdir(tmp_path)
    for name in ("./pictures", "pictures/", str(folder)):
        dataset = load(name)
        assert dataset.name == str(folder)
        np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)
    with pytest.raises(UsageError, match=r"no data set named 'pictures' — name the folder as \./pictures"):
        load("pictures")


WINDOWS = [
    r".\pictures",
    r"C:\Users\me\pictures",
    r"\\server\share\pictures",
    "C:pictures",
    "C:/pictures",
    "pictures\\",
]
NO_FOLDERS = ["dsprites_full", "dlib:dsprites_full", "pictures", "", "."]


@pytest.mark.parametrize("name", [*WINDOWS, *NO_FOLDERS])
def test_folders_have_a_separator_or_a_drive_on_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_user_data(name) == ("/" in name)
    monkeypatch.setattr(locations, "PurePath", PureWindowsPath)
    assert is_user_data(name) == (name in WINDOWS)


@pytest.mark.parametrize("name", WINDOWS[:3])
def test_a_folder_of_pictures_on_windows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose name here is what a path is there."""
    pictures(tmp_path / name, IMAGES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locations, "PurePath", PureWindowsPath)
    assert len(load(name)) == len(IMAGES)


def test_paths_that_are_stored_have_slashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "pictures", IMAGES)
    np.savez(tmp_path / "images.npz", images=IMAGES)
    for kind in (PurePath, PureWindowsPath):
        monkeypatch.setattr(locations, "PurePath", kind)
        for name in ("pictures", "images.npz"):
            for place, given in ((tmp_path, kind(name)), (tmp_path.parent, kind(tmp_path.name, name))):
                monkeypatch.chdir(place)
                assert load(given).name == (tmp_path / name).as_posix()  # type: ignore[arg-type]


def test_a_folder_of_grey_pictures_with_factors(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[..., 0])
    lines = [f"image{k}.png,{10 * ROWS[k, 0]},{'xyz'[ROWS[k, 1]]},{ROWS[k, 2] / 4}" for k in range(24)]
    (folder / "factors.csv").write_text("\n".join(["file,angle,shape,size", *reversed(lines)]))
    dataset = load(str(folder), periodic="angle")
    assert isinstance(dataset, GroundTruthDataset)
    assert dataset.full_grid
    assert dataset.image_shape == (5, 6, 1)
    assert dataset.periodic == (True, False, False)
    assert dataset.continuous == (False, False, True)
    assert [factor.labels for factor in dataset.factors_of_variation] == [(0, 10), tuple("xyz"), (0, 0.25, 0.5, 0.75)]
    np.testing.assert_array_equal(dataset.images(np.arange(24))[..., 0], IMAGES[..., 0])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "cannot read .*factors.csv"),
        ("name,angle\n", r"begins with name,angle — begin it with file,NAME"),
        ("file\n", "begins with file — begin it with"),
        ("file,angle\nimage0.png,1\n", "no line of 2 cells for image1.png"),
        ("file,angle\nimage0.png,1\nimage1.png,1,2\n", "no line of 2 cells for image1.png"),
        ("file,a,a\nimage0.png,1,1\nimage1.png,1,2\n", "two factors of .* are called 'a'"),
        ("file,a\nimage0.png,nan\nimage1.png,1\n", "factor 'a' of .* has values that are not finite"),
        ('file,a\n"image0.png,1\n', "cannot read .*factors.csv"),
        ("file,a\nimage0.png,\udcff\n", "cannot read .*factors.csv"),
    ],
)
def test_a_table_of_factors_that_does_not_fit(tmp_path: Path, table: str, message: str) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[:2])
    (folder / "factors.csv").write_bytes(table.encode("utf-8", "surrogateescape"))
    with pytest.raises(SubmissionError, match=message) as caught:
        load(str(folder))
    assert "\n" not in str(caught.value)


def test_pictures_of_several_sizes_or_formats_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", IMAGES[:2])
    Image.fromarray(IMAGES[0, :3]).save(folder / "image2.png")
    with pytest.raises(SubmissionError, match=r"image2\.png is RGB 6x3, the first picture RGB 6x5 — make all pictures"):
        load(str(folder))
    (folder / "image2.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 6\nshowpage\n")
    with pytest.raises(SubmissionError, match=r"cannot read .*image2\.png"):
        load(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SubmissionError, match="has no pictures"):
        load(str(tmp_path / "empty"))
