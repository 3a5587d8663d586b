"""A run on images in memory has scores and pictures like any other, now and when it is opened again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import submission
from submission.configuration import load
from submission.data import from_arrays
from submission.errors import SubmissionError, UsageError
from submission.plots.kinds import draw, plot
from submission.progress import QUIET
from submission.run import Run
from submission.studies.udr import agreements
from submission.training import train_together

TINY = {"train.steps": 4, "train.batch_size": 16, "model.networks": "mlp_small", "model.space": "R^2"}
LABELS = np.stack(np.unravel_index(np.arange(32), (4, 8)), 1)
PICTURES = np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8, 1) * 255


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on a pair of arrays."""
    return submission.train("demo", tmp_path / "run", bind=TINY, data=(PICTURES, LABELS), device="cpu", progress=QUIET)


def test_the_run_that_training_returns_has_its_images(run: Run) -> None:
    results = submission.evaluate(run, preset="fast", metrics=["mig"], progress=QUIET)
    assert 0 <= results["mig"] <= 1
    assert "Traversals" in submission.write_report(run).read_text()


def test_a_run_that_is_opened_again_takes_them(run: Run) -> None:
    with pytest.raises(UsageError, match=r"images in memory .* load_run\(path, data=\(images, factors\)\)"):
        submission.evaluate(submission.load_run(run.path), preset="fast", metrics=["mig"], progress=QUIET)
    again = submission.load_run(run.path, data=(PICTURES, LABELS))
    assert again == run
    assert np.array_equal(again.dataset().images(np.arange(32)), PICTURES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((PICTURES[:, :6], LABELS), "was trained on images of shape"),
        ((PICTURES, LABELS[:, :1]), "was trained on images of shape"),
        (PICTURES, "was trained on images of shape"),
        ((PICTURES[::-1].copy(), LABELS), "was trained on other images than these of 'arrays' — pass those"),
        ((PICTURES[:31], LABELS[:31]), "was trained on other images"),
    ],
)
def test_other_images_or_factors_are_refused(run: Run, data: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        submission.load_run(run.path, data=data)


def test_scores_of_other_images_do_not_replace_those_of_the_run(run: Run) -> None:
    fast: dict[str, Any] = {"preset": "fast", "metrics": ["mig"], "progress": QUIET}
    own = submission.evaluate(run, **fast)
    others = PICTURES[::-1].copy()
    with pytest.raises(UsageError, match=r"other images than these of 'arrays' — give these another name"):
        submission.evaluate(run, data=(others, LABELS), **fast)
    named = submission.evaluate(run, data=from_arrays(others, LABELS, name="test"), **fast)
    for data in ((PICTURES, LABELS), "arrays"):
        again = submission.evaluate(run, data=data, **fast)
        assert (again.path, again["mig"]) == (own.path, own["mig"])
    assert named.path not in (None, own.path)


def test_training_goes_on_with_the_images(run: Run) -> None:
    more = {**TINY, "train.steps": 6}
    how: dict[str, Any] = {"bind": more, "resume": True, "device": "cpu", "progress": QUIET}
    with pytest.raises(UsageError, match=r"images in memory .* train\(\.\.\., data=\(images, factors\), resume=True\)"):
        submission.train(run.settings, run.path, **how)
    misspelt = {**how, "bind": {**more, "data.name": "dsprites_tinny"}}
    with pytest.raises(UsageError, match=r"no data set named 'dsprites_tinny' — did you mean dsprites_tiny"):
        submission.train(run.settings, run.path, **misspelt)
    assert submission.train("demo", run.path, data=(PICTURES, LABELS), **how).meta.training.steps == 6


def test_runs_on_different_images_of_one_name_are_not_taken_for_repetitions(run: Run, tmp_path: Path) -> None:
    bind, others = {**TINY, "train.seed": 1}, (PICTURES[::-1].copy(), LABELS)
    same = submission.train("demo", tmp_path / "same", bind=bind, data=(PICTURES, LABELS), device="cpu", progress=QUIET)
    other = submission.train("demo", tmp_path / "other", bind=bind, data=others, device="cpu", progress=QUIET)
    for own in (run, same, other):
        submission.evaluate(own, preset="fast", metrics=["mig"], progress=QUIET)
    assert submission.compare([run, same], protocol="fast").cautions == ()
    (caution,) = submission.compare([run, other], protocol="fast").cautions
    assert "were trained on different images of one name" in caution


def test_the_commands_of_a_report_say_what_they_lack(run: Run) -> None:
    note = "# arrays: images in memory, which submission.train and load_run take as data=..."
    assert note in submission.write_report(run).read_text()
    run.write_meta(replace(run.meta, dataset=replace(run.meta.dataset, name="dsprites_tiny")))
    assert note not in submission.write_report(run).read_text()


def test_its_likelihood_is_that_of_its_images(run: Run) -> None:
    numbers: dict[str, Any] = {"samples": np.int64(2), "images": np.int64(20), "seed": np.int64(1)}
    found = submission.estimate_likelihood(run, **numbers, progress=QUIET)
    assert (run.likelihood(), found.data.name, found.likelihood.images) == (found, "arrays", 20)
    assert f"<td>{found.likelihood.elbo.mean:.4f}</td>" in found._repr_html_()
    pytest.importorskip("pandas")
    frame = found.to_frame()
    assert frame.loc["elbo", "mean"] == found.likelihood.elbo.mean
    with pytest.raises(UsageError, match="images = 0"):
        submission.estimate_likelihood(run, images=0, progress=QUIET)


def test_settings_of_metrics_may_be_numbers_of_numpy(run: Run) -> None:
    fast: dict[str, Any] = {"preset": "fast", "metrics": ["mig"], "progress": QUIET}
    found = [submission.evaluate(run, settings={"mig": {"num_bins": bins}}, **fast) for bins in (10, np.int64(10))]
    assert found[0].path == found[1].path


def test_a_figure_takes_a_single_run(run: Run, tmp_path: Path) -> None:
    assert draw("curves", str(run.path)).axes
    assert plot("traversals", run, tmp_path / "moving.webp").is_file()


def test_udr_finds_the_images_of_any_of_its_runs(run: Run, tmp_path: Path) -> None:
    how: dict[str, Any] = {"data": (PICTURES, LABELS), "device": "cpu", "progress": QUIET}
    other = submission.train("demo", tmp_path / "other", bind={**TINY, "train.seed": 1}, **how)
    for runs in ([Run(run.path), other], [run, Run(other.path)]):
        assert len(agreements(runs, "spearman")[0]) == 1


def test_images_in_memory_have_no_splits(tmp_path: Path) -> None:
    bind = {**TINY, "train.validation_split": "test"}
    with pytest.raises(UsageError, match=r"'?arrays'?, images in memory, have no split 'test' — hold some of them out"):
        submission.train("demo", tmp_path / "run", bind=bind, data=PICTURES, device="cpu", progress=QUIET)


@pytest.mark.parametrize("seeds", [[], [3, 3]])
def test_seeds_that_train_together_are_different(seeds: list[int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are not different seeds"):
        train_together(load("demo", TINY), seeds, tmp_path, data=PICTURES, device="cpu")


def test_the_command_that_resumes_seeds_starts_no_others(tmp_path: Path) -> None:
    how: dict[str, Any] = {"data": PICTURES, "device": "cpu", "time_budget": 0.001}
    with pytest.raises(SubmissionError, match=r"--out \S+/seed_0 .*; .*--out \S+/seed_5"):
        train_together(load("demo", TINY), [0, 5], tmp_path, **how)


def test_seeds_of_numpy_train_together(tmp_path: Path) -> None:
    settings, seeds = load("demo", TINY), np.arange(2)
    runs = train_together(settings, seeds, tmp_path, data=(PICTURES, LABELS), device="cpu")  # type: ignore[arg-type]
    assert [run.settings.train.seed for run in runs] == [run.meta.seed for run in runs] == [0, 1]
