"""The commands on a page are complete: typed in a shell, they make the same run and the same scores again."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import submission
from submission.cli import evaluate, train
from submission.cli.main import add_arguments
from submission.evaluation import make_plan
from submission.evaluation.plan import Plan
from submission.evaluation.results import metric_json
from submission.plots.kinds import Source
from submission.report import several, single
from submission.run import DatasetMeta, Run, RunMeta, ScoreFile


def parsed(line: str, program: str, module: ModuleType) -> argparse.Namespace:
    """The arguments of one printed command."""
    python, script, *words = shlex.split(line)
    assert (python, script) == ("python", program)
    parser = argparse.ArgumentParser()
    add_arguments(parser, module)
    return parser.parse_args(words)


def run_of(path: Path, seed: int = 0, **meta: Any) -> Run:
    """A run folder."""
    run = Run(path)
    run.write_meta(RunMeta(seed=seed, **{"dataset": DatasetMeta("dsprites_small"), **meta}))
    run.config_file.write_text(f"data.name = 'dsprites_small'\ntrain.seed = {seed}\n")
    return run


def scores_of(
    plan: Plan, baselines: bool = True, data: str = "dsprites_small", name: str = "", **encoder: object
) -> ScoreFile:
    """What an evaluation by ``plan`` records, without its numbers."""
    record = {
        "format": 1, "preset": plan.preset, "era": plan.era, "backend": plan.backend, "seeds": list(plan.seeds),
        "data": {"name": data}, "name": name, "representation": {"device": "cpu", **encoder},
        "metrics": {metric.name: metric_json(metric, settings) for metric, settings in plan.metrics},
        "columns": {"trained": {"scores": {}}, **({"untrained": {"scores": {}}} if baselines else {})},
    }  # fmt: skip
    return ScoreFile.of(record, "test")


@pytest.mark.parametrize("folder", ["run", "my run's"])
@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ({}, {}),
        ({"preset": "study", "seed": 3}, {"baselines": False}),
        ({"preset": "fast", "metrics": ["mig", "dci"], "repeats": 4}, {"precision": "bf16", "device": "cuda:0"}),
        ({"era": "2019", "metrics": ["sap"]}, {"data": "cars3d", "name": "other images"}),
        ({"backend": "disentanglement_lib", "seed": 2, "repeats": 2}, {}),
    ],
)
def test_the_printed_evaluation_has_every_option_of_the_scores(
    folder: str, asked: Mapping[str, Any], about: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "usable_precision", lambda precision, device: precision)
    run, plan = run_of(tmp_path / folder), make_plan(**asked)
    _, line, _ = single.commands(run, scores_of(plan, **about)).splitlines()
    options = evaluate.options_of(parsed(line, "evaluate.py", evaluate))
    assert options.targets == (Path(f"{run.path}-again"),)
    assert options.plan == plan
    expected = {"data": None, "precision": "float32", "device": "cpu", "baselines": True, "name": "", **about}
    assert {name: getattr(options.target, name) for name in expected} == expected


def test_settings_of_ones_own_are_given_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"mig": {"num_bins": 10}, "irs": {"diff_quantile": 0.9}}
    plan = make_plan("fast", settings=settings, seed=1)
    _, line, _ = single.commands(run_of(tmp_path / "my run's"), scores_of(plan)).splitlines()
    python, option, program = shlex.split(line)
    assert (python, option) == ("python", "-c")
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(submission, "evaluate", lambda target, **options: calls.append((target, options)))
    exec(program)
    ((target, options),) = calls
    assert target == f"{tmp_path}/my run's-again"
    assert make_plan(**options) == plan


def test_the_printed_training_names_configuration_folder_seed_and_modules(tmp_path: Path) -> None:
    run = run_of(tmp_path / "my run", 7, imports=("own.parts",), dataset=DatasetMeta("dlib:cars3d"))
    scores = scores_of(make_plan(), data="dlib:cars3d")
    first, second, last = single.commands(run, scores).splitlines()
    found = parsed(first, "train.py", train)
    assert (found.config, found.seed, str(found.out)) == ([str(run.config_file)], 7, f"{run.path}-again")
    for arguments in (found, parsed(second, "evaluate.py", evaluate)):
        assert arguments.imports == ["own.parts"]
        assert arguments.allow_unpickling
    assert shlex.split(last)[-1] == f"{run.path}-again"


@pytest.mark.parametrize("seeds", [(0, 1, 2), (1, 5), (4,)])
def test_the_page_on_several_runs_repeats_each_seed(seeds: tuple[int, ...], tmp_path: Path) -> None:
    sources = [Source(run_of(tmp_path / "my runs" / f"seed_{seed}", seed)) for seed in seeds]
    plans = [make_plan("fast", seed=seed) for seed in seeds]
    scored = {source.name: scores_of(plan) for source, plan in zip(sources, plans, strict=True)}
    lines = several.method_commands(sources, scored, several.again(sources[0]))
    trained = [parsed(line, "train.py", train) for line in lines if "train.py" in line]
    assert [own.seeds or own.seed for own in trained] == (["0:3"] if len(seeds) == 3 else list(seeds))
    found = [evaluate.options_of(parsed(line, "evaluate.py", evaluate)) for line in lines if "evaluate.py" in line]
    assert [options.plan for options in found] == plans
    out = tmp_path / "my runs-again"
    assert [options.targets for options in found] == [
        (out if len(seeds) == 1 else out / f"seed_{seed}",) for seed in seeds
    ]


def test_methods_in_one_folder_are_trained_again_in_different_ones(tmp_path: Path) -> None:
    sources = [Source(run_of(tmp_path / "runs" / f"seed_{seed}", seed)) for seed in (0, 1)]
    lines = several.commands({"a": sources[:1], "b": sources[1:]}, {}).splitlines()
    places = [str(parsed(line, "train.py", train).out) for line in lines[:2]]
    assert places == [f"{tmp_path}/runs-again", f"{tmp_path}/runs/seed_1-again"]
    assert shlex.split(lines[2])[-2:] == places
