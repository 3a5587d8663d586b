"""Every weighting of the KL against the formula it implements."""

from __future__ import annotations

import pytest
import torch

from submission.errors import UsageError
from submission.objectives import OBJECTIVES, Linear, TrainingPosition, create
from submission.objectives.base import ForwardPass

MIDDLE = TrainingPosition(50, 100)


def evaluate(name, model, images, position=MIDDLE, **settings):
    """Terms of one objective with the same noise every time."""
    torch.manual_seed(3)
    objective = create(name, model.space, 100, **settings)
    return objective.terms(model, images, objective.coefficients(position))


@pytest.fixture
def model(linear_model, normal_space):
    return linear_model(normal_space(2, 3))


def test_the_elbo_is_log_likelihood_minus_kl_of_the_pass(model, images):
    torch.manual_seed(3)
    run = ForwardPass.of(model, images)
    terms = evaluate("beta_vae", model, images)
    expected = (run.kl.sum(1) - run.log_likelihood).mean()
    torch.testing.assert_close(terms.loss, expected)
    torch.testing.assert_close(terms.scalars["elbo"], -expected.detach())
    torch.testing.assert_close(terms.component_kl, run.kl.mean(0).detach())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("beta_vae", {"factor_betas": (1.0, 1.0)}),
        ("beta_vae", {"beta": Linear(0, 1, fraction=0.5)}),
        ("capacity", {"capacity": 0.0}),
        ("capacity", {"capacity": 0.0, "per_image": True}),
        ("free_bits", {"free": 0.0}),
        ("beta_tcvae", {"beta": 1.0}),
    ],
)
def test_neutral_settings_give_the_elbo(model, images, name, settings):
    terms = evaluate(name, model, images, **settings)
    torch.testing.assert_close(terms.loss, evaluate("beta_vae", model, images).loss)


def test_beta_weights_the_kl(model, images):
    terms = evaluate("beta_vae", model, images, beta=7.0)
    torch.testing.assert_close(terms.loss.detach(), terms.scalars["reconstruction"] + 7 * terms.scalars["kl"])


def test_a_schedule_of_beta_follows_the_position(model, images):
    terms = evaluate("beta_vae", model, images, TrainingPosition(25, 100), beta=Linear(0, 2, fraction=0.5))
    torch.testing.assert_close(terms.loss.detach(), -terms.scalars["elbo"])


@pytest.mark.parametrize("name", ["beta_vae", "free_bits", "beta_tcvae", "factor_vae"])
def test_the_warm_up_weighs_all_but_the_reconstruction(model, images, name):
    cold, warm = (evaluate(name, model, images, TrainingPosition(step, 10_000)) for step in (124, 500))
    own = warm.scalars.get("discriminator", 0.0)
    penalty = warm.loss.detach() - own - warm.scalars["reconstruction"]
    assert penalty > 0
    torch.testing.assert_close(cold.loss.detach() - own, cold.scalars["reconstruction"] + 0.25 * penalty)


def test_the_capacity_objective_has_no_warm_up(model, images):
    terms = evaluate("capacity", model, images, TrainingPosition(0, 10_000), capacity=1.0)
    expected = terms.scalars["reconstruction"] + (terms.scalars["kl"] - 1).abs()
    torch.testing.assert_close(terms.loss.detach(), expected)


def test_factor_betas_weight_each_factor(model, images):
    scalars = evaluate("beta_vae", model, images, beta=2.0, factor_betas=(0.5, 3.0)).scalars
    expected = scalars["reconstruction"] + 2 * (0.5 * scalars["kl/0"] + 3 * scalars["kl/1"])
    torch.testing.assert_close(scalars["loss"], expected)


def test_factor_kls_add_up_and_a_single_factor_has_none(model, images, linear_model, normal_space):
    scalars = evaluate("beta_vae", model, images).scalars
    torch.testing.assert_close(scalars["kl/0"] + scalars["kl/1"], scalars["kl"])
    assert not any("/" in name for name in evaluate("beta_vae", linear_model(normal_space(4)), images).scalars)


@pytest.mark.parametrize("position", [TrainingPosition(0, 100), MIDDLE, TrainingPosition(100, 100)])
def test_capacity_pulls_the_kl_to_the_annealed_value(model, images, position):
    scalars = evaluate("capacity", model, images, position, beta=2.5, capacity=Linear(0, 15)).scalars
    capacity = 15 * position.fraction
    torch.testing.assert_close(scalars["loss"], scalars["reconstruction"] + 2.5 * (scalars["kl"] - capacity).abs())


def test_capacity_per_image_is_the_mean_of_distances(model, images):
    torch.manual_seed(3)
    kl = ForwardPass.of(model, images).kl.sum(1).detach()
    target = kl.median()
    scalars = evaluate("capacity", model, images, capacity=float(target), per_image=True).scalars
    torch.testing.assert_close(scalars["loss"] - scalars["reconstruction"], (kl - target).abs().mean())


def test_free_bits_charge_only_what_exceeds_them(model, images):
    terms = evaluate("free_bits", model, images, free=0.1)
    assert (terms.component_kl < 0.1).any()
    assert (terms.component_kl > 0.1).any()
    charged = terms.component_kl.clamp(min=0.1).sum()
    torch.testing.assert_close(terms.loss.detach(), terms.scalars["reconstruction"] + charged)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_only_the_loss_has_a_gradient_and_all_terms_are_floats(model, images, name):
    terms = evaluate(name, model, images)
    assert terms.loss.requires_grad
    assert terms.loss.ndim == 0
    assert not any(value.requires_grad for value in [*terms.scalars.values(), terms.component_kl])
    assert {value.dtype for value in terms.scalars.values()} == {torch.float32}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_coefficients_may_be_tensors_for_a_captured_step(model, images, name):
    objective = create(name, model.space, 100)
    floats = objective.coefficients(MIDDLE)
    torch.manual_seed(3)
    expected = objective.terms(model, images, floats).loss
    torch.manual_seed(3)
    tensors = {key: torch.tensor(value) for key, value in floats.items()}
    torch.testing.assert_close(objective.terms(model, images, tensors).loss, expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_bfloat16_autocast_leaves_every_sum_in_float32(model, images, name):
    with torch.autocast("cpu", torch.bfloat16):
        terms = evaluate(name, model, images)
    reference = evaluate(name, model, images)
    assert terms.loss.dtype == torch.float32
    torch.testing.assert_close(terms.loss, reference.loss, rtol=0.02, atol=0)


def test_a_wrong_number_of_factor_betas_is_refused(model):
    with pytest.raises(UsageError, match=r"3 factor_betas for the 2 factors of R\^2 x R\^3"):
        create("beta_vae", model.space, 100, factor_betas=(1.0, 1.0, 1.0))


def test_an_unknown_objective_is_refused(model):
    with pytest.raises(UsageError, match="factor_vae"):
        create("beta-vae", model.space, 100)
