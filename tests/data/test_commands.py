"""``python -m submission data``: list, info, show, verify, download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from submission.cli.main import main
from submission.data import GroundTruthDataset, from_arrays, load
from submission.data.contact_sheet import contact_sheet
from submission.data.registry import REGISTRY
from submission.data.sources import SOURCES
from submission.errors import UsageError


def test_list_names_everything(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["data", "list", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for name in REGISTRY:
        assert name in out
    assert "file missing, will be rendered" in out
    assert str(tmp_path / "cars") in out.replace("\n", "")


@pytest.mark.parametrize("name", ["dsprites_small", "sprites_torus", "turntable", "mpi3d_standin", "dummy_data"])
def test_the_list_matches_the_data_sets(name: str) -> None:
    dataset = load(name)
    assert isinstance(dataset, GroundTruthDataset)
    entry = REGISTRY[name]
    assert entry.images.startswith(f"{len(dataset):,} of ")
    if name not in ("dummy_data", "mpi3d_standin"):
        assert entry.factors == ", ".join(f"{factor.name} {factor.size}" for factor in dataset.factors_of_variation)


def test_every_set_with_files_has_a_source_and_every_source_a_set() -> None:
    made = {name for name, entry in REGISTRY.items() if str(entry.loader).startswith("synthetic.")}
    assert set(SOURCES) == set(REGISTRY) - made - {"dsprites_small", "dsprites_tiny"}
    for source in SOURCES.values():
        assert source.manual or all(file.urls for file in source.files)


def test_info_shows_licence_files_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "faces3d"]) == 0
    out = capsys.readouterr().out
    assert "licence of the Basel Face Model" in out
    assert "basel_face_renders.pth (missing)" in out
    assert main(["data", "info", "mnist"]) == 0
    assert "options: split: str = 'train', binarisation: str = 'dynamic', seed: int = 0\n" in capsys.readouterr().out


def test_info_of_a_file_of_your_own_shows_its_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factors = np.stack(np.unravel_index(np.arange(6), (2, 3)), axis=1)
    np.savez(tmp_path / "own.npz", images=np.zeros((6, 8, 9), np.uint8), factors=factors)
    assert main(["data", "info", str(tmp_path / "own.npz")]) == 0
    assert "images: 6 of 8x9\nfactors: factor 0 (2), factor 1 (3)\noptions: none\n" in capsys.readouterr().out


def test_show_writes_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.png"
    options = ["--option", "objects=2", "--option", "color=True"]
    assert main(["data", "show", "turntable", "--out", str(out), *options]) == 0
    with Image.open(out) as sheet:
        assert sheet.mode == "RGB"
        assert sheet.height == 2 + 4 * 66
        assert sheet.width == 150 + 16 * 66


def test_a_sheet_shows_the_traversals(tmp_path: Path) -> None:
    """The images stand where they should, unchanged."""
    dataset = load("sprites_torus", orientations=4, positions=4)
    (tmp_path / "s.png").write_bytes(contact_sheet(dataset, seed=3))
    with Image.open(tmp_path / "s.png") as picture:
        sheet = np.asarray(picture)
    start = dataset.factors(np.array([np.random.RandomState(3).randint(len(dataset))]))[0]
    for axis in range(3):
        for value in range(4):
            row = start.copy()
            row[axis] = value
            tile = sheet[2 + axis * 66 :, 150 + value * 66 :][:64, :64, 0]
            np.testing.assert_array_equal(tile, 255 * dataset.images(dataset.indices(row[None]))[0, ..., 0])


def test_verify(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", "mnist", "caltech101", "--root", str(shared_data)]) == 0
    assert capsys.readouterr().out.count("right") == 5
    bad = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    bad.parent.mkdir()
    bad.write_bytes(b"short")
    assert main(["data", "verify", "--root", str(tmp_path)]) == 1
    caught = capsys.readouterr()
    assert "expected ec29112dd5afa0611ce80d1b7f02629c" in caught.out
    assert caught.err == "error: 1 of 1 files are missing or wrong — delete and download them again\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "dsprite_full"], "did you mean dsprites_full"),
        (["show", "turntable", "--option", "colour=True"], "data set turntable has no option 'colour'"),
        (["show", "turntable", "--option", "color"], "has no '='"),
        (["show", "turntable", "--seed", "-1"], "--seed -1 is out of range"),
        (["download", "turntable"], "turntable has no files"),
        (["verify", "mine.npz"], "mine.npz is your own data, which has no published files"),
        (["download", "faces3d"], "Sign the licence"),
        (["show", "cars3d", "--root", "/nowhere"], "/nowhere/cars does not exist"),
        (["show", "dsprites_small", "--out", "/proc/x.png"], "cannot write /proc/x.png"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(
        UsageError, match=r"no data set named 'mpi3d-toy' — did you mean mpi3d_toy.*submission data list"
    ):
        load("mpi3d-toy")


def test_factors_may_have_letters_beyond_ascii() -> None:
    """A font without them draws one box for each."""
    pytest.importorskip("matplotlib")
    images = np.zeros((2, 32, 32), np.uint8)
    sheets = {contact_sheet(from_arrays(images, [0, 1], [name])) for name in ("äöü", "αβγ", "üöä")}
    assert len(sheets) == 3
