"""scripts/linear_models.py against closed forms, quadrature and torch.distributions; its page against its results."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from scipy.stats import t as student
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from tests.script import load_script

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results" / "studies" / "linear_models.json"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/linear_models.py as a module."""
    return load_script("scripts/linear_models.py")


def model(seed: int, latents: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """W (2, latents), noise variances (2,) and an observation (2,)."""
    random = np.random.RandomState(seed)
    numbers = random.normal(size=(2, latents)), random.uniform(0.1, 1, size=2), random.normal(size=2)
    weights, noise, observation = map(torch.from_numpy, numbers)
    return weights, noise, observation


def objective(weights, noise, observation, mean, variance, beta: float) -> float:
    """β-VI's objective for any q, its reconstruction by a quadrature that is exact for squares."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(3)
    shares = shares / shares.sum()
    likelihood, total = MultivariateNormal, 0.0
    for index in itertools.product(range(3), repeat=len(mean)):
        z = mean + variance.sqrt() * torch.from_numpy(nodes[list(index)])
        total += np.prod(shares[list(index)]) * float(likelihood(weights @ z, torch.diag(noise)).log_prob(observation))
    q = Normal(mean, variance.sqrt())
    divergence = kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum()
    return total - beta * float(divergence)


@pytest.mark.parametrize(("beta", "latents"), [(1.0, 2), (1.0, 3), (5.0, 2), (0.5, 3)])
def test_the_objective_of_factor_analysis_is_the_best_over_all_q(script: ModuleType, beta: float, latents: int) -> None:
    weights, noise, observation = model(3, latents)
    exact = script.precision(weights, noise, beta)
    mean = torch.linalg.solve(exact, weights.T @ (observation / noise)) / beta
    variance = 1 / exact.diagonal()
    own = float(script.free_energy(weights, noise, torch.outer(observation, observation), beta))
    assert own == pytest.approx(objective(weights, noise, observation, mean, variance, beta), abs=1e-10)
    random = np.random.RandomState(0)
    for _ in range(20):
        moved = mean + 0.1 * torch.from_numpy(random.normal(size=latents))
        scaled = variance * torch.from_numpy(random.uniform(0.7, 1.4, size=latents))
        assert objective(weights, noise, observation, moved, scaled, beta) < own


def test_the_likelihood_is_that_of_the_marginal_and_no_rotation_changes_it(script: ModuleType) -> None:
    weights, noise, observation = model(5, 2)
    covariance = torch.outer(observation, observation)
    marginal = MultivariateNormal(torch.zeros(2, dtype=torch.float64), weights @ weights.T + torch.diag(noise))
    value = float(script.log_likelihood(weights, noise, covariance))
    assert value == pytest.approx(float(marginal.log_prob(observation)), abs=1e-10)
    turned = script.log_likelihood(weights @ script.rotation(0.7), noise, covariance)
    assert float(turned) == pytest.approx(value, abs=1e-10)


def test_the_bound_is_tight_where_the_posterior_factorises_and_nowhere_between(script: ModuleType) -> None:
    truth, noise, covariance = script.factor_model(0)
    best = float(script.log_likelihood(truth, noise, covariance))
    gaps = [
        best - float(script.free_energy(truth @ script.rotation(math.radians(angle)), noise, covariance))
        for angle in (0, 20, 45, 70, 90)
    ]
    assert gaps[0] == pytest.approx(0, abs=1e-10)
    assert gaps[4] == pytest.approx(0, abs=1e-10)
    assert gaps[2] == max(gaps)
    assert min(gaps[1:4]) > 0.01


@pytest.mark.parametrize("beta", [1.0, 2.0, 5.0])
def test_what_turning_by_45_degrees_costs_has_a_closed_form(script: ModuleType, beta: float) -> None:
    """β/2 · log((1 + m/β)² / ((1 + a/β)(1 + b/β))) with the signal-to-noise ratios a, b and their mean m."""
    truth, noise, _ = script.factor_model(4)
    a, b = (truth.T @ (truth / noise[:, None])).diagonal().tolist()
    expected = beta / 2 * math.log((1 + (a + b) / 2 / beta) ** 2 / ((1 + a / beta) * (1 + b / beta)))
    values = script.rotated(4, beta)
    assert values["lost at 45°"] == pytest.approx(expected, abs=1e-9)
    assert values["smallest angle"] == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize(("beta", "length"), [(1.0, 3.0), (5.0, math.sqrt(5.0)), (12.0, 0.0)])
def test_a_fitted_component_is_as_long_as_the_variance_less_beta_times_the_noise(
    script: ModuleType, beta: float, length: float
) -> None:
    """w² = λ − βσ² for a variance λ = 10 and a noise σ² = 1, and 0 where this is negative."""
    start, noise = torch.tensor([[1.0]], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    found = script.fitted(start, noise, torch.tensor([[10.0]], dtype=torch.float64), beta)
    assert abs(float(found)) == pytest.approx(length, abs=1e-3)


def test_of_three_latents_two_stay(script: ModuleType) -> None:
    values = script.overcomplete(1, 1.0)
    assert values["components"] == 2
    assert values["log-likelihood lost"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("freedom", [1.0, 3.5])
def test_the_objective_of_ica_is_its_integral(script: ModuleType, freedom: float) -> None:
    weight, x, mean, scale, beta = np.array([0.8, -0.3]), np.array([1.2, 0.1]), 0.9, 0.3, 3.0

    def integrand(z: float) -> float:
        density = norm.pdf(z, mean, scale)
        reconstruction = norm.logpdf(x, weight * z, script.NOISE).sum()
        return density * (reconstruction + beta * (student.logpdf(z, freedom) - norm.logpdf(z, mean, scale)))

    tensors = [torch.from_numpy(np.array([values])) for values in (x, [mean], [math.log(scale)])]
    found = script.sources_energy(torch.from_numpy(weight)[:, None], *tensors, beta, freedom)
    assert float(found) == pytest.approx(quad(integrand, mean - 9 * scale, mean + 9 * scale)[0], abs=1e-5)


def test_the_sources_have_the_directions_and_tails_that_are_stated(script: ModuleType) -> None:
    weights, observed = script.sources_model(0, script.FREEDOM)
    assert script.axis_angles(weights) == pytest.approx([40, 80, 40])
    assert observed.shape == (script.SAMPLES, 2)


def test_the_page_and_the_figure_have_the_results(script: ModuleType) -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.filled(page, found) == page, "run: python scripts/linear_models.py --again"
    assert {len(seeds) for values in found.values() for seeds in values.values()} == {script.SEEDS}
    title = ElementTree.parse(RESULTS.with_suffix(".svg")).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == script.text(found)


def test_results_are_those_of_the_script(script: ModuleType) -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    for name, experiment in (
        ("factor analysis, 2 latents", script.rotated),
        ("factor analysis, 3 latents", script.overcomplete),
    ):
        stored = {key: values[7] for key, values in found[f"{name}, β = 2"].items()}
        assert experiment(7, 2.0) == pytest.approx(stored, abs=1e-4)
