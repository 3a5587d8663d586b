"""log q(z) of a batch by the C kernel, against float64 and against tables, in value and gradient."""

from __future__ import annotations

import pytest
import torch

from submission import acceleration
from submission.accelerators.library import library
from submission.latent import parse
from submission.latent.estimators import normal_coordinates
from tests.objectives.aggregate_cases import evaluate, problem

needs_kernel = pytest.mark.skipif(library("aggregate") is None, reason="no C compiler was at hand at installation")
SPECS = ["R^1", "R^3", "ISA(2x3)", "ISA(2x3; components=subspaces)", "R^2 x ISA(3+1; components=subspaces)"]
CIRCLES = ["S^1", "T^3", "R^2 x T^2"]


@needs_kernel
@pytest.mark.parametrize("spec", SPECS + CIRCLES)
@pytest.mark.parametrize("spread", [0.01, 1.0, 5.0])
def test_the_kernel_is_as_close_to_float64_as_its_twin(spec, spread, monkeypatch):
    """Sharp posteriors leave float32 few digits of distant densities, whoever computes them.

    The kernel subtracts angles, which near π are known to 3e-7 only: a ten-thousandth of the sharpest circle's scale.
    """
    slack = 1e-4 if spec in CIRCLES and spread > 1 else 1e-6
    given = problem(spec, spread=spread)
    exact = evaluate(spec, *(part.double() for part in given[:3]), [part.double() for part in given[3]])
    fast = evaluate(spec, *given)
    monkeypatch.setattr(acceleration, "accelerators", dict)
    for value, twin, reference in zip(fast, evaluate(spec, *given), exact, strict=True):
        size = float(reference.abs().max())
        assert float((value - reference).abs().max()) <= 1.5 * float((twin - reference).abs().max()) + slack * size
        assert size > 0


@needs_kernel
def test_the_kernel_takes_other_samples_than_the_batchs_own(monkeypatch):
    given = problem("R^3", samples=11)
    fast = evaluate("R^3", *given)
    monkeypatch.setattr(acceleration, "accelerators", dict)
    for value, reference in zip(fast, evaluate("R^3", *given), strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-4, atol=1e-5)


@needs_kernel
@pytest.mark.parametrize("threads", [1, 3, 50, 200])
def test_any_number_of_threads_will_do(threads):
    given = problem("ISA(2x3)", images=64)
    whole = evaluate("ISA(2x3)", *given)
    torch.set_num_threads(threads)
    split = evaluate("ISA(2x3)", *given)
    assert all(torch.equal(a, b) for a, b in zip(whole[:2], split[:2], strict=True))
    for value, reference in zip(split[2:], whole[2:], strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-5, atol=1e-5)


@needs_kernel
def test_samples_far_from_every_posterior_are_finite():
    parameters, z, log_weights, outer = problem("R^3")
    found = evaluate("R^3", parameters, z + 900, log_weights, outer)
    assert all(bool(value.isfinite().all()) for value in found)


@needs_kernel
def test_a_sample_that_is_not_a_number_shows():
    parameters, z, log_weights, outer = problem("R^3")
    z[5, 1] = float("nan")
    joint, marginals = evaluate("R^3", parameters, z, log_weights, outer)[:2]
    assert joint.isnan().tolist() == [row == 5 for row in range(len(z))]
    assert marginals.isnan().nonzero().tolist() == [[5, 1]]


def test_gaussians_and_circles_take_the_kernel():
    expected = {"R^3": (1, 1, 1), "ISA(2x3; components=subspaces)": (3, 3), "R^1 x T^2": (1, 1, 1)}
    for spec, sizes in expected.items():
        posterior = parse(spec).posterior(torch.randn(4, parse(spec).parameter_size))
        normal = normal_coordinates(posterior, posterior.rsample())
        assert normal is not None
        assert normal.sizes == sizes
        assert sum(normal.circular) == 2 * (spec == "R^1 x T^2")
    for spec in ("S^2", "T^2(posterior=vmf)", "R^2 x S^2"):
        posterior = parse(spec).posterior(torch.randn(4, parse(spec).parameter_size))
        assert normal_coordinates(posterior, posterior.rsample()) is None
