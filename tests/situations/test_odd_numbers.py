"""Numbers that a cast complains of, NaN that signals and floats beyond the range of the next kind, are one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from submission.data.user_data import as_dataset
from submission.errors import SubmissionError
from submission.evaluation.codes import codes_from_arrays, load_codes
from submission.metrics import mig

GRID = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
IMAGES = np.zeros((12, 5, 6, 3), np.uint8)
ODD = {
    "signalling float16": np.array([0x7D00], np.uint16).view(np.float16),
    "signalling float32": np.array([0x7FA00000], np.uint32).view(np.float32),
    "signalling float64": np.array([0x7FF4000000000000], np.uint64).view(np.float64),
    "float64 beyond float32": np.array([1e300]),
    "long double beyond float64": np.array([np.longdouble("1e4000")]),
}


def table(name: str, *shape: int) -> np.ndarray:
    """Halves, with the odd number in the second place."""
    odd = ODD[name]
    values = np.full(int(np.prod(shape)), 0.5, odd.dtype)
    values[1:2] = odd
    return values.reshape(shape)


@pytest.mark.parametrize("name", ODD)
def test_odd_numbers_are_refused_without_a_warning(name: str, tmp_path: Path) -> None:
    odd = table(name, 12, 2)
    np.save(tmp_path / "odd.npy", odd)
    np.save(tmp_path / "grid.npy", GRID)
    readers = [
        lambda: mig(odd, GRID),
        lambda: codes_from_arrays(odd, GRID),
        lambda: codes_from_arrays(GRID, odd),
        lambda: load_codes(tmp_path / "odd.npy", tmp_path / "grid.npy"),
        lambda: load_codes(tmp_path / "grid.npy", tmp_path / "odd.npy"),
        lambda: as_dataset((IMAGES, odd)),
    ]
    for read in readers if name != "float64 beyond float32" else []:
        with pytest.raises(SubmissionError, match=r"NaN or infinity|not finite"):
            read()
    with pytest.raises(SubmissionError, match="not finite"):
        as_dataset((table(name, *IMAGES.shape), GRID))
