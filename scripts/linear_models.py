"""What mean-field inference does to linear models (Stühmer et al. 2020, B): python scripts/linear_models.py

Factor analysis: x ~ N(Wz, D), z ~ N(0, I), with W fitted to a covariance. Independent component analysis: the same with
Student-t sources, with W fitted to samples. The objective is β-VI's, E_q log p(x|z) − β KL(q || p), maximised over W
and over q, a product of Gaussians for each image, without an encoder. Every seed is another model and other data.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from submission import provenance
from submission.evaluation.statistics import summarise
from submission.plots import save
from submission.plots.studies import SeedRow, seed_dots
from submission.studies.results import markdown

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "results" / "studies"
PAGE = FOLDER.parent / "linear-models.md"
SEEDS, BETAS = 10, (1.0, 2.0, 5.0)
ALIVE = 0.05
"""A component is alive whose column of W is at least so long as a part of the longest column of the true W."""
NOISE = 0.3
"""Standard deviation of the noise in ICA."""
SAMPLES = 300
FREEDOM, SPARSE = 3.5, 1.0
"""Degrees of freedom of the sources in the paper, and of sparser ones."""
AXES = (0.0, 40.0, 80.0)
"""Directions of the three true components of ICA in degrees, before a random rotation."""
RULE = [torch.from_numpy(values) for values in np.polynomial.hermite_e.hermegauss(20)]
Values = dict[str, float]


def precision(weights: Tensor, noise: Tensor, beta: float = 1.0) -> Tensor:
    """Precision (K, K) of the exact posterior of factor analysis when the likelihood has the power 1/β.

    Args:
        weights: W (D, K).
        noise: variances (D,).
        beta: of β-VI.
    """
    signal = weights.T @ (weights / noise[:, None]) / beta
    return signal + torch.eye(len(signal), dtype=weights.dtype)


def log_likelihood(weights: Tensor, noise: Tensor, covariance: Tensor) -> Tensor:
    """Expected log N(x; 0, WWᵀ + D) in nats for x with this covariance."""
    model = weights @ weights.T + torch.diag(noise)
    trace = torch.linalg.solve(model, covariance).trace()
    return -0.5 * (torch.linalg.slogdet(2 * math.pi * model).logabsdet + trace)


def free_energy(weights: Tensor, noise: Tensor, covariance: Tensor, beta: float = 1.0) -> Tensor:
    """Expected β-VI objective in nats of factor analysis at the best mean-field q (appendix B.2)."""
    exact = precision(weights, noise, beta)
    recognition = torch.linalg.solve(exact, weights.T / noise) / beta  # the mean of q is R x
    variance = 1 / exact.diagonal()
    left = torch.eye(len(noise), dtype=weights.dtype) - weights @ recognition
    residual = (left @ covariance @ left.T).diagonal() + weights.square() @ variance
    reconstruction = -0.5 * ((residual / noise).sum() + (2 * math.pi * noise).log().sum())
    means = (recognition @ covariance @ recognition.T).trace()
    divergence = 0.5 * (means + (variance - variance.log() - 1).sum())
    return reconstruction - beta * divergence


def rotation(angle: float) -> Tensor:
    """Rotation (2, 2) by an angle in radians."""
    sine, cosine = math.sin(angle), math.cos(angle)
    return torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)


def factor_model(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A maximum-likelihood W (2, 2) whose posterior factorises, noise variances (2,), and the data's covariance.

    The signal-to-noise ratios of the two components are 20 to 40 and 8 to 15, so that β = 5 leaves both alive.
    """
    random = np.random.RandomState(seed)
    noise = torch.from_numpy(random.uniform(0.05, 0.2, size=2))
    ratios = torch.from_numpy(np.array([random.uniform(20, 40), random.uniform(8, 15)]))
    weights = noise.sqrt()[:, None] * rotation(random.uniform(0, 2 * math.pi)) * ratios.sqrt()
    return weights, noise, weights @ weights.T + torch.diag(noise)


def maximise(objective: Callable[[], Tensor], parameters: Sequence[Tensor], steps: int = 500) -> float:
    """The maximum that L-BFGS reaches; its line search takes no step that makes the objective smaller."""
    search = torch.optim.LBFGS(
        list(parameters), max_iter=steps, tolerance_grad=1e-9, tolerance_change=1e-13, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        search.zero_grad()
        value = -objective()
        value.backward()
        return value

    search.step(loss)
    return float(objective().detach())


def axis_angles(weights: Tensor) -> list[float]:
    """Angles in degrees, 0 to 90, between the lines along each pair of columns."""
    unit = weights / weights.norm(dim=0)
    cosines = (unit.T @ unit).abs().clamp(max=1)
    pairs = torch.triu_indices(len(cosines), len(cosines), 1)
    return [float(value) for value in torch.rad2deg(cosines[pairs[0], pairs[1]].acos())]


def living(weights: Tensor, longest: float) -> Tensor:
    """The columns that are alive."""
    return weights[:, weights.norm(dim=0) > ALIVE * longest]


def fitted(start: Tensor, noise: Tensor, covariance: Tensor, beta: float) -> Tensor:
    """W fitted by β-VI from a start."""
    weights = start.clone().requires_grad_()
    maximise(lambda: free_energy(weights, noise, covariance, beta), [weights])
    return weights.detach()


def describe(weights: Tensor, truth: Tensor, noise: Tensor, covariance: Tensor, beta: float) -> Values:
    """What is reported of a fit of factor analysis; angles and lengths are measured in units of the noise."""
    scaled, true = weights / noise.sqrt()[:, None], truth / noise.sqrt()[:, None]
    alive = living(scaled, float(true.norm(dim=0).max()))
    angles = axis_angles(alive)
    best = float(log_likelihood(truth, noise, covariance))
    return {
        "components": float(alive.shape[1]),
        "smallest angle": min(angles) if angles else math.nan,
        "log-likelihood lost": best - float(log_likelihood(weights, noise, covariance)),
        "log-likelihood above bound": float(
            log_likelihood(weights, noise, covariance) - free_energy(weights, noise, covariance)
        ),
    }


def rotated(seed: int, beta: float) -> Values:
    """B.3 and B.5: two latents, W fitted from its maximum-likelihood value turned by a random angle."""
    truth, noise, covariance = factor_model(seed)
    turn = rotation(np.random.RandomState(seed + 1000).uniform(0.1, math.pi / 2 - 0.1))
    values = describe(fitted(truth @ turn, noise, covariance, beta), truth, noise, covariance, beta)
    worst = free_energy(truth @ rotation(math.pi / 4), noise, covariance, beta)
    amplitude = float(free_energy(truth, noise, covariance, beta) - worst)
    return {**values, "lost at 45°": amplitude, "lost at 45°, over β": amplitude / beta}


def overcomplete(seed: int, beta: float) -> Values:
    """B.4: three latents for two observed values, from a start of the best likelihood that uses all three."""
    truth, noise, covariance = factor_model(seed)
    turn, _ = np.linalg.qr(np.random.RandomState(seed + 2000).normal(size=(3, 3)))
    start = torch.cat([truth, torch.zeros(2, 1, dtype=torch.float64)], 1) @ torch.from_numpy(turn)
    return describe(fitted(start, noise, covariance, beta), truth, noise, covariance, beta)


def sources_model(seed: int, freedom: float) -> tuple[Tensor, Tensor]:
    """True W (2, 3) with columns of length 1, and observations (SAMPLES, 2) from Student-t sources."""
    random = np.random.RandomState(seed)
    angles = np.deg2rad(np.array(AXES)) + random.uniform(0, 2 * math.pi)
    weights = np.stack([np.cos(angles), np.sin(angles)])
    sources = random.standard_t(freedom, size=(SAMPLES, 3))
    observed = sources @ weights.T + NOISE * random.normal(size=(SAMPLES, 2))
    return torch.from_numpy(weights), torch.from_numpy(observed)


def log_student(values: Tensor, freedom: float) -> Tensor:
    """log density of Student's t."""
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    return constant - (freedom + 1) / 2 * (1 + values.square() / freedom).log()


def sources_energy(
    weights: Tensor, observed: Tensor, means: Tensor, log_scales: Tensor, beta: float, freedom: float
) -> Tensor:
    """Mean β-VI objective in nats per observation of ICA; the cross-entropy with the prior by Gauss-Hermite quadrature.

    Args:
        weights: W (2, K).
        observed: x (n, 2).
        means, log_scales: of q, (n, K).
        beta: of β-VI.
        freedom: of the sources.
    """
    scales = log_scales.exp()
    squares = (observed - means @ weights.T).square().sum(-1) + (scales.square() @ weights.square().T).sum(-1)
    reconstruction = -squares / (2 * NOISE**2) - math.log(2 * math.pi * NOISE**2)
    entropy = (log_scales + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)
    nodes, shares = RULE[0], RULE[1] / RULE[1].sum()
    prior = (log_student(means[..., None] + scales[..., None] * nodes, freedom) @ shares).sum(-1)
    return (reconstruction + beta * (entropy + prior)).mean()


def sources(seed: int, beta: float, freedom: float = FREEDOM) -> Values:
    """B.8: three sparse sources for two observed values; W and q start at the true W."""
    truth, observed = sources_model(seed, freedom)
    ridge = truth.T @ truth + NOISE**2 * torch.eye(3, dtype=torch.float64)
    means = torch.linalg.solve(ridge, truth.T @ observed.T).T.contiguous().requires_grad_()
    log_scales = torch.full_like(means, -1.0).requires_grad_()
    weights = truth.clone().requires_grad_()

    def objective() -> Tensor:
        return sources_energy(weights, observed, means, log_scales, beta, freedom)

    at_truth = maximise(objective, [means, log_scales])
    best = maximise(objective, [weights, means, log_scales], 1000)
    alive = living(weights.detach(), 1.0)
    angles = axis_angles(alive)
    return {
        "components": float(alive.shape[1]),
        "smallest angle": min(angles) if angles else math.nan,
        "gained over the true W": best - at_truth,
    }


EXPERIMENTS: Mapping[str, tuple[Callable[[int, float], Values], Sequence[float]]] = {
    "factor analysis, 2 latents": (rotated, BETAS),
    "factor analysis, 3 latents": (overcomplete, BETAS),
    "ICA, ν = 3.5": (sources, (1.0, 5.0)),
    "ICA, ν = 1": (functools.partial(sources, freedom=SPARSE), (1.0, 5.0)),
}
QUANTITIES = {
    "components": "components alive",
    "smallest angle": "smallest angle (degrees)",
    "log-likelihood lost": "log-likelihood lost (nats)",
    "log-likelihood above bound": "log-likelihood above bound (nats)",
    "lost at 45°": "objective lost at 45° (nats)",
    "lost at 45°, over β": "the same, divided by β",
    "gained over the true W": "objective gained over the true W (nats)",
}
Results = dict[str, dict[str, list[float]]]


def results(seeds: int) -> Results:
    """Experiment and β → quantity → a value per seed."""
    found: Results = {}
    for name, (experiment, betas) in EXPERIMENTS.items():
        for beta in betas:
            values = [experiment(seed, beta) for seed in range(seeds)]
            found[f"{name}, β = {beta:g}"] = {key: [own[key] for own in values] for key in values[0]}
    return found


def cell(values: Sequence[float]) -> str:
    """Mean and 95 % interval of the finite values."""
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return "–"
    found = summarise(values)
    digits = 1 if abs(found.mean) >= 10 else 3
    mean, low, high = (round(value, digits) + 0.0 for value in (found.mean, found.low, found.high))  # no negative zero
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def section(found: Results) -> str:
    """Table and figure as Markdown."""
    cells = [[name, *(cell(values.get(key, ())) for key in QUANTITIES)] for name, values in found.items()]
    return f"\n{markdown(['model', *QUANTITIES.values()], cells)}\n![{text(found)}](studies/linear_models.svg)\n\n"


def text(found: Results) -> str:
    """The figure in words."""
    parts = [
        f"{name}: {np.mean(values['components']):.3g}, {np.nanmean(values['smallest angle']):.3g}°"
        for name, values in found.items()
    ]
    return f"Components alive and the smallest angle between two of them: {'; '.join(parts)}."


def draw(found: Results, file: Path) -> Path:
    """The figure: every seed a dot."""
    shown = {name: QUANTITIES[name] for name in ("components", "smallest angle")}
    return save(seed_dots([SeedRow(*item) for item in found.items()], shown), file, text=True, title=text(found))


def filled(page: str, found: Results) -> str:
    """The page with the table and the figure of these results."""
    mark = "<!-- linear models -->\n"
    return re.sub(f"(?<={mark}).*?(?=<!-- end -->)", lambda _: section(found), page, flags=re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments, or take their results from the file, and write file, figure and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--again", action="store_true", help="draw from the results that are there")
    options = parser.parse_args(arguments)
    file = FOLDER / "linear_models.json"
    if not options.again:
        found = {"results": results(options.seeds), "provenance": provenance.record()}
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    values: Results = json.loads(file.read_text(encoding="utf-8"))["results"]
    draw(values, file.with_suffix(".svg"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), values), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
