"""The KL's three parts against closed forms, exhaustive averages and hand computation."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.stats import norm

from submission.errors import UsageError
from submission.objectives import Linear, TrainingPosition, beta_tcvae, create

END = TrainingPosition(100, 100)


@pytest.mark.parametrize(("batch", "size"), [(2, 2), (2, 10), (5, 5), (7, 100), (64, 737280)])
def test_every_row_of_stratified_weights_sums_to_one(batch, size):
    weights = beta_tcvae.stratified(batch, size).double().exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(batch, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / size, dtype=torch.float64))


@pytest.mark.parametrize("batch", [2, 3, 4, 6])
def test_stratified_weights_are_unbiased_over_every_batch_there_is(batch):
    size = 6
    density = torch.rand(size, size, dtype=torch.float64)  # q(z_i | x_j), any numbers
    weights = beta_tcvae.stratified(batch, size).double().exp()
    for image in range(size):
        others = [j for j in range(size) if j != image]
        estimates = [
            (weights[0] * density[image, [image, *chosen]]).sum()
            for chosen in itertools.permutations(others, batch - 1)
        ]
        torch.testing.assert_close(torch.stack(estimates).mean(), density[image].mean(), rtol=1e-6, atol=0)


def test_weighted_estimate_by_hand(normal_space):
    space, size = normal_space(2), 50
    means, scales = [[0.0, 1.0], [2.0, -1.0]], [[1.0, 0.5], [0.3, 2.0]]
    posterior = space.posterior(torch.cat([torch.tensor(means), torch.tensor(scales).log()], 1))
    z = torch.tensor([[0.1, 0.9], [2.2, 0.0]])
    density = [[[norm.pdf(z[i, c], means[j][c], scales[j][c]) for c in range(2)] for j in range(2)] for i in range(2)]
    aggregate = [sum(math.prod(density[i][j]) for j in range(2)) / (2 * size) for i in range(2)]
    marginals = [[sum(density[i][j][c] for j in range(2)) / (2 * size) for c in range(2)] for i in range(2)]
    information = sum(math.log(math.prod(density[i][i]) / aggregate[i]) for i in range(2)) / 2
    correlation = sum(math.log(aggregate[i] / math.prod(marginals[i])) for i in range(2)) / 2
    measured = beta_tcvae.decompose(posterior, z, beta_tcvae.weighted(2, size))
    assert [float(value) for value in measured] == pytest.approx([information, correlation], rel=1e-5)


def test_total_correlation_of_a_correlated_gaussian_aggregate(normal_space):
    """Means on a correlated Gaussian: q(z) is Gaussian, whose TC and mutual information have closed forms."""
    count, noise = 1500, 0.5
    covariance = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
    means = torch.randn(count, 2) @ torch.linalg.cholesky(covariance).T
    posterior = normal_space(2).posterior(torch.cat([means, torch.full_like(means, math.log(noise))], 1))
    aggregate = covariance + noise**2 * torch.eye(2)
    correlation = 0.5 * float(aggregate.diagonal().log().sum() - aggregate.logdet())
    information = 0.5 * float(aggregate.logdet()) - 2 * math.log(noise)
    measured = beta_tcvae.decompose(posterior, posterior.rsample(), beta_tcvae.stratified(count, count))
    assert [float(value) for value in measured] == pytest.approx([information, correlation], abs=0.06)


@pytest.mark.parametrize("weights", ["stratified", "weighted"])
def test_the_three_parts_add_up_to_the_kl_of_the_batch(normal_space, linear_model, images, weights):
    space = normal_space(3)
    objective = create("beta_tcvae", space, 100, beta=4.0, weights=weights)
    terms = objective.terms(linear_model(space), images, objective.coefficients(END))
    parts = [terms.scalars[name] for name in ("mutual_information", "total_correlation", "dimension_kl")]
    torch.testing.assert_close(sum(parts), terms.scalars["kl"])


@pytest.mark.parametrize("weights", ["stratified", "weighted"])
def test_the_dimension_wise_kl_is_that_of_the_marginals(normal_space, weights):
    """Kept as what is left of the exact KL, it equals the direct estimate wherever KL is estimated at z, too."""
    space = normal_space(3)
    posterior = space.posterior(torch.randn(20, 6))
    z = posterior.rsample()
    log_weights = beta_tcvae.WEIGHTS[weights](20, 60, None)
    kl = (posterior.log_prob(z) - space.prior_log_prob(z)).sum(-1).mean()
    marginals = beta_tcvae.aggregate_log_prob(posterior, z, log_weights)[1]
    direct = (marginals - space.prior_log_prob(z)).sum(-1).mean()
    torch.testing.assert_close(kl - sum(beta_tcvae.decompose(posterior, z, log_weights)), direct)


def test_weights_of_one_give_the_elbo_and_others_weight_their_part(normal_space, linear_model, images):
    space = normal_space(3)
    model = linear_model(space)

    def terms(**settings):
        torch.manual_seed(1)
        objective = create("beta_tcvae", space, 100, **settings)
        return objective.terms(model, images, objective.coefficients(END))

    plain, scalars = terms(), terms().scalars
    torch.testing.assert_close(plain.loss.detach(), -scalars["elbo"])
    expected = (
        scalars["reconstruction"]
        + 0.5 * scalars["mutual_information"]
        + 6 * scalars["total_correlation"]
        + 2 * scalars["dimension_kl"]
    )
    torch.testing.assert_close(terms(alpha=0.5, beta=6.0, gamma=2.0).loss.detach(), expected)


def test_single_image_batches_are_finite(normal_space, linear_model, images):
    space = normal_space(2)
    objective = create("beta_tcvae", space, 100, beta=4.0)
    assert objective.terms(linear_model(space), images[:1], objective.coefficients(END)).loss.isfinite()


def test_unknown_weights_are_refused(normal_space):
    with pytest.raises(UsageError, match="stratified, weighted"):
        create("beta_tcvae", normal_space(2), 100, weights="copied")


@pytest.mark.parametrize(("step", "capacity"), [(0, 0.0), (1000, 12.5), (2000, 25.0), (9000, 25.0)])
def test_capacity_and_total_correlation_add_up_in_one_loss(linear_model, normal_space, images, step, capacity):
    """Abdi et al. (2019): reconstruction + β·|KL − C| + γ·TC, C from 0 to 25 nats in 2,000 updates."""
    model = linear_model(normal_space(4))
    objective = create("capacity_tc", model.space, 100, capacity=Linear(0.0, 25.0, steps=2000), beta=3.0)
    coefficients = objective.coefficients(TrainingPosition(step, 100_000))
    assert coefficients == {"warm_up": 1.0, "beta": 3.0, "capacity": capacity, "gamma": 2.0}
    torch.manual_seed(3)
    scalars = objective.terms(model, images, coefficients).scalars
    torch.manual_seed(3)
    reference = create("beta_tcvae", model.space, 100)
    expected = reference.terms(model, images, reference.coefficients(TrainingPosition(1, 1))).scalars
    torch.testing.assert_close(scalars["total_correlation"], expected["total_correlation"])
    by_hand = expected["reconstruction"] + 3 * (expected["kl"] - capacity).abs() + 2 * expected["total_correlation"]
    torch.testing.assert_close(scalars["loss"], by_hand)
