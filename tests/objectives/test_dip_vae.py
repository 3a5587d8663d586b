"""DIP-VAE's covariances against batches computed by hand, samples and analytic gradients, on every space with any."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from submission.errors import UsageError
from submission.latent import parse
from submission.latent.moments import Moments, moments
from submission.objectives import TrainingPosition, create
from submission.objectives.dip_vae import batch_covariance

END = TrainingPosition(10_000, 10_000)
SPACES = (
    "R^4",
    "S^1",
    "S^2",
    "S^7",
    "T^3",
    "S^3(posterior=vmf)",
    "S^1(posterior=vmf)",
    "S^3(posterior=power_spherical)",
    "ISA(2x2)",
    "ISA(2x3; p0=2.1, p=2.2, components=subspaces)",
    "S^2 x S^2 x R^2",
    "S^2(posterior=vmf) x T^2 x R^1",
)


def found_in(spec: str, parameters: Tensor) -> tuple[Any, Moments]:
    """The posterior and its moments, in float64."""
    posterior = parse(spec).double().posterior(parameters)
    known = moments(posterior)
    assert known is not None
    return posterior, known


@pytest.mark.parametrize("spec", SPACES)
def test_moments_are_those_of_samples(spec: str) -> None:
    """E[z|x] of each image, and Cov[z|x] on average, in units of the prior's standard deviation."""
    torch.manual_seed(0)
    space = parse(spec).double()
    parameters = 0.3 * torch.randn(3, space.parameter_size, dtype=torch.float64)
    posterior, known = found_in(spec, parameters)
    prior = space.prior_sample((200_000,)).double()
    unit = prior.square().mean(0).sqrt()
    samples = posterior.rsample((40_000,)).double() / unit
    largest = known.covariance.abs().max()
    assert (samples.mean(0) - known.mean).abs().max() < 0.03 * largest.sqrt()
    centred = samples - samples.mean(0)
    covariance = torch.einsum("sni,snj->ij", centred, centred) / (len(samples) * 3)
    assert (covariance - known.covariance).abs().max() < 0.03 * largest


@pytest.mark.parametrize("spec", SPACES)
def test_the_prior_itself_has_the_identity(spec: str) -> None:
    """The aggregate of many posteriors with uniform centres and little spread, or of the prior's samples."""
    prior = parse(spec).prior_sample((100_000,)).double()
    normalised = prior / prior.square().mean(0).sqrt()
    assert (batch_covariance(normalised) - torch.eye(prior.shape[1])).abs().max() < 0.03


def test_a_batch_by_hand(linear_model: Any, normal_space: Any, images: Tensor) -> None:
    """Kumar et al. 2018, equations 6 and 7, entry by entry."""
    model = linear_model(normal_space(3))
    mean, log_scale = model.encode(images).detach().chunk(2, 1)
    count, penalties = len(images), []
    variance = log_scale.exp().square().mean(0)
    for second in (False, True):
        inside = between = 0.0
        for i in range(3):
            for j in range(3):
                entry = float((mean[:, i] * mean[:, j]).sum() / count - mean[:, i].mean() * mean[:, j].mean())
                entry += float(variance[i]) if second and i == j else 0.0
                inside += (entry - 1) ** 2 if i == j else 0.0
                between += entry**2 if i != j else 0.0
        penalties.append((inside, between))
    for name, (inside, between) in zip(("dip_vae_i", "dip_vae_ii"), penalties, strict=True):
        objective = create(name, model.space, 100, off_diagonal=3.0, diagonal=7.0)
        terms = objective.terms(model, images, objective.coefficients(END))
        assert float(terms.scalars["covariance_inside"]) == pytest.approx(inside, rel=1e-4)
        assert float(terms.scalars["covariance_between"]) == pytest.approx(between, rel=1e-4)
        extra = float(terms.loss.detach() + terms.scalars["elbo"])
        assert extra == pytest.approx(7 * inside + 3 * between, rel=1e-4)


def penalty(name: str, spec: str, parameters: Tensor, **weights: float) -> Tensor:
    """The weighted covariances of one batch, in float64."""
    objective = create(name, parse(spec), 100).double()
    _, known = found_in(spec, parameters)
    squares = (objective.covariance(known) - torch.eye(len(objective.same))).square()
    same = objective.same
    return weights["diagonal"] * squares[same].sum() + weights["off_diagonal"] * squares[~same].sum()


@pytest.mark.parametrize("name", ["dip_vae_i", "dip_vae_ii"])
@pytest.mark.parametrize("spec", ["R^3", "S^2 x R^1", "T^2", "S^3(posterior=vmf)", "S^2(posterior=power_spherical)"])
def test_gradients_are_those_of_finite_differences(name: str, spec: str) -> None:
    torch.manual_seed(1)
    parameters = torch.randn(4, parse(spec).parameter_size, dtype=torch.float64, requires_grad=True)

    def of(values: Tensor) -> Tensor:
        return penalty(name, spec, values, diagonal=2.0, off_diagonal=3.0)

    assert torch.autograd.gradcheck(of, parameters, atol=2e-4, rtol=1e-3, eps=1e-4)


def test_the_gradient_in_the_means_has_its_closed_form() -> None:
    """d/dμ_n Σ w_ij (C_ij − δ_ij)² = 4/N·Σ_j w_ij (C_ij − δ_ij)(μ_nj − μ̄_j)."""
    torch.manual_seed(2)
    means = torch.randn(6, 3, dtype=torch.float64)
    parameters = torch.cat([means, torch.zeros(6, 3, dtype=torch.float64)], 1).requires_grad_()
    penalty("dip_vae_i", "R^3", parameters, diagonal=2.0, off_diagonal=5.0).backward()
    weights = torch.full((3, 3), 5.0, dtype=torch.float64).fill_diagonal_(2.0)
    centred = means - means.mean(0)
    residual = weights * (centred.t() @ centred / 6 - torch.eye(3))
    assert parameters.grad is not None
    expected = 4 / 6 * centred @ residual
    torch.testing.assert_close(parameters.grad[:, :3], expected, rtol=1e-4, atol=1e-4)  # centres are softly bounded


def test_turning_a_sphere_changes_nothing() -> None:
    torch.manual_seed(3)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    parameters = torch.randn(5, parse("S^2 x R^1").parameter_size, dtype=torch.float64)
    turned = torch.cat([parameters[:, :3] @ turn, parameters[:, 3:]], 1)
    for name in ("dip_vae_i", "dip_vae_ii"):
        before, after = (
            penalty(name, "S^2 x R^1", own, diagonal=2.0, off_diagonal=3.0) for own in (parameters, turned)
        )
        torch.testing.assert_close(before, after)


@pytest.mark.parametrize("spec", ["RP^2", "SO(3)", "Torus", "R^2 x RP^3"])
def test_spaces_without_known_moments_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="needs a prior with a known covariance"):
        create("dip_vae_ii", parse(spec), 100)


@pytest.mark.parametrize("spec", SPACES)
@pytest.mark.parametrize("name", ["dip_vae_i", "dip_vae_ii", "capacity_tc"])
def test_losses_and_gradients_are_finite_at_extremes(name: str, spec: str) -> None:
    space = parse(spec)
    objective = create(name, space, 100)
    for scale in (0.0, 1.0, 50.0, 1e4):
        torch.manual_seed(0)
        parameters = (scale * torch.randn(8, space.parameter_size)).requires_grad_()
        model = Fixed(space, parameters)
        terms = objective.terms(model, torch.zeros(8, 1, 2, 2), objective.coefficients(END))
        terms.loss.backward()
        assert math.isfinite(float(terms.loss.detach()))
        assert parameters.grad is not None
        assert parameters.grad.isfinite().all()


class Fixed:
    """A model whose encoder gives chosen numbers and whose decoder ignores the sample's value, not its gradient."""

    likelihood, variance = "gaussian", 1.0

    def __init__(self, space: Any, parameters: Tensor) -> None:
        self.space, self.parameters = space, parameters

    def encode(self, images: Tensor) -> Tensor:
        return self.parameters

    def decode(self, z: Tensor) -> Tensor:
        return self.space.decoder_input(z).tanh().mean(-1)[:, None, None, None].expand(-1, 1, 2, 2)
