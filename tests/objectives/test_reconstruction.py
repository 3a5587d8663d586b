"""log p(x|z) against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from submission.objectives import reconstruction


def test_bernoulli_is_the_log_probability_of_binary_images(images):
    binary, logits = images.round(), 3 * torch.randn(12, 1, 4, 4)
    expected = Bernoulli(logits=logits).log_prob(binary).sum((1, 2, 3))
    torch.testing.assert_close(reconstruction.bernoulli(logits, binary), expected)


@pytest.mark.parametrize("variance", [1.0, 0.09])
def test_gaussian_has_its_normaliser(images, variance):
    means = torch.randn(12, 1, 4, 4)
    expected = Normal(means, variance**0.5).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(reconstruction.gaussian(means, images, variance), expected)


@pytest.mark.parametrize("density", [reconstruction.bernoulli, reconstruction.gaussian])
def test_extreme_outputs_stay_finite_and_leading_dimensions_are_kept(images, density):
    outputs = torch.tensor([-1e4, 0.0, 1e4]).reshape(3, 1, 1, 1, 1).expand(3, 12, 1, 4, 4).requires_grad_()
    log_likelihood = density(outputs, images)
    assert log_likelihood.shape == (3, 12)
    assert log_likelihood.isfinite().all()
    assert torch.autograd.grad(log_likelihood.sum(), outputs)[0].isfinite().all()


@pytest.mark.parametrize("density", [reconstruction.bernoulli, reconstruction.gaussian])
def test_half_precision_outputs_are_summed_in_float32(images, density):
    outputs = torch.randn(12, 1, 4, 4).bfloat16()
    torch.testing.assert_close(density(outputs, images), density(outputs.float(), images))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_model_chooses_the_likelihood(normal_space, linear_model, images, likelihood):
    model = linear_model(normal_space(2), likelihood, 0.25)
    outputs = torch.randn(12, 1, 4, 4)
    arguments = (0.25,) if likelihood == "gaussian" else ()
    expected = getattr(reconstruction, likelihood)(outputs, images, *arguments)
    torch.testing.assert_close(reconstruction.log_density(model, outputs, images), expected)


@pytest.mark.parametrize("shape", [(3, 1, 4, 4), (5, 3, 7, 9), (2, 1, 64, 64), (1, 1, 1, 1)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
def test_the_bernoulli_likelihood_agrees_with_float64(shape, scale):
    images = torch.rand(shape)
    logits = (scale * torch.randn(shape)).requires_grad_()
    exact = logits.detach().double().requires_grad_()
    reference = (images.double() * exact - torch.nn.functional.softplus(exact)).flatten(1).sum(1)
    value = reconstruction.bernoulli(logits, images)
    torch.testing.assert_close(value.double(), reference, rtol=1e-6, atol=1e-5)
    weights = torch.randn(len(value))
    (gradient,) = torch.autograd.grad((weights * value).sum(), logits)
    (expected,) = torch.autograd.grad((weights.double() * reference).sum(), exact)
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=3e-7 * float(weights.abs().max()))


def test_many_samples_per_image_are_the_samples_one_by_one(images):
    logits = torch.randn(6, 12, 1, 4, 4)
    single = torch.stack([reconstruction.bernoulli(sample, images) for sample in logits])
    torch.testing.assert_close(reconstruction.bernoulli(logits, images), single)


def test_a_logit_that_is_not_a_number_shows(images):
    logits = torch.randn(12, 1, 4, 4)
    logits[3, 0, 1, 1] = float("nan")
    assert reconstruction.bernoulli(logits, images).isnan().tolist() == [row == 3 for row in range(12)]
