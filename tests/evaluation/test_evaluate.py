"""``evaluate.py`` from files to numbers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from submission import device
from submission.cli.main import run_program
from submission.data import GroundTruthDataset
from submission.errors import SubmissionError
from submission.evaluation import PRESETS, make_plan
from submission.export.isolated import IsolatedEncoder
from submission.files import read_json, write_json
from submission.metrics import information_gaps
from submission.metrics.base import Scores
from submission.studies.entries import collect

METRICS = "mig,factor_vae,sap,irs"
Export = Callable[..., Path]


def scores_of(tmp_path: Path, *arguments: object, expected: int = 0) -> dict[str, Any]:
    """Run ``evaluate.py`` at the fast preset and read what it wrote."""
    file = tmp_path / "out.json"
    assert run_program("evaluate", [*map(str, arguments), "--preset", "fast", "--json", str(file)]) == expected
    return read_json(file)


def values(scores: dict[str, Any], column: str) -> dict[str, dict[str, float]]:
    """Named values per metric of one column."""
    outcomes = scores["columns"][column]["scores"].items()
    return {name: outcome["values"] for name, outcome in outcomes if outcome.get("values")}


def test_codes_and_the_file_they_came_from_agree(
    stripes: GroundTruthDataset, export: Export, codes: Path, tmp_path: Path
) -> None:
    path = export()
    model = values(scores_of(tmp_path, path, "--data", "stripes", "--metrics", METRICS), path.name)
    table = values(scores_of(tmp_path, "--codes", codes, "--metrics", METRICS), "codes")
    for name, found in model.items():
        assert found == pytest.approx(table[name], abs=1e-6), name


def test_beside_the_scores_are_an_untrained_encoder_s_and_the_true_factors_(
    stripes: GroundTruthDataset, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export()
    scores = scores_of(tmp_path, path, "--data", "stripes", "--metrics", "mig,irs")
    assert list(scores["columns"]) == [path.name, "untrained", "true factors"]
    assert values(scores, "true factors")["mig"]["discrete_mig"] == pytest.approx(1.0, abs=0.02)
    shown = capsys.readouterr().out
    assert "true factors" in shown
    assert f"{values(scores, path.name)['mig']['discrete_mig']:.4f}" in shown
    assert "a high score alone means little" in shown


def test_every_number_carries_what_it_depends_on(stripes: GroundTruthDataset, export: Export, tmp_path: Path) -> None:
    scores = scores_of(tmp_path, export(), "--data", "stripes", "--metrics", METRICS, "--seed", "7")
    assert (scores["preset"], scores["era"], scores["seeds"], scores["backend"]) == (
        "fast",
        "installed",
        [7],
        "submission",
    )
    assert scores["data"]["factors"] == {"position": 6, "width": 3, "shade": 4}
    assert len(scores["representation"]["sha256"]) == 64
    assert scores["versions"]["scikit-learn"]
    column = scores["columns"]["model.pt"]
    assert (column["codes"], column["active_dimensions"]) == ("mean", [0, 1, 2, 3])
    for name, described in scores["metrics"].items():
        assert described["version"] >= 1
        assert described["settings"]["batch_size"] in (16, 64)
        assert column["scores"][name]["seconds"] > 0
    assert scores["metrics"]["factor_vae"]["settings"]["prune_threshold"] == 0.05


def test_a_run_folder_keeps_its_scores(stripes: GroundTruthDataset, export: Export, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "representation").mkdir(parents=True)
    (run / "baseline").mkdir()
    shutil.copy(export(), run / "representation" / "pytorch_model.pt")
    shutil.copy(export(scale=0.001, name="fresh.pt"), run / "baseline" / "untrained.pt")
    blocks = [{"name": "S^1", "start": 0, "stop": 2}, {"name": "S^1[2]", "start": 2, "stop": 4}]
    layout = {"mode": "mean", "blocks": blocks}
    write_json(run / "meta.json", {"dataset": {"name": "stripes"}, "representation": layout})
    scores_of(tmp_path, run, "--metrics", "factor_vae,dci")
    kept = read_json(run / "scores" / "fast-0-factor_vae+dci.json")
    for name, key, detail in [("dci", "disentanglement", "importance"), ("factor_vae", "eval_accuracy", "votes")]:
        found = kept["columns"]["trained"]["scores"][name]
        assert 0 <= found["block_values"][key] <= 1
        assert found["block_per_seed"] == [found["block_values"]]
        assert 2 in np.shape(found["block_details"][detail])
    assert kept["columns"]["trained"]["blocks"] == {"S^1": [0, 1], "S^1[2]": [2, 3]}
    assert kept["columns"]["untrained"]["scores"]["factor_vae"]["values"]["eval_accuracy"] == 0.0
    assert "below 0.05" in kept["columns"]["untrained"]["scores"]["factor_vae"]["notes"][-1]
    board = collect([tmp_path]).chosen(protocol="fast")
    assert [(entry.run, set(entry.scores)) for entry in board] == [(str(run.resolve()), {"factor_vae", "dci"})]


def test_a_space_of_one_block_is_scored_per_column(stripes: GroundTruthDataset, export: Export, tmp_path: Path) -> None:
    """A single sphere, as in the demo."""
    (tmp_path / "run" / "representation").mkdir(parents=True)
    shutil.copy(export(), tmp_path / "run" / "representation" / "pytorch_model.pt")
    layout = {"mode": "ambient", "blocks": [{"name": "S^3", "start": 0, "stop": 4}]}
    write_json(tmp_path / "run" / "meta.json", {"dataset": {"name": "stripes"}, "representation": layout})
    scores = scores_of(tmp_path, tmp_path / "run", "--metrics", "mig,dci", "--no-baselines")
    assert set(values(scores, "trained")) == {"mig", "dci"}


def test_a_file_scores_the_same_in_an_isolated_process(
    stripes: GroundTruthDataset, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [export(), "--data", "stripes", "--metrics", "mig", "--no-baselines"]
    together = scores_of(tmp_path, *given)
    assert "is a program and runs with your rights: use --isolated" in capsys.readouterr().err
    try:
        IsolatedEncoder(Path(str(given[0]))).close()
    except SubmissionError as error:
        pytest.skip(str(error))
    apart = scores_of(tmp_path, *given, "--isolated")
    assert values(apart, "model.pt") == values(together, "model.pt")


def test_repeats_are_other_seeds(codes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = scores_of(tmp_path, "--codes", codes, "--metrics", "mig", "--repeats", "3")["columns"]["codes"]["scores"]
    singles = [
        values(scores_of(tmp_path, "--codes", codes, "--metrics", "mig", "--seed", seed), "codes")["mig"]
        for seed in range(3)
    ]
    assert outcome["mig"]["per_seed"] == singles
    assert outcome["mig"]["summary"]["discrete_mig"]["count"] == 3
    assert "±" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["crashes", "is no number"])
def test_a_metric_that_fails_does_not_take_the_others_with_it(
    kind: str, codes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Scores:
        if kind == "crashes":
            raise KeyError("a line\nand another")
        return Scores({"discrete_mig": float("nan")})

    monkeypatch.setattr(information_gaps, "MIG", dataclasses.replace(information_gaps.MIG, score=broken))
    outcomes = scores_of(tmp_path, "--codes", codes, "--metrics", "mig,irs", expected=1)["columns"]["codes"]["scores"]
    assert outcomes["irs"]["values"]
    reason = outcomes["mig"]["error"]
    assert ("mig stopped with KeyError" if kind == "crashes" else "mig: discrete_mig is nan") in reason
    assert "\n" not in reason
    assert reason in " ".join(capsys.readouterr().err.split())


def test_codes_in_any_order_are_a_grid_when_they_cover_it(codes: Path, tmp_path: Path) -> None:
    with np.load(codes) as archive:
        table, sizes = archive["codes"], archive["factor_sizes"]
    factors = np.stack(np.unravel_index(np.arange(len(table)), sizes), axis=1)
    order = np.random.RandomState(0).permutation(len(table))
    shuffled = tmp_path / "shuffled.npz"
    np.savez(shuffled, codes=table[order], factors=10 * factors[order] + 5)
    one = scores_of(tmp_path, "--codes", codes, "--metrics", METRICS)
    two = scores_of(tmp_path, "--codes", shuffled, "--metrics", METRICS)
    assert values(one, "codes") == values(two, "codes")


def test_plain_samples_say_what_needs_a_grid(tmp_path: Path) -> None:
    rng = np.random.RandomState(0)
    factors = rng.randint(0, 4, (800, 2))
    np.savez(tmp_path / "samples.npz", codes=factors + 0.1 * rng.randn(800, 2), factors=factors)
    scores = scores_of(tmp_path, "--codes", tmp_path / "samples.npz")
    assert "every combination" in scores["columns"]["codes"]["scores"]["factor_vae"]["unavailable"]
    assert {"mig", "sap", "irs"} <= set(values(scores, "codes"))
    assert scores["columns"]["codes"]["samples"] == 800
    named = scores_of(tmp_path, "--codes", tmp_path / "samples.npz", "--metrics", "mig,factor_vae", expected=1)
    assert "does not hold" in named["columns"]["codes"]["scores"]["factor_vae"]["error"]
    assert "values" in named["columns"]["codes"]["scores"]["mig"]


def test_sampled_codes_are_noticed_and_never_reused(
    stripes: GroundTruthDataset, export: Export, tmp_path: Path
) -> None:
    scores = scores_of(tmp_path, export("sampled"), "--data", "stripes", "--metrics", "mig", "--no-baselines")
    assert scores["columns"]["model.pt"]["codes"] == "sample"
    assert scores["representation"]["deterministic"] is False


def test_a_file_saved_in_training_mode_is_remarked_on(
    stripes: GroundTruthDataset, export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    for training in (False, True):
        path = export(training=training)
        assert run_program("evaluate", [str(path), "--data", "stripes", "--preset", "fast", "--metrics", "mig"]) == 0
        assert ("saved in training mode" in capsys.readouterr().out) == training


def test_bfloat16_codes_score_nearly_the_same(
    stripes: GroundTruthDataset, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda device: True)
    arguments = (export(), "--data", "stripes", "--metrics", METRICS, "--no-baselines")
    full = values(scores_of(tmp_path, *arguments), "model.pt")
    scores = scores_of(tmp_path, *arguments, "--precision", "bf16")
    assert scores["representation"]["precision"] == "bf16"
    half = values(scores, "model.pt")
    assert half != full
    for name in full:
        for key in full[name]:
            assert half[name][key] == pytest.approx(full[name][key], abs=0.05), (name, key)


def test_bf16_is_float32_on_a_device_without_bfloat16_units(
    stripes: GroundTruthDataset,
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda device: False)
    arguments = (export(), "--data", "stripes", "--metrics", "mig,irs", "--no-baselines")
    full = scores_of(tmp_path, *arguments)
    assert "units" not in capsys.readouterr().err
    half = scores_of(tmp_path, *arguments, "--precision", "bf16")
    assert "no bfloat16 units: the encoder runs in float32" in capsys.readouterr().err
    assert half["representation"] == full["representation"]
    assert values(half, "model.pt") == values(full, "model.pt")


def test_json_goes_to_standard_output(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("evaluate", ["--codes", str(codes), "--metrics", "mig", "--preset", "fast", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["preset"] == "fast"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_known_metrics(preset: str) -> None:
    plan = make_plan(preset)
    assert [metric.name for metric, _ in plan.metrics] == list(PRESETS[preset])


def test_file_names_say_what_differs() -> None:
    assert make_plan().file_name() == "challenge-0.json"
    plan = make_plan("fast", ["mig", "sap"], "2019", seed=3, repeats=4)
    assert plan.file_name() == "fast-3-seeds4-2019-mig+sap.json"
    assert make_plan().file_name("dlib:cars/3d.npz", "bf16") == "challenge-0-dlib_cars_3d.npz-bf16.json"
