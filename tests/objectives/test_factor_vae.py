"""FactorVAE: who learns from what, what the discriminator estimates, and exact resume."""

from __future__ import annotations

import copy
import io
import math

import pytest
import torch
from torch import Tensor

from submission.latent import parse
from submission.objectives import TrainingPosition, create
from submission.objectives.factor_vae import FactorVAE

END = TrainingPosition(100, 100)


@pytest.fixture
def model(linear_model, normal_space):
    return linear_model(normal_space(2, 1))


def small(space, **settings) -> FactorVAE:
    objective = create("factor_vae", space, 100, width=16, depth=2, **settings)
    assert isinstance(objective, FactorVAE)
    return objective


def gradients(module) -> list[Tensor | None]:
    return [None if weight.grad is None else weight.grad.clone() for weight in module.parameters()]


def test_the_discriminator_step_leaves_the_encoder_gradients_untouched(model, images):
    objective = small(model.space)
    z = model.space.posterior(model.encode(images)).rsample()
    objective.discriminator_loss(z.detach(), objective.shuffled(model, images)).backward()
    assert gradients(model.encoder) == [None] * 2
    assert all(gradient is not None for gradient in gradients(objective.discriminator))


def test_the_total_correlation_moves_the_encoder_and_not_the_discriminator(model, images):
    objective = small(model.space)
    objective.total_correlation(model.space.posterior(model.encode(images)).rsample()).backward()
    assert gradients(objective.discriminator) == [None] * 6
    assert all(bool(gradient.any()) for gradient in gradients(model.encoder))


def test_one_backward_pass_gives_each_side_the_gradient_of_its_own_loss(model, images):
    objective = small(model.space, gamma=0.0)
    torch.manual_seed(2)
    objective.terms(model, images, objective.coefficients(END)).loss.backward()
    of_factor_vae = gradients(model)
    model.zero_grad()
    torch.manual_seed(2)
    elbo = create("beta_vae", model.space, 100)
    elbo.terms(model, images[:6], elbo.coefficients(END)).loss.backward()
    for mine, reference in zip(of_factor_vae, gradients(model), strict=True):
        torch.testing.assert_close(mine, reference)


def test_update_moves_only_the_discriminator(model, images):
    objective = small(model.space)
    before = [weight.clone() for weight in [*model.parameters(), *objective.discriminator.parameters()]]
    objective.terms(model, images, objective.coefficients(END)).loss.backward()
    objective.update()
    after = [*model.parameters(), *objective.discriminator.parameters()]
    moved = [not torch.equal(old, new) for old, new in zip(before, after, strict=True)]
    assert moved == [False] * 4 + [True] * 6
    assert gradients(objective.discriminator) == [None] * 6


def test_shuffled_codes_keep_each_column_and_components_stay_whole(model, images):
    objective = small(model.space)
    objective.component_of_column = torch.tensor([0, 0, 1])  # a component of two columns and one of one
    model.space.posterior = lambda parameters: Fixed(codes)
    codes = torch.arange(36.0).reshape(12, 3)
    shuffled = objective.shuffled(model, images)
    assert [sorted(column) for column in shuffled.T.tolist()] == [sorted(column) for column in codes.T.tolist()]
    torch.testing.assert_close(shuffled[:, 1] - shuffled[:, 0], torch.ones(12))
    assert not torch.equal(shuffled[:, 2] - shuffled[:, 1], torch.ones(12))


class Fixed:
    """A posterior that is one known sample."""

    def __init__(self, codes: Tensor) -> None:
        self.codes = codes

    def rsample(self) -> Tensor:
        return self.codes


def test_the_log_odds_learn_the_total_correlation_of_a_correlated_gaussian(normal_space):
    """TC of a bivariate normal is −½ log(1 − ρ²)."""
    correlation = 0.8
    root = torch.linalg.cholesky(torch.tensor([[1.0, correlation], [correlation, 1.0]]))
    objective = create("factor_vae", normal_space(2), 100, width=64, depth=2, learning_rate=1e-3)
    for _ in range(600):
        objective.discriminator_loss(torch.randn(1024, 2) @ root.T, torch.randn(1024, 2)).backward()
        objective.update()
    estimate = float(objective.total_correlation(torch.randn(20_000, 2) @ root.T))
    assert estimate == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.12)


def test_resume_is_exact(model, images):
    def train(objective: FactorVAE, steps: int) -> None:
        for _ in range(steps):
            objective.terms(model, images, objective.coefficients(END)).loss.backward()
            objective.update()

    first = small(model.space)
    train(first, 3)
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    resumed = small(model.space)
    resumed.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
    for objective in (first, resumed):
        torch.manual_seed(4)
        train(objective, 2)
    for one, other in zip(first.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_an_odd_stack_of_batches_still_trains(model, images):
    objective = small(model.space)
    assert objective.terms(model, images[:5], objective.coefficients(END)).loss.isfinite()


def test_a_copy_learns_on_its_own(model, images):
    """The precision trial steps a copy; the original must not move."""
    objective = small(model.space)
    before = [weight.clone() for weight in objective.parameters()]
    twin = copy.deepcopy(objective)
    twin.terms(model, images, twin.coefficients(END)).loss.backward()
    twin.update()
    assert all(torch.equal(old, new) for old, new in zip(before, objective.parameters(), strict=True))
    assert any(not torch.equal(old, new) for old, new in zip(before, twin.parameters(), strict=True))


def test_signs_that_mean_nothing_are_not_penalised():
    """Two independent points of RP^2 whose unit vectors share one sign: log 2 nats on the spheres, none here."""
    space = parse("RP^2 x RP^2")
    objective = create("factor_vae", space, 100, width=64, depth=3, learning_rate=1e-3)
    assert isinstance(objective, FactorVAE)

    def codes(count: int = 1000) -> Tensor:
        points = torch.nn.functional.normalize(torch.randn(count, 2, 3), dim=-1)
        points = torch.where(points[..., :1] < 0, -points, points) * torch.randn(count, 1, 1).sign()
        return points.flatten(1)

    for _ in range(150):
        z, other = codes(), torch.cat([codes()[:, :3], codes()[:, 3:]], 1)
        objective.discriminator_loss(objective.either_sign(z), objective.either_sign(other)).backward()
        objective.update()
    assert abs(float(objective.total_correlation(objective.either_sign(codes(20_000))))) < 0.05
    assert torch.equal(FactorVAE(parse("S^2"), 100, width=2).either_sign(z[:, :3]), z[:, :3])


def test_a_sign_leaves_gradients_of_even_costs_alone():
    objective = create("factor_vae", parse("RP^2 x R^1"), 100, width=2)
    assert isinstance(objective, FactorVAE)
    z = torch.randn(500, 4, requires_grad=True)
    seen = objective.either_sign(z)
    assert torch.equal(seen.abs(), z.abs())
    assert torch.equal(seen[:, 3], z[:, 3])
    assert 150 < int((seen[:, 0] != z[:, 0]).sum()) < 350
    assert torch.equal((seen[:, 0] != z[:, 0]), (seen[:, 2] != z[:, 2]))
    seen.square().sum().backward()
    torch.testing.assert_close(z.grad, 2 * z.detach())
