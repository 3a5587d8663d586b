"""Runs on closed manifolds given by their projection: interrupted, exported, scored, drawn and reported like others."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.cli.main import main, run_program
from submission.configuration.settings import ModelSettings
from submission.distributions import SphereBrownian
from submission.errors import SubmissionError
from submission.latent import parse
from submission.run import Run
from submission.training import train

Make = Callable[..., Any]
CONFIG = "klein_bottle/edges_and_bars"
SPECS = ["Klein", "Ellipsoid(2,1,1)", "O(3)", "Stiefel(3,2)", "SU(2)"]
WHOLE = "Klein"
"""The space that is exported in modes that only scale others, too."""


def lost_at(step: int) -> Callable[[int], None]:
    """A hook that loses the data at an update."""

    def hook(asked: int) -> None:
        if asked == step:
            raise OSError(5, "Input/output error")

    return hook


@pytest.mark.parametrize("spec", SPECS)
def test_an_interrupted_run_ends_as_one_that_was_not(spec: str, tmp_path: Path, settings: Make, dots: Make) -> None:
    chosen = replace(settings(steps=6, ema=0.5), model=ModelSettings(space=spec, networks="mlp_small"))
    whole = train(chosen, tmp_path / "whole", data=dots(), device="cpu")
    with pytest.raises(SubmissionError, match="cannot be read"):
        train(chosen, tmp_path / "run", data=dots(lost_at(3)), device="cpu")
    folder = train(chosen, tmp_path / "run", data=dots(), device="cpu", resume=True)
    first, second = (checkpoint.read(run.checkpoint_file) for run in (folder, whole))
    for part in ("model", "average"):
        assert all(torch.equal(first[part][name], second[part][name]) for name in first[part]), part
    images = torch.rand(3, 1, 8, 8)
    torch.testing.assert_close(folder.model().encode(images), whole.model().encode(images), rtol=0, atol=0)


@pytest.fixture(
    scope="module", params=[*SPECS[:1], *(pytest.param(spec, marks=pytest.mark.system) for spec in SPECS[1:])]
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of three updates on 36 pictures of a Klein bottle."""
    out = tmp_path_factory.mktemp("run") / "first"
    binds = [
        f"model.space = '{request.param}'", "model.networks = 'mlp_small'", "data.name = 'klein_pictures'",
        "data.count = 6", "train.steps = 3", "train.batch_size = 12", "train.precision = 'float32'",
    ]  # fmt: skip
    words = [word for bind in binds for word in ("--bind", bind)]
    assert run_program("train", ["--config", CONFIG, *words, "--out", str(out)]) == 0
    return Run(out)


def test_its_codes_are_scored(run: Run) -> None:
    assert run_program("evaluate", [str(run.path), "--metrics", "mig,d_lsbd"]) == 0
    found = run.scores()[-1].columns["trained"].scores
    for name, key in (("mig", "discrete_mig"), ("d_lsbd", "d_lsbd")):
        value = found[name].values[key]
        assert value is not None
        assert math.isfinite(value)


def test_likelihoods_are_refused_in_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["likelihood", str(run.path)]) != 0
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("error: random walks on")
    assert "have no known density" in message


@pytest.mark.usefixtures("blank_pictures")
def test_it_is_drawn_and_reported(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for kind in ("latent", "traversals", "samples"):
        assert main(["plot", kind, str(run.path), "--out", str(tmp_path / f"{kind}.png")]) == 0
        assert (tmp_path / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    assert main(["report", str(run.path)]) == 0
    assert run.settings.model.space in (run.path / "report.html").read_text()


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_it_is_exported_in_every_mode(run: Run) -> None:
    space = run.model().space
    images = torch.from_numpy(run.dataset().observations(np.arange(4))).movedim(-1, 1).float()
    for mode in space.export_modes if space.spec == WHOLE else ("ambient", "intrinsic"):
        if mode == "sample":
            continue
        assert main(["export", str(run.path), "--mode", mode, "--formats", "pt"]) == 0
        codes = torch.jit.load(run.exported_file)(images)
        assert codes.shape == (4, space.width(mode))


@pytest.mark.parametrize("objective", ["beta_tcvae", "capacity_tc"])
def test_total_correlation_is_refused_in_one_line(
    objective: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binds = ["data.count = 4", f"objective.name = '{objective}'", "train.steps = 1", "train.batch_size = 8"]
    words = [word for bind in binds for word in ("--bind", bind)]
    assert run_program("train", ["--config", CONFIG, *words, "--out", str(tmp_path / "run")]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: random walks on Klein have no known density")
    assert "choose another space or objective (beta_vae, capacity)" in lines[-1]


GLOBE = """
import torch
from submission.distributions import SphereBrownian
from submission.latent import Manifold, register


def nearest(x):
    return torch.nn.functional.normalize(x, dim=-1)


def density(centre, time, points):
    return SphereBrownian(centre, time, validate_args=False).log_prob(points)


register(Manifold("Globe", ambient=3, dimension=2, project=nearest))
register(Manifold("KnownGlobe", ambient=3, dimension=2, project=nearest, volume=4 * torch.pi, log_density=density))
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that registers a sphere by its projection, without a density and with one."""
    (tmp_path / "own_globe.py").write_text(GLOBE)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_globe"


@pytest.mark.parametrize(("spec", "code"), [("Globe", False), ("KnownGlobe", True)])
def test_a_manifold_of_ones_own_from_a_configuration(spec: str, code: bool, own_module: str, tmp_path: Path) -> None:
    """Trained, scored and drawn through --import; likelihoods where, and only where, it brings a density."""
    binds = [f"model.space = '{spec}(steps=3) x R^1'", "data.count = 5", "train.steps = 2", "train.batch_size = 8"]
    words = [word for bind in binds for word in ("--bind", bind)]
    out, own = str(tmp_path / "run"), f"--import={own_module}"
    assert run_program("train", [own, "--config", CONFIG, *words, "--out", out]) == 0
    assert run_program("evaluate", [own, out, "--metrics=mig", "--preset=fast"]) == 0
    assert main(["plot", "latent", out, own, "--out", str(tmp_path / "latent.png")]) == 0
    assert (main(["likelihood", out, own, "--samples", "5"]) == 0) == code


def test_a_given_density_is_that_of_the_exact_space(own_module: str) -> None:
    importlib.import_module(own_module)
    space, parameters = parse("KnownGlobe"), torch.tensor([[0.3, -0.2, 0.9, -1.0]])
    posterior, z = space.posterior(parameters), parse("S^2").prior_sample((50, 1))
    centre, time = space.representation(parameters, "mean"), posterior.statistics()["time"]
    expected = SphereBrownian(centre, time).log_prob(z)
    torch.testing.assert_close(posterior.log_prob(z)[..., 0], expected, atol=1e-4, rtol=1e-4)
