"""Trained runs → agreement between seeds, by column and by block."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.cli.main import command
from submission.configuration.settings import DataSettings, ModelSettings, Settings, TrainSettings
from submission.data import load
from submission.errors import UsageError
from submission.evaluation.latents import column_kl, encode
from submission.latent import parse
from submission.models.vae import build
from submission.run import Run
from submission.studies.udr import agreements
from submission.training import train


def trained_run(path: Path, seed: int, space: str) -> Run:
    settings = Settings(
        TrainSettings(steps=2, batch_size=8, log_every=1, precision="float32", seed=seed),
        DataSettings("dsprites_small"),
        ModelSettings(space, "mlp_small"),
    )
    return train(settings, path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Three seeds of circles and lines, and a single run of another space."""
    base = tmp_path_factory.mktemp("udr")
    return [trained_run(base / f"mixed{seed}", seed, "T^2 x R^2") for seed in range(3)] + [
        trained_run(base / "plain", 0, "R^3")
    ]


def call(*given: object) -> int:
    parser = argparse.ArgumentParser()
    module = command("udr")
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(part) for part in given]))


def test_the_command(runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "udr.json"
    assert call(*(run.path for run in runs), "--images", 60, "--json", file) == 0
    shown = capsys.readouterr().out
    assert "plain is the only run of its configuration" in shown.replace("\n", " ")
    (method,) = json.loads(file.read_text())["methods"]
    assert sorted(method["runs"]) == sorted(str(run.path) for run in runs[:3])
    assert method["block_scores"] == sorted(method["block_scores"], reverse=True)
    assert method["blocks"] == 4
    assert all(0 <= score <= 1 for score in [*method["scores"], *method["block_scores"]])


def test_the_same_model_twice_agrees_with_itself(runs: list[Run], tmp_path: Path) -> None:
    twin = Run(tmp_path / "twin")
    twin.path.mkdir()
    for file in (runs[0].config_file, runs[0].meta_file, runs[0].checkpoint_file):
        (twin.path / file.name).write_bytes(file.read_bytes())
    (found,), alone = agreements([runs[0], twin], "spearman", images=200)
    assert alone == []
    # Without training the latents hang together, so that rows have other large entries beside the 1; but each of the
    # two must score as the other, and more than against a stranger.
    assert found.scores[0] == pytest.approx(found.scores[1], abs=1e-9)
    (strangers,), _ = agreements(runs[:2], "spearman", images=200)
    assert found.scores[0] > strangers.scores[0]


def test_refusals(runs: list[Run]) -> None:
    with pytest.raises(UsageError, match="twice"):
        agreements([runs[0], runs[0]])
    with pytest.raises(UsageError, match="no two of these runs"):
        agreements([runs[0], runs[3]])
    with pytest.raises(UsageError, match="10 images"):
        call(runs[0].path, runs[1].path, "--images", 3)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("R^3", [0, 1, 2]),
        ("S^2 x R^2", [0, 0, 0, 1, 2]),
        ("T^2", [0, 0, 1, 1]),
        ("ISA(2x2)", [0, 1, 2, 3]),
        ("ISA(2x2; components=subspaces)", [0, 0, 1, 1]),
        ("ISA(2x2) x S^1", [0, 1, 2, 3, 4, 4]),
    ],
)
def test_every_column_has_its_components_kl(spec: str, expected: list[int]) -> None:
    space = parse(spec)
    assert column_kl(space, np.arange(len(space.components), dtype=np.float64)).tolist() == expected


@pytest.mark.parametrize("spec", ["RP^2", "SO(3)", "S^2"])
def test_codes_do_not_depend_on_the_sign_that_a_projective_space_forgets(spec: str) -> None:
    torch.manual_seed(0)
    space = parse(spec)
    model = build("mlp_small", space, (64, 64, 1))
    dataset = load("dsprites_small")
    latents = encode(model, dataset, np.arange(5), 0)
    assert latents.codes.shape == (5, space.decoder_size)
    assert len(latents.kl) == space.decoder_size
    assert (latents.kl > 0).all()


@pytest.mark.parametrize("spec", ["R^3", "S^2", "T^3", "RP^2", "SO(3)", "Torus", "S^3(posterior=vmf)"])
def test_components_that_say_nothing_do_not_count(spec: str) -> None:
    """Encoders that output standard normal posteriors, or the flattest ones of a compact space."""
    space = parse(spec)
    model = build("mlp_small", space, (64, 64, 1))
    last = model.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    spreads = torch.arange(space.parameter_size) >= space.parameter_size - len(space.components)
    flat = {"R^3": 0.0, "S^3(posterior=vmf)": -100.0}.get(spec, 100.0)
    with torch.no_grad():
        last.weight[spreads] = 0.0
        last.bias[spreads] = flat
        last.weight[~spreads] *= 1e-3 if spec == "R^3" else 1.0
        last.bias[~spreads] *= 1e-3 if spec == "R^3" else 1.0
    latents = encode(model, load("dsprites_small"), np.arange(20), 0)
    assert latents.informative == 0
    assert (latents.kl < latents.threshold).all()
