"""The command ``likelihood``: the right images, the exported weights, a file that can be read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.cli.main import main
from submission.data.splits import held_out
from submission.evaluation.held_out import held_out_images, run_likelihood
from submission.run import Run

COMMON = [f"--bind=train.{binding}" for binding in ("steps=20", "batch_size=64", "precision='float32'", "log_every=10")]
SMALL = ["--config=demo", "--bind=model.space='R^3'", "--bind=model.networks='mlp_small'", *COMMON]


def run(*arguments: str) -> int:
    return main(list(arguments))


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on simple periodic pictures with 100 held-out ones."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "run"
    options = ["--data=torus_pictures", "--bind=data.simple=True", "--bind=train.held_out=100"]
    assert run("train", f"--out={out}", *options, *SMALL, "--bind=model.likelihood='gaussian'") == 0
    return out


def test_the_images_are_the_held_out_ones_of_the_data_set_with_its_options(trained_run: Path) -> None:
    folder = Run.open(trained_run)
    images = held_out_images(folder)
    assert "cos + cos" in images.dataset.notes
    assert np.array_equal(images.indices, held_out(4096, 100, 0)[1])
    few = held_out_images(folder, limit=7).indices
    assert len(few) == 7
    assert set(few) <= set(images.indices)


def test_the_command_leaves_the_numbers_it_shows(trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", str(trained_run), "--likelihood", "--samples=5", "--images=50") == 0
    shown = capsys.readouterr().out
    record = json.loads((trained_run / "likelihood.json").read_text())
    scores = record["likelihood"]
    assert (scores["images"], scores["samples"]) == (50, 5)
    assert f"{scores['elbo']['mean']:.4f}" in shown
    assert scores["elbo"]["mean"] <= scores["log_likelihood"]["mean"]
    assert record["data"]["images"] == "held out of training"
    assert record["updates"] == Run.open(trained_run).meta.training.steps


def test_a_run_that_has_not_ended_is_called_that(trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Run.open(trained_run)
    meta = folder.meta
    for finished, lines in ((False, 1), (True, 0)):
        folder.write_meta(replace(meta, training=replace(meta.training, finished=finished)))
        assert run("likelihood", str(trained_run), "--samples=2", "--images=1") == 0
        warned = " ".join(capsys.readouterr().err.split())
        assert warned.count("not trained to the end: these are the weights of its last checkpoint") == lines


def test_json_alone_on_standard_output(trained_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("likelihood", str(trained_run), "--samples=2", "--images=1", "--json") == 0
    scores = json.loads(capsys.readouterr().out)["likelihood"]
    assert scores["elbo"]["standard_error"] is None


def test_the_weights_are_the_exported_ones(trained_run: Path) -> None:
    folder = Run.open(trained_run)
    images = held_out_images(folder, limit=20)
    first = run_likelihood(folder, images, samples=3).likelihood
    model = folder.model()
    pixels = torch.from_numpy(images.dataset.observations(images.indices)).movedim(-1, 1)
    posterior = model.space.posterior(model.encode(pixels))
    assert float(posterior.kl(posterior.rsample()).detach().sum(-1).mean()) == pytest.approx(first.kl.mean, rel=1e-5)


def test_the_test_split_is_used_where_there_is_one(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    root = f"--data-root={shared_data}"
    if not (shared_data / "mnist").is_dir():
        pytest.skip("no MNIST files")
    assert run("train", f"--out={out}", "--data=mnist", "--bind=data.binarisation='static'", root, *SMALL) == 0
    images = held_out_images(Run.open(out), shared_data, limit=10_000)
    assert images.remark == "the test split"
    assert len(images.indices) == 10_000
    assert images.dataset.maximum == 1
    others = {split: held_out_images(Run.open(out), shared_data, split=split).dataset for split in ("train", "valid")}
    assert {split: (dataset.split, len(dataset)) for split, dataset in others.items()} == {
        "train": ("train", 50_000),
        "valid": ("valid", 10_000),
    }
    assert run("likelihood", str(out), root, "--samples=2", "--images=3", "--split=train") == 0
    assert "on the train split: 3 images" in " ".join(capsys.readouterr().out.split())
    assert not (out / "likelihood.json").exists()
    assert run("likelihood", str(out), root, "--split=tset") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "tset" in line
    assert "train, valid" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere is not a run folder"),
        (["RUN", "--samples=0"], "use 1 to 1000000"),
        (["RUN", "--split=train"], "torus_pictures has no splits — leave out --split"),
    ],
)
def test_errors_are_one_line(
    trained_run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    chosen = [str(trained_run) if argument == "RUN" else argument for argument in arguments]
    assert run("likelihood", *chosen) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
