"""MIG of Chen et al. (2018) on every space that has a density, by component, beside one density at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from submission.cli.main import run_program
from submission.data import GroundTruthDataset
from submission.errors import UsageError
from submission.evaluation.posteriors import SpacePosteriors, model_posteriors, with_posteriors
from submission.evaluation.representation import from_rows
from submission.latent import parse
from submission.latent.base import LatentSpace
from submission.metrics import metric, mig_chen
from submission.metrics.sampling import true_factors
from submission.progress import QUIET
from submission.run import Run

SIZES = (2, 3)
FACTORS = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), axis=-1).reshape(-1, 2)
SPECS = [
    "R^2",
    "S^2 x R^1",
    "S^1 x S^1",
    "T^2",
    "Torus x S^2",
    "RP^2 x R^1",
    "SO(3) x S^1",
    "ISA(2x2)",
    "S^1 x S^3 x R^1",
]


class Recorded(SpacePosteriors):
    """Posteriors that keep the samples they gave, by the images they belong to."""

    given: dict[tuple[int, ...], torch.Tensor]

    def sample(self, rows: np.ndarray, random_state: np.random.RandomState) -> torch.Tensor:
        found = super().sample(rows, random_state)
        self.__dict__.setdefault("given", {})[tuple(sorted(set(rows.tolist())))] = found
        return found


def entropy(posterior: SpacePosteriors, samples: torch.Tensor, rows: list[int], component: int) -> float:
    """-mean over samples of the log of the mean density, one density at a time."""
    logs = []
    for sample in samples:
        single = [posterior.log_density(sample[None], np.array([row]))[0, 0, component] for row in rows]
        logs.append(math.log(sum(math.exp(value) for value in single) / len(rows)))
    return -sum(logs) / len(logs)


@pytest.mark.parametrize("spec", SPECS)
def test_brute_force_on_every_space(spec: str) -> None:
    space = parse(spec)
    generator = torch.Generator().manual_seed(0)
    posteriors = Recorded(space, torch.randn(len(FACTORS), space.parameter_size, generator=generator))
    found = mig_chen(posteriors, FACTORS, 6)
    everything = tuple(range(len(FACTORS)))
    for component in range(len(space.components)):
        marginal = entropy(posteriors, posteriors.given[everything], list(everything), component)
        assert found.details["entropy"][component] == pytest.approx(marginal, abs=1e-4)
        for factor, size in enumerate(SIZES):
            groups = [tuple(np.flatnonzero(FACTORS[:, factor] == value).tolist()) for value in range(size)]
            inside = [entropy(posteriors, posteriors.given[rows], list(rows), component) for rows in groups]
            information = max(0.0, marginal - sum(inside) / size)
            assert found.details["mutual_information"][component, factor] == pytest.approx(information, abs=1e-4)


def test_a_circle_per_factor_scores_near_one() -> None:
    """Narrow posteriors around evenly spaced angles: I(z; v) = log(size) for its own circle, 0 for the other."""
    space = parse("S^1 x S^1")
    example = torch.zeros(1, space.parameter_size)
    width = space.parameter_size // 2
    angle = torch.from_numpy(2 * np.pi * FACTORS / np.array(SIZES)).float()
    parameters = example.repeat(len(FACTORS), 1)
    for circle in range(2):
        parameters[:, circle * width] = torch.cos(angle[:, circle])
        parameters[:, circle * width + 1] = torch.sin(angle[:, circle])
        parameters[:, circle * width + 2 :][:, : width - 2] = 0.0
    scores = mig_chen(SpacePosteriors(space, parameters), FACTORS, 2_000)
    assert scores.details["mutual_information"].argmax(axis=0).tolist() == [0, 1]
    assert scores["mig_chen"] > 0.1


def test_entropy_of_a_uniform_circle() -> None:
    """Posteriors spread evenly around a circle make the aggregate uniform: H = log 2 pi, whatever their width."""
    space = parse("S^1 x R^1")
    count = 24
    angle = torch.arange(count) * (2 * np.pi / count)
    parameters = torch.zeros(count, space.parameter_size)
    parameters[:, 0], parameters[:, 1] = torch.cos(angle), torch.sin(angle)
    factors = np.arange(count)[:, None] % 2
    entropy_of_circle = mig_chen(SpacePosteriors(space, parameters), factors, 3_000).details["entropy"][0]
    assert entropy_of_circle == pytest.approx(math.log(2 * math.pi), abs=0.01)


def test_posteriors_without_a_density_are_refused() -> None:
    space = parse("Klein x R^1")
    with pytest.raises(UsageError, match="random walks on Klein have no known density"):
        mig_chen(SpacePosteriors(space, torch.zeros(len(FACTORS), space.parameter_size)), FACTORS, 6)


# ---- a trained run, by the command, beside integrals over the densities of its posteriors ----


def integrated(space: LatentSpace, parameters: torch.Tensor, factors: np.ndarray) -> float:
    """Chen et al.'s MIG of posteriors over a circle and a line, entropies by the trapezoidal rule."""
    angle, line = torch.linspace(0, 2 * math.pi, 4001)[:-1], torch.linspace(-12, 12, 4000)
    points = torch.stack([angle.cos(), angle.sin(), line], -1)
    density = space.posterior(parameters).log_prob(points[:, None]).double().exp()  # (points, images, components)
    widths = torch.tensor([2 * math.pi / 4000, 24 / 3999])

    def entropy(rows: np.ndarray) -> torch.Tensor:
        mean = density[:, rows].mean(1)
        return -(torch.xlogy(mean, mean)).sum(0) * widths

    assert torch.allclose(density.sum(0) * widths, torch.ones(2, dtype=torch.float64), atol=1e-3)
    gaps = []
    for column in factors.T:
        values = np.unique(column)
        inside = sum(entropy(np.flatnonzero(column == value)) for value in values) / len(values)
        information = (entropy(np.arange(len(factors))) - inside).sort().values
        gaps.append(float(information[1] - information[0]) / math.log(len(values)))
    return sum(gaps) / len(gaps)


def test_the_command_scores_a_trained_run_as_integrals_do(tmp_path: Path) -> None:
    """36 pictures, whose directions and phases a circle and a line learn in 150 updates."""
    binds = [
        "model.space = 'S^1 x R^1'", "model.networks = 'mlp_coarse'", "model.likelihood = 'gaussian'",
        "model.variance = 0.1", "data.name = 'klein_pictures'", "data.count = 6", "data.bars = 2.0",
        "train.steps = 150", "train.batch_size = 36", "train.precision = 'float32'",
    ]  # fmt: skip
    words = [word for bind in binds for word in ("--bind", bind)]
    assert (
        run_program("train", ["--config", "klein_bottle/edges_and_bars", *words, "--out", str(tmp_path / "run")]) == 0
    )
    assert run_program("evaluate", [str(tmp_path / "run"), "--metrics", "mig_chen"]) == 0
    run = Run(tmp_path / "run")
    dataset, model = run.dataset(), run.model()
    assert isinstance(dataset, GroundTruthDataset)
    rows = np.arange(len(dataset))
    images = torch.from_numpy(dataset.observations(rows)).movedim(-1, 1).float()
    with torch.no_grad():
        parameters = model.encode(images)
        kl = model.space.posterior(parameters).kl(model.space.posterior(parameters).rsample()).mean(0)
        expected = integrated(model.space, parameters, dataset.factors(rows))
    assert float(kl.sum()) > 1  # it has learned something
    outcome = run.scores()[-1].columns["trained"].scores["mig_chen"]
    assert outcome.values["mig_chen"] == pytest.approx(expected, abs=0.02)
    assert expected > 0.05


class Small(nn.Module):
    """An encoder of one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.space = parse("S^1 x R^1")
        self.linear = nn.LazyLinear(self.space.parameter_size)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return self.linear(images.float().flatten(1))


@dataclass
class Trained:
    """What is used of a run: its model."""

    small: Small

    def model(self) -> Small:
        return self.small


def test_a_run_s_representation_has_the_posteriors_of_its_model(stripes: GroundTruthDataset) -> None:
    small, rows = Small(), np.arange(len(stripes))
    scored = with_posteriors(from_rows("trained", stripes, true_factors(stripes)), Trained(small), stripes)  # type: ignore[arg-type]
    chosen = metric("mig_chen")
    found = chosen.score(scored.sampler(5, QUIET), chosen.fast)
    expected = mig_chen(model_posteriors(small, stripes, rows), stripes.factors(rows), 1_000, 2_000, seed=5)  # type: ignore[arg-type]
    assert found.values == pytest.approx(expected.values, abs=1e-9)
