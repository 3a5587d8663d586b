"""A sweep's folder becomes one page: leaderboard, statistics, trade-off, the worst and the median seed's traversals."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.run import Run, ScoreFile
from submission.studies.results import against_reference
from submission.studies.runner import Place, State, sweep
from submission.studies.sections import method_sections, shared_metrics
from submission.studies.study import Study
from tests.report.test_report import read
from tests.studies.here import HereEngine

pytestmark = pytest.mark.usefixtures("blank_pictures")
STUDY = """# A circle and a plane on small pictures.
study.methods = [
    {"config": "demo", "label": "circles", "bind": ["model.space = 'T^2'"]},
    {"config": "demo", "label": "plane", "grid": {"objective.beta": [1.0]}, "bind": ["model.space = 'R^2'"]}]
study.bind = [
    "train.steps = 2", "train.log_every = 1", "train.precision = 'float32'", "data.name = 'dsprites_small'"]
study.evaluate = "fast"
study.metrics = ["mig", "sap"]
study.likelihood = 2
study.images = 4
study.seeds = 3
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study: two methods, three seeds each."""
    folder = tmp_path_factory.mktemp("study")
    file = folder / "small.gin"
    file.write_text(STUDY, encoding="utf-8")
    out = folder / "small"
    found = sweep(Study.read(str(file)), Place.of(out), HereEngine())
    assert found.count(State.DONE) == 6, found.errors
    return out


def test_a_sweep_is_one_page(swept: Path) -> None:
    assert main(["report", str(swept)]) == 0
    page = read(swept / "report.html")
    for words in (
        "2 methods on dsprites_small", "Leaderboard", "Differences from circles", "p (Holm)", "Interquartile mean",
        "Score against reconstruction", "MIG against the last reconstruction loss",
        "The worst seed, circles/seed_", "The median seed, plane, β = 1/seed_",
        "Held-out likelihood, mean over training seeds", "too few seeds (3 of 5)",
    ):  # fmt: skip
        assert words in page.text, words
    after_commands = page.text.partition("Mean over training seeds")[2]
    assert "plane, β = 1" in after_commands
    assert not re.search(r"-[0-9a-f]{8}\b", after_commands)  # digests of trials
    assert all(reference[1:] in page.anchors for reference in page.references if reference.startswith("#"))


def test_the_numbers_of_the_page_are_those_of_the_score_files(swept: Path) -> None:
    assert main(["report", str(swept)]) == 0
    page = read(swept / "report.html")
    scores = {
        name: [Run.open(folder).scores()[0].headlines()["mig"] for folder in sorted(swept.glob(f"{name}*/seed_*"))]
        for name in ("circles", "plane")
    }
    means = {name: sum(values) / 3 for name, values in scores.items()}
    for mean in means.values():
        assert f"{mean:.4f} [" in page.text
    assert f"{means['plane'] - means['circles']:+.4g}" in page.text
    wins = [b > a for a, b in itertools.product(scores["circles"], scores["plane"])]
    assert f"{sum(wins) / 9:.0%}" in page.text


def file_of(**values: float) -> ScoreFile:
    """A score file with these headlines."""
    about = {"range": [0.0, 1.0], "higher_is_better": True}
    metrics = {name: {"headline": name, **about} for name in values}
    columns = {"trained": {"scores": {name: {"values": {name: value}} for name, value in values.items()}}}
    record = {"format": 1, "preset": "fast", "data": {"name": "x"}, "metrics": metrics, "columns": columns}
    return ScoreFile.of(json.loads(json.dumps(record)), "test")


def test_methods_are_ranked_as_the_challenge_ranked() -> None:
    """First in one metric and second in the other two is behind second, first and first."""
    methods = {"a": [(0, file_of(x=0.9, y=0.1, z=0.1))], "b": [(0, file_of(x=0.1, y=0.2, z=0.2))]}
    board, statistics = method_sections(methods)
    assert [row[0] for row in board.items[0].rows] == ["b", "a"]  # type: ignore[union-attr]
    assert [row[2] for row in board.items[0].rows] == ["1.33", "1.67"]  # type: ignore[union-attr]
    assert "no method has two training seeds in common" in statistics.items[-1].text  # type: ignore[union-attr]


def test_nothing_is_ranked_where_nothing_can_be_compared() -> None:
    assert method_sections({}) == []
    assert method_sections({"a": [(0, file_of(mig=0.5))]}) == []
    assert method_sections({"a": [(0, file_of(mig=0.5))], "b": [(0, file_of(dci=0.5))]}) == []
    assert shared_metrics([file_of(mig=0.1, dci=0.2), file_of(dci=0.3)]) == ["dci"]


@pytest.mark.parametrize(
    ("quantity", "better"),
    [("mse", 1.0), ("d_lsbd", 1.0), ("fairness by block", 1.0), ("unsupervised", 1.0), ("mig", 0.0), ("elbo", 0.0)],
)
def test_less_is_better_for_losses_and_for_metrics_that_say_so(quantity: str, better: float) -> None:
    values = {"a": {quantity: {0: 1.0, 1: 2.0}}, "b": {quantity: {0: 0.5, 1: 0.25}}}
    assert against_reference(values, "a")[0].improvement == better
