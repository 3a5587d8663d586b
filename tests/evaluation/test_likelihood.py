"""Importance-sampled likelihood against models whose marginal is known."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from submission.data import batches
from submission.data.batches import at_once
from submission.data.dataset import ImageDataset
from submission.distributions import SphereBrownian, SphereUniform
from submission.errors import SubmissionError, UsageError
from submission.evaluation import likelihood as module
from submission.evaluation.likelihood import estimate, likelihood
from submission.latent import parse
from submission.run import LikelihoodData, LikelihoodFile


class Arrays(ImageDataset):
    """Images (n, height, width, 1) held as floats."""

    def __init__(self, values: np.ndarray) -> None:
        self.name, self.values, self.image_shape = "arrays", values.astype(np.float32), values.shape[1:]

    def __len__(self) -> int:
        return len(self.values)

    def images(self, indices):
        return (255 * self.values[indices]).astype(np.uint8)

    def observations(self, indices):
        return self.values[indices]


class NormalPosterior:
    """Independent normals."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        self.normal = Normal(mean, scale)

    def rsample(self, sample_shape=()):
        return self.normal.rsample(sample_shape)

    def log_prob(self, z):
        return self.normal.log_prob(z)

    def kl(self, z):
        return kl_divergence(self.normal, Normal(0.0, 1.0))


class LinearGaussian:
    """x = Wz + noise with orthogonal columns of W, so that the true posterior is diagonal."""

    likelihood = "gaussian"

    def __init__(self, widen: float = 1.0, variance: float = 0.3) -> None:
        generator = torch.Generator().manual_seed(0)
        directions = torch.linalg.qr(torch.randn(16, 2, generator=generator))[0]
        self.loadings, self.variance = directions * torch.tensor([1.5, 0.7]), variance
        self.precision = 1 + self.loadings.square().sum(0) / variance
        self.scale = widen * self.precision.rsqrt()
        self.space = SimpleNamespace(
            posterior=lambda mean: NormalPosterior(mean, self.scale.expand_as(mean)),
            prior_log_prob=Normal(0.0, 1.0).log_prob,
        )

    def encode(self, images):
        return images.flatten(1) @ self.loadings / self.variance / self.precision

    def decode(self, z):
        return (z @ self.loadings.T).unflatten(-1, (1, 4, 4))

    def sample(self, count: int) -> Arrays:
        noise = math.sqrt(self.variance) * torch.randn(count, 16)
        return Arrays((torch.randn(count, 2) @ self.loadings.T + noise).reshape(count, 4, 4, 1).numpy())

    def log_marginal(self, dataset: Arrays) -> Tensor:
        covariance = self.loadings @ self.loadings.T + self.variance * torch.eye(16)
        return MultivariateNormal(torch.zeros(16), covariance).log_prob(torch.from_numpy(dataset.values).flatten(1))


def evaluate(model, dataset, **settings):
    return likelihood(model, dataset, np.arange(len(dataset)), **settings)


def test_with_the_true_posterior_one_sample_gives_the_exact_marginal():
    model = LinearGaussian()
    dataset = model.sample(200)
    result = evaluate(model, dataset, samples=1)
    exact = estimate(model.log_marginal(dataset))
    assert result.log_likelihood.mean == pytest.approx(exact.mean, abs=1e-4)
    assert result.log_likelihood.standard_error == pytest.approx(exact.standard_error, rel=1e-4)
    assert result.effective_samples.mean == pytest.approx(1.0)


def test_with_a_wide_posterior_the_bound_is_loose_and_the_importance_estimate_is_not():
    widen = 1.5
    model = LinearGaussian(widen)
    dataset = model.sample(100)
    result = evaluate(model, dataset, samples=2000)
    exact = float(model.log_marginal(dataset).mean())
    gap = 2 * float(kl_divergence(Normal(0.0, widen), Normal(0.0, 1.0)))
    assert result.log_likelihood.mean == pytest.approx(exact, abs=5e-3)
    assert result.elbo.mean == pytest.approx(exact - gap, abs=0.05)
    assert 1000 < result.effective_samples.mean < 2000


def test_kl_reconstruction_and_mse_are_what_they_are_called():
    model = LinearGaussian()
    dataset = model.sample(100)
    result = evaluate(model, dataset, samples=500)
    images = torch.from_numpy(dataset.values).movedim(-1, 1)
    means = model.encode(images)
    kl = kl_divergence(Normal(means, model.scale), Normal(0.0, 1.0)).sum(-1)
    spread = float((model.loadings.square() * model.scale**2).sum())
    squares = (images - model.decode(means)).flatten(1).square().sum(1) + spread
    log_pixels = -0.5 * (squares / model.variance + 16 * math.log(2 * math.pi * model.variance))
    assert result.kl.mean == pytest.approx(float(kl.mean()), rel=1e-5)
    assert result.kl.standard_error == pytest.approx(float(kl.std()) / 10, rel=1e-4)
    assert result.mse.mean == pytest.approx(float(squares.mean()) / 16, rel=0.01)
    assert result.reconstruction.mean == pytest.approx(-float(log_pixels.mean()), rel=0.01)
    assert result.elbo.mean == pytest.approx(-result.reconstruction.mean - result.kl.mean)


def test_the_estimate_rises_with_samples_on_average():
    model = LinearGaussian(2.0)
    dataset = model.sample(300)
    means = [evaluate(model, dataset, samples=samples).log_likelihood.mean for samples in (1, 10, 100)]
    assert means == sorted(means)


def test_bernoulli_with_an_ignored_code_is_the_log_probability_of_the_pixels():
    logits = torch.randn(1, 1, 4, 4)
    model = LinearGaussian()
    model.likelihood, model.decode = "bernoulli", lambda z: logits.expand(len(z), 1, 4, 4)
    model.space.posterior = lambda mean: NormalPosterior(torch.zeros_like(mean), torch.ones_like(mean))
    dataset = Arrays(np.random.default_rng(0).integers(0, 2, (20, 4, 4, 1)).astype(float))
    result = evaluate(model, dataset, samples=50)
    images = torch.from_numpy(dataset.values).movedim(-1, 1)
    exact = torch.distributions.Bernoulli(logits=logits).log_prob(images).sum((1, 2, 3)).mean()
    assert result.log_likelihood.mean == pytest.approx(float(exact), rel=1e-5)
    assert result.kl.mean == 0
    assert result.mse.mean == pytest.approx(float((images - logits.sigmoid()).square().mean()), rel=1e-5)


@pytest.mark.parametrize(("batch", "rows"), [(7, 64), (100, 100)])
def test_the_estimate_does_not_depend_on_how_memory_is_bounded(monkeypatch, batch, rows):
    model = LinearGaussian(1.2)
    dataset = model.sample(100)
    reference = evaluate(model, dataset, samples=300)
    monkeypatch.setattr(module, "BATCH", batch)
    monkeypatch.setattr(module, "ROWS", rows)
    assert evaluate(model, dataset, samples=300).log_likelihood.mean == pytest.approx(
        reference.log_likelihood.mean, abs=5e-3
    )


@pytest.mark.parametrize("pixels", [batches.PIXELS, 1, 0.001])
def test_no_more_than_the_allowed_images_are_decoded_at_once(monkeypatch, pixels):
    monkeypatch.setattr(batches, "PIXELS", pixels)
    model, seen, passed = LinearGaussian(), [], []
    decode = model.decode

    def spy(z):
        seen.append(len(z))
        return decode(z)

    model.decode = spy
    model.encode = lambda images: passed.append(len(images)) or LinearGaussian.encode(model, images)
    images = model.sample(130)
    height, width = images.images(np.arange(1)).shape[1:3]
    evaluate(model, images, samples=500)
    assert max(seen) <= at_once(module.ROWS, height, width)
    assert max(passed) <= min(module.BATCH, at_once(module.ROWS, height, width))
    assert sum(seen) == 130 * 500


def test_same_seed_same_numbers_and_the_global_generator_is_left_alone():
    model = LinearGaussian(1.5)
    dataset = model.sample(20)
    state = torch.get_rng_state()
    first, again, other = (evaluate(model, dataset, samples=5, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("images", [1, 3])
def test_a_likelihood_file_reads_as_what_was_written(tmp_path, images):
    model = LinearGaussian()
    result = evaluate(model, model.sample(images), samples=2)
    written = LikelihoodFile(result, LikelihoodData("pictures", "made here", "the test split"), seed=3)
    written.write(tmp_path / "likelihood.json")
    assert LikelihoodFile.read(tmp_path / "likelihood.json") == written
    plain = json.loads((tmp_path / "likelihood.json").read_text())["likelihood"]
    assert plain["log_likelihood"]["mean"] == result.log_likelihood.mean
    assert (plain["elbo"]["standard_error"] is None) == (images == 1)


def test_a_broken_model_is_named_with_its_image():
    model = LinearGaussian()
    dataset = model.sample(5)
    dataset.values[3] = 1e30
    with pytest.raises(SubmissionError, match="log_likelihood of image 3 is -inf"):
        evaluate(model, dataset, samples=2)


class PeriodicPictures:
    """The best model of cos θ + cos φ on 64 × 64 pixels in [−1, 1]: an isometry between torus and pictures."""

    likelihood, variance, time = "gaussian", 1.0, 1 / 512

    def __init__(self) -> None:
        angles = 2 * math.pi * torch.arange(64) / 64
        wave = torch.stack([angles.cos(), angles.sin()])
        rows, columns = wave[:, :, None].expand(2, 64, 64), wave[:, None].expand(2, 64, 64)
        self.basis = torch.cat([rows, columns]).flatten(1) / 2
        self.space = SimpleNamespace(
            posterior=self.posterior, prior_log_prob=lambda z: torch.full((*z.shape[:-1], 2), -math.log(2 * math.pi))
        )

    def encode(self, images):
        return images.flatten(1) @ self.basis.T / 512

    def decode(self, z):
        return (z @ self.basis).unflatten(-1, (1, 64, 64))

    def posterior(self, centre):
        return TorusPosterior(SphereBrownian(centre.unflatten(-1, (2, 2)), torch.full((len(centre), 2), self.time)))


class TorusPosterior:
    """Brownian motion on two circles."""

    def __init__(self, circles: SphereBrownian) -> None:
        self.circles = circles

    def rsample(self, sample_shape=()):
        return self.circles.rsample(torch.Size(sample_shape)).flatten(-2)

    def log_prob(self, z):
        return self.circles.log_prob(z.unflatten(-1, (2, 2)))

    def kl(self, z):
        return kl_divergence(self.circles, SphereUniform(1))


def test_the_periodic_picture_reaches_the_limit_of_minus_3772():
    """mathematics of Pérez Rey et al.'s Table 2: normaliser −3763.97, expected reconstruction loss 1, KL 7.08."""
    model = PeriodicPictures()
    shifts = torch.randint(0, 64, (40, 2)) * 2 * math.pi / 64
    centres = torch.stack([shifts.cos(), shifts.sin()], -1).flatten(1)
    dataset = Arrays(model.decode(centres).movedim(1, -1).numpy())
    result = evaluate(model, dataset, samples=200)
    assert result.log_likelihood.mean == pytest.approx(-3772.05, abs=0.02)
    assert result.elbo.mean == pytest.approx(-3772.05, abs=0.1)
    assert result.kl.mean == pytest.approx(7.08, abs=0.01)
    assert result.mse.mean * 4096 / 2 == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("indices", "samples"), [([], 5), ([0], 0)])
def test_nothing_to_evaluate_is_refused(indices, samples):
    model = LinearGaussian()
    with pytest.raises(UsageError, match="at least one"):
        likelihood(model, model.sample(2), np.array(indices, dtype=int), samples=samples)


@pytest.mark.parametrize(
    "spec",
    ["R^3", "S^2", "S^3", "T^2", "RP^2", "SO(3)", "S^4(posterior=vmf)", "S^2 x T^2"],
)
def test_importance_weights_of_every_space_average_to_one(spec):
    """A decoder that ignores its code: log p(x|z) is constant, so the estimate must be that constant."""
    space = parse(spec)
    model = LinearGaussian()
    model.space, model.decode = space, lambda z: torch.zeros(len(z), 1, 4, 4)
    model.encode = lambda images: 0.3 * torch.sin(torch.arange(float(space.parameter_size))).expand(len(images), -1)
    dataset = Arrays(np.zeros((20, 4, 4, 1)))
    result = evaluate(model, dataset, samples=1000)
    slack = 4 * result.log_likelihood.standard_error + 1 / result.effective_samples.mean  # noise, and Jensen's bias
    assert slack < 0.5  # a forgotten log 2 would show
    assert result.log_likelihood.mean == pytest.approx(-8 * math.log(2 * math.pi * model.variance), abs=slack)
    assert result.elbo.mean < result.log_likelihood.mean
