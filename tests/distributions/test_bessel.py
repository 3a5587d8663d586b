"""The von Mises–Fisher normaliser against 30-digit references that mpmath computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from submission.distributions import VonMisesFisher
from submission.distributions.bessel import length_slope, normaliser
from tests.script import load_script

HERE = Path(__file__).parent
ROWS = json.loads((HERE / "bessel_references.json").read_text())
DIMENSIONS = sorted({row["m"] for row in ROWS})


def references(m: int) -> dict[str, torch.Tensor]:
    """Columns of the reference rows of one dimension, float64."""
    rows = [row for row in ROWS if row["m"] == m]
    return {name: torch.tensor([float(row[name]) for row in rows], dtype=torch.float64) for name in rows[0]}


@pytest.mark.parametrize("m", DIMENSIONS)
def test_normaliser_and_mean_length_are_right_to_seven_digits(m: int) -> None:
    expected = references(m)
    value, length = normaliser(expected["kappa"], m)
    torch.testing.assert_close(value, expected["log_normaliser"], rtol=1e-7, atol=0)
    torch.testing.assert_close(length, expected["mean_length"], rtol=1e-7, atol=0)


@pytest.mark.parametrize("m", DIMENSIONS)
def test_slope_of_the_mean_length_is_right_to_six_digits(m: int) -> None:
    expected = references(m)
    slope = length_slope(expected["kappa"], normaliser(expected["kappa"], m)[1], m)
    torch.testing.assert_close(slope, expected["slope"], rtol=1e-6, atol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
@pytest.mark.parametrize("m", DIMENSIONS)
def test_kl_to_uniform_and_its_gradient(m: int, dtype: torch.dtype, tolerance: float) -> None:
    expected = references(m)
    kappa = expected["kappa"].to(dtype).requires_grad_()
    distribution = VonMisesFisher(torch.eye(m, dtype=dtype)[0], kappa)
    divergence = distribution.divergence_from_uniform()
    (gradient,) = torch.autograd.grad(divergence.sum(), kappa)
    torch.testing.assert_close(divergence, expected["kl"].to(dtype), rtol=tolerance, atol=0)
    torch.testing.assert_close(gradient, (expected["kappa"] * expected["slope"]).to(dtype), rtol=tolerance, atol=0)


def test_no_concentration_is_uniform() -> None:
    value, length = normaliser(torch.zeros(1, dtype=torch.float64), 7)
    assert value.item() == length.item() == 0
    assert length_slope(torch.zeros(1, dtype=torch.float64), length, 7).item() == pytest.approx(1 / 7)


def test_the_script_makes_these_references() -> None:
    maker = load_script(HERE / "make_bessel_references.py")
    with maker.mp.workdps(60):
        for index in (0, 30, 77, len(ROWS) - 1):
            assert maker.row(ROWS[index]["m"], ROWS[index]["kappa"]) == ROWS[index]
