"""Codes, factors and images as others have them at hand: what cannot be misread is accepted, the rest is one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.utils.data import DataLoader, TensorDataset

import submission
from submission.cli.main import main, run_program
from submission.data import GroundTruthDataset
from submission.data.user_data import as_dataset
from submission.errors import SubmissionError
from submission.metrics import mig
from submission.progress import QUIET
from submission.run import ScoreFile

GRID = np.stack(np.unravel_index(np.arange(72), (6, 3, 4)), axis=1)
CODES = (GRID + 0.1 * np.random.RandomState(0).randn(72, 3)).astype(np.float32)
COLOURS = np.array(["black", "blue", "green", "red", "white", "yellow"])[GRID[:, 0]]
IMAGES = np.zeros((72, 16, 16, 1), np.uint8)
for picture, (row, column, shade) in zip(IMAGES, GRID, strict=True):
    picture[row * 2 : row * 2 + 2, column * 4 : column * 4 + 4] = 60 * (shade + 1)


def scores(codes: Any, factors: Any) -> dict[str, float]:
    """MIG and SAP."""
    return submission.score(codes, factors, metrics=["mig", "sap"], progress=QUIET).scores


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy that cannot be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def frame(columns: dict[str, Any]) -> Any:
    """A data frame, as far as this package looks at one."""
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(columns)


SAME_CODES: dict[str, Callable[[], Any]] = {
    "Fortran order": lambda: np.asfortranarray(CODES),
    "read-only": lambda: read_only(CODES),
    "big-endian": lambda: CODES.astype(">f4"),
    "nested lists": lambda: CODES.tolist(),
    "a tensor that is not contiguous": lambda: torch.from_numpy(CODES).T.contiguous().T,
    "a tensor that requires a gradient": lambda: torch.from_numpy(CODES).requires_grad_(),
    "a sparse matrix": lambda: sparse.csr_matrix(CODES),
    "a sparse tensor": lambda: torch.from_numpy(CODES).to_sparse(),
    "a masked array without masked entries": lambda: np.ma.masked_array(CODES),
    "a data frame": lambda: frame({name: CODES[:, k] for k, name in enumerate("abc")}),
    "objects that are numbers": lambda: CODES.astype(object),
}
SAME_FACTORS: dict[str, Callable[[], Any]] = {
    "Fortran order": lambda: np.asfortranarray(GRID),
    "read-only": lambda: read_only(GRID),
    "floats": lambda: GRID.astype(float),
    "bytes": lambda: GRID.astype(np.uint8),
    "negative numbers": lambda: GRID - 3,
    "a tensor": lambda: torch.from_numpy(GRID),
    "nested lists": lambda: GRID.tolist(),
    "a mapping with words": lambda: {"colour": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]},
    "rows of words and numbers": lambda: [[COLOURS[k], *GRID[k, 1:].tolist()] for k in range(72)],
    "a data frame with words": lambda: frame({"colour": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]}),
    "a data frame with categories": lambda: frame({"c": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]}).astype("category"),
    "a data frame of nullable integers": lambda: frame({k: GRID[:, k] for k in range(3)}).astype("Int64"),
    "a structured array": lambda: np.array([tuple(r) for r in GRID], dtype=[("a", "i4"), ("b", "i4"), ("c", "i4")]),
    "dates": lambda: np.datetime64("2020") + GRID.astype("timedelta64[D]"),
}


@pytest.mark.parametrize("name", SAME_CODES)
def test_codes_of_another_kind_have_the_same_scores(name: str) -> None:
    assert scores(SAME_CODES[name](), GRID) == scores(CODES, GRID)
    assert dict(mig(SAME_CODES[name](), GRID).values) == dict(mig(CODES, GRID).values)


@pytest.mark.parametrize("name", SAME_FACTORS)
def test_factors_of_another_kind_have_the_same_scores(name: str) -> None:
    assert scores(CODES, SAME_FACTORS[name]()) == scores(CODES, GRID)
    assert dict(mig(CODES, SAME_FACTORS[name]()).values) == dict(mig(CODES, GRID).values)


def test_half_precision_whole_and_truth_values_are_taken_as_the_numbers_they_are() -> None:
    for codes in (CODES.astype(np.float16), torch.from_numpy(CODES).bfloat16(), (CODES * 9).astype(np.int8), CODES > 1):
        floats = np.asarray(codes.float() if isinstance(codes, torch.Tensor) else codes, dtype=np.float64)
        assert scores(codes, GRID) == scores(floats, GRID)
    assert scores(CODES, GRID > 1) == scores(CODES, (GRID > 1).astype(int))


def test_one_code_or_one_factor_without_a_second_axis_is_a_column() -> None:
    assert scores(CODES, GRID[:, 0]) == scores(CODES, GRID[:, :1])
    assert (
        submission.score(CODES[:, 0], GRID, metrics=["irs"], progress=QUIET).failures
        == submission.score(CODES[:, :1], GRID, metrics=["irs"], progress=QUIET).failures
    )


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "masked codes": (np.ma.masked_array(CODES, mask=CODES > 4), GRID, "masked entries"),
    "masked factors": (CODES, np.ma.masked_array(GRID, mask=GRID > 4), "masked entries"),
    "complex codes": (CODES + 1j, GRID, "complex"),
    "NaN": (np.where(CODES > 4, np.nan, CODES), GRID, "NaN or infinity"),
    "a missing word": (CODES, {"a": [None, *COLOURS[1:]], "b": GRID[:, 1]}, "no value in row 0"),
    "no rows": (CODES[:0], GRID[:0], r"\(0, 3\)"),
    "rows that are columns": (CODES.T, GRID, "3 codes but 72 rows"),
    "a generator": ((row for row in CODES), GRID, "object"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_misread_is_refused(name: str) -> None:
    codes, factors, message = REFUSED[name]
    with pytest.raises(SubmissionError, match=message):
        scores(codes, factors)


@pytest.mark.parametrize(
    ("factors", "rows"), [(np.zeros((72, 1), int), 72), (GRID, 1), (GRID, 2)], ids=["one class", "one row", "two rows"]
)
def test_factors_without_variety_fail_with_a_reason(factors: np.ndarray, rows: int) -> None:
    results = submission.score(CODES[:rows], factors[:rows], metrics=["mig"], progress=QUIET)
    assert not results.scores
    assert "mig" in results.failures
    assert results.failures["mig"].strip()


def same_images(found: Any) -> bool:
    """Whether a data set is the grid of ``IMAGES``."""
    return found.factor_sizes == (6, 3, 4) and np.array_equal(
        np.rint(found.observations(np.arange(72)) * 255).astype(np.uint8), IMAGES
    )


DATA: dict[str, Callable[[], Any]] = {
    "Fortran order": lambda: (np.asfortranarray(IMAGES), GRID),
    "read-only": lambda: (read_only(IMAGES), GRID),
    "a reversed view": lambda: (IMAGES[:, ::-1].copy()[:, ::-1], GRID),
    "integers": lambda: (IMAGES.astype(np.int64), GRID),
    "nested lists": lambda: (IMAGES.tolist(), GRID.tolist()),
    "float64 in [0, 1]": lambda: (IMAGES / 255, GRID),
    "a tensor with channels first": lambda: (torch.from_numpy(IMAGES).movedim(3, 1), GRID),
    "a tensor that requires a gradient": lambda: ((torch.from_numpy(IMAGES) / 255).requires_grad_(), GRID),
    "a list of two arrays": lambda: [IMAGES, GRID],
    "words in a mapping": lambda: (IMAGES, {"colour": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]}),
    "words and numbers": lambda: (IMAGES, np.array([[COLOURS[k], *GRID[k, 1:]] for k in range(72)], dtype=object)),
    "a data frame": lambda: (IMAGES, frame({"colour": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]})),
    "torch's TensorDataset": lambda: TensorDataset(torch.from_numpy(IMAGES).movedim(3, 1), torch.from_numpy(GRID)),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.filterwarnings("error")
def test_images_of_another_kind_are_the_same_data_set(name: str) -> None:
    assert same_images(as_dataset(DATA[name]()))


def test_columns_keep_their_names() -> None:
    found = as_dataset((IMAGES, {"colour": COLOURS, "y": GRID[:, 1], "z": GRID[:, 2]}))
    assert isinstance(found, GroundTruthDataset)
    assert found.factor_names == ("colour", "y", "z")
    assert found.factors_of_variation[0].labels[:2] == ("black", "blue")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.ma.masked_array(IMAGES, mask=IMAGES > 2), GRID), "masked entries"),
        ((IMAGES.astype(np.float32), GRID), r"outside \[0, 1\]"),
        ((IMAGES / 127.5 - 1, GRID), r"outside \[0, 1\]"),
        ((IMAGES.astype(np.int64) - 1, GRID), "int64"),
        (IMAGES[0, :, :, 0], "16x16"),
        (IMAGES[:0], "0x16"),
        ([{"image": IMAGES[0]}] * 3, "object"),
        (DataLoader(TensorDataset(torch.from_numpy(IMAGES))), "map-style"),
    ],
    ids=["masked", "to 255", "from -1", "negative", "one picture", "none", "dictionaries", "loader"],
)
def test_images_that_could_be_misread_are_refused(data: Any, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        as_dataset(data)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is home, too, with one data set under many names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez("a.npz", images=IMAGES, factors=GRID)
    Path("with blanks").mkdir()
    for name in ("UPPER.NPZ", "with blanks/my data.npz", "ünïcode.npz", "noending", "wrong.h5"):
        shutil.copy("a.npz", name)
    np.save("array.npy", IMAGES)
    np.savez("codes.NPZ", codes=CODES, factors=GRID)
    Path("codes.NPZ.npz").rename("codes.NPZ")
    return tmp_path


PATHS = ["a.npz", "./a.npz", "UPPER.NPZ", "with blanks/my data.npz", "ünïcode.npz", "~/a.npz"]


@pytest.mark.parametrize("path", PATHS)
def test_paths_with_blanks_capitals_and_tildes(path: str, files: Path) -> None:
    assert same_images(submission.load_data(path))
    assert same_images(submission.load_data(Path(path)))
    assert same_images(as_dataset(Path(path)))
    assert same_images(submission.load_data(Path(path).expanduser().resolve()))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://example.com/a.npz", "is a web address"),
        ("noending", "no data set named"),
        ("wrong.h5", "cannot read"),
        ("array.npy", "np.savez"),
        ("missing.npz", "there is no file"),
        ("with blanks", "name the folder as ./with blanks"),
    ],
)
def test_paths_that_lead_nowhere_are_one_line(
    path: str, message: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SubmissionError, match=message):
        submission.load_data(path)
    assert main(["data", "info", path]) in (1, 2)
    error = capsys.readouterr().err
    assert message.replace("\\", "") in error
    assert error.count("\n") == 1


def test_codes_files_with_capitals_and_words(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("evaluate", ["--codes", "codes.NPZ", "--metrics", "mig", "--json", "first.json"]) == 0
    np.savetxt("codes.csv", CODES, delimiter=",", header="a,b,c", comments="")
    rows = ["colour,y,z", *(f"{COLOURS[k]},{GRID[k, 1]},{GRID[k, 2]}" for k in range(72))]
    Path("factors.CSV").write_text("\n".join(rows), encoding="utf-8")
    words = ["--codes", "codes.csv", "--factors", "factors.CSV", "--metrics", "mig", "--json", "second.json"]
    assert run_program("evaluate", words) == 0
    first, second = (ScoreFile.read(Path(name)).headlines()["mig"] for name in ("first.json", "second.json"))
    assert first == pytest.approx(second, abs=1e-6)


def test_a_named_tuple_of_images_is_a_pair_too() -> None:
    pair = SimpleNamespace(images=IMAGES, factors=GRID)
    with pytest.raises(SubmissionError, match="has no length"):
        as_dataset(pair)  # type: ignore[arg-type]
