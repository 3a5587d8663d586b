"""Which score files count: those of the model that a run holds now, of one protocol for several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from submission.errors import SubmissionError, UsageError
from submission.run import DatasetMeta, Run, RunMeta, ScoreFile
from submission.run.current import comparable_scores, main_scores, scores_of_one_protocol


def file_of(preset: str, values: dict[str, float], data: str = "own", created: str = "") -> ScoreFile:
    """A score file with these headlines."""
    outcomes = {name: {"values": {name: value}} for name, value in values.items()}
    record = {
        "format": 1, "preset": preset, "data": {"name": data}, "created": created,
        "metrics": {name: {"headline": name} for name in values}, "columns": {"trained": {"scores": outcomes}},
    }  # fmt: skip
    return ScoreFile.of(record, "test")


def run_of(path: Path, files: Sequence[ScoreFile]) -> Run:
    """A run with score files."""
    run = Run(path)
    run.write_meta(RunMeta(dataset=DatasetMeta("own")))
    for number, scores in enumerate(files):
        scores.write(run.scores_folder / f"{number}.json")
    return run


FAST, STUDY = file_of("fast", {"mig": 0.1}), file_of("study", {"mig": 0.2, "dci": 0.3})
OTHER = file_of("challenge", {"mig": 0.4, "dci": 0.5, "sap": 0.6}, data="other")


def presets(runs: Sequence[Run], metric: str = "") -> list[str]:
    """Presets of the chosen scores."""
    return [scores.preset if scores else "" for scores in comparable_scores(runs, metric)]


def test_the_main_scores_have_most_metrics_and_are_the_newest_of_those() -> None:
    new = file_of("study", {"mig": 0.2, "dci": 0.4}, created="2026")
    assert main_scores([FAST, new, STUDY]) is new
    assert main_scores([]) is None


def test_several_runs_are_shown_by_the_protocol_that_all_share(tmp_path: Path) -> None:
    both = run_of(tmp_path / "both", [FAST, STUDY, OTHER])
    fast, none = run_of(tmp_path / "fast", [FAST]), run_of(tmp_path / "none", [])
    assert presets([both]) == ["study"]
    assert presets([both, fast, none]) == ["fast", "fast", ""]
    assert [scores.preset for scores in scores_of_one_protocol([fast, both])] == ["fast", "fast"]


def test_a_protocol_without_the_metric_that_is_asked_for_counts_less(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [FAST, file_of("study", {"dci": 0.1, "sap": 0.2})])
    assert presets([run]) == ["study"]
    assert presets([run], "mig") == ["fast"]


def test_runs_without_a_protocol_in_common_are_refused_in_one_line(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "a", [FAST]), run_of(tmp_path / "b", [STUDY])]
    assert presets(runs) == ["fast", "study"]
    with pytest.raises(UsageError, match=r"different protocols \(fast, study\)"):
        scores_of_one_protocol(runs)
    with pytest.raises(SubmissionError, match=r"c has no scores — run: .*evaluate"):
        scores_of_one_protocol([*runs, run_of(tmp_path / "c", [])])
