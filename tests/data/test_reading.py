"""A file that is not there is downloaded, one that may not be read is said to be so, a broken one is fetched again."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission.data import load
from submission.data.reading import again, unreadable
from submission.errors import SubmissionError, UsageError

PLACES = {
    "caltech101": "caltech101_silhouettes/caltech101_silhouettes_28_split1.mat",
    "cars3d": "cars",
    "mnist": "mnist/train-images-idx3-ubyte.gz",
    "mpi3d_real": "mpi3d_real/mpi3d_real.npz",
    "omniglot": "omniglot/images_background.npz",
    "shapes3d": "3dshapes/3dshapes.h5",
    "smallnorb": "small_norb/smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat",
}


@pytest.mark.parametrize("name", PLACES)
def test_a_missing_file_is_not_downloaded_again(name: str, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError) as caught:
        load(name, tmp_path)
    assert str(tmp_path / PLACES[name]) in caught.value.what
    assert caught.value.what.endswith(("does not exist", "exists"))
    assert caught.value.fix == f"download it (`python -m submission data download {name}`)"


def test_missing_faces_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="does not exist — `python -m submission data info faces3d`"):
        load("faces3d", tmp_path)


def test_kinds_of_unreadable_files() -> None:
    path, fix = Path("x.mat"), again("mnist")
    assert str(unreadable(path, FileNotFoundError(), fix)).startswith("x.mat does not exist — download it (`")
    assert str(unreadable(path, PermissionError(13, "denied"), fix)).startswith("x.mat may not be read: permission")
    assert str(unreadable(path, ValueError("bad\nmore"), fix, "im")).startswith("cannot read 'im' of x.mat: bad — ")
    assert unreadable(path, OSError("bad"), fix).fix.startswith("download it again (`")


@pytest.mark.parametrize("name", [*PLACES, "dsprites_full", "own.npz"])
def test_a_folder_that_may_not_be_entered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python 3.11 tells it: even asking whether a file is there is refused."""

    def refuse(path: Path, *arguments: object, **options: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    for question in ("stat", "open", "is_file", "exists", "is_dir"):
        monkeypatch.setattr(Path, question, refuse)
    monkeypatch.setattr("h5py.File", refuse)
    with pytest.raises(SubmissionError, match="may not be read: permission denied — change its permissions"):
        load(name, tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "data/cars3d", "own.npzz/x"])
def test_a_path_is_not_a_misspelt_name(name: str) -> None:
    with pytest.raises(SubmissionError, match=r"there is no folder .* a data file of your own ends in") as caught:
        load(name)
    assert "did you mean" not in str(caught.value)


def test_a_far_name_has_no_hint() -> None:
    with pytest.raises(UsageError, match="named 'passwd' — `python -m submission data list`"):
        load("passwd")
