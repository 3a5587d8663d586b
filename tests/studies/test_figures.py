"""The figure of a study: every kind from records alone, partial records, text, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from submission.cli.main import main
from submission.configuration.studies import study_files
from submission.errors import UsageError
from submission.plots.studies import SeedRow, seed_dots
from submission.studies.figures import alternative_text, figure, save_figure
from submission.studies.picture import Picture
from submission.studies.records import Record, merge_records
from submission.studies.results import distinct
from submission.studies.study import Study
from submission.studies.trial import Trial


@pytest.fixture
def study(study_file: Path) -> Study:
    return Study.read(str(study_file))


def record(study: Study, trial: Trial, **values: float) -> Record:
    return Record(study.name, "", trial.name, trial.method, trial.choices, trial.seed, trial.bindings, values)


def drawn_as(study: Study, **figure: object) -> Study:
    return dataclasses.replace(study, figure=Picture.of(figure))


def texts(figure) -> list[str]:
    """Every text in the panels."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_every_seed_is_a_dot_and_the_papers_number_is_shown(study: Study) -> None:
    trials = study.trials()
    records = [record(study, trials[0], elbo=-3.0), record(study, trials[3], elbo=-5.0)]
    (axes,) = figure(study, records).axes
    assert axes.get_title("left") == "ELBO (nats)"
    points = [tuple(line.get_xdata()) for line in axes.lines]
    assert (-3.0, -5.0) in points  # the seeds
    assert (-4.0,) in points  # their mean
    assert (-1.0, 1.0) in points  # the paper's 0 ± 1
    assert texts(figure(study, records)) == ["not run", "not run"]


def test_values_are_in_the_units_of_the_paper(study: Study) -> None:
    scaled = dataclasses.replace(study, units={"elbo": (2.0, 10.0)})
    (axes,) = figure(scaled, [record(study, study.trials()[0], elbo=-3.0)]).axes
    assert (4.0,) in [tuple(line.get_xdata()) for line in axes.lines]


def test_untrained_scores_are_rings_in_the_panel_of_the_trained_ones(study: Study) -> None:
    values = {"mig": 0.4, "mig, untrained": 0.1}
    (axes,) = figure(study, [record(study, study.trials()[0], **values)]).axes
    rings = [tuple(line.get_xdata()) for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert rings == [(0.1,)]


def test_a_line_goes_through_the_means_of_each_setting(study: Study) -> None:
    grown = drawn_as(study, kind="tradeoff", x="mse", y="elbo")
    records = [record(study, trial, mse=float(trial.seed), elbo=2.0 * trial.seed) for trial in study.trials()]
    (axes,) = figure(grown, records).axes
    labelled = {line.get_label(): np.array(line.get_xydata()) for line in axes.lines if line.get_label()[0] != "_"}
    assert labelled["plane"].tolist() == [[0.5, 1.0], [0.5, 1.0]]
    assert texts(figure(grown, records)) == ["", "β = 1", "β = 4"]
    assert [line.get_label() for line in figure(grown, []).axes[0].lines] == ["torus (not run)", "plane (not run)"]


def test_a_setting_with_a_number_is_an_axis(study: Study) -> None:
    grown = drawn_as(study, kind="lines", x="model.space", y="elbo")
    (axes,) = figure(grown, [record(study, trial, elbo=-1.0) for trial in study.trials()[:1]]).axes
    assert [list(line.get_xdata()) for line in axes.lines if line.get_label() == "torus"] == [[2.0]]
    with pytest.raises(UsageError, match=r"no number in 'model\.likelihood'"):
        figure(drawn_as(study, kind="lines", x="model.likelihood", y="elbo"), [])


def test_small_numbers_are_where_they_belong(study: Study) -> None:
    drawn = drawn_as(study, kind="lines", x="train.learning_rate", y="elbo")
    grown = dataclasses.replace(drawn, methods=study.methods[:1], grid={"train.learning_rate": (1e-5, 3e-4)})
    (axes,) = figure(grown, [record(grown, trial, elbo=-1.0) for trial in grown.trials()]).axes
    assert [list(line.get_xdata()) for line in axes.lines if line.get_label() == "torus"] == [[1e-5, 3e-4]]


def test_a_seed_that_lacks_one_of_two_quantities_is_left_out(study: Study) -> None:
    grown = drawn_as(dataclasses.replace(study, seeds=3), kind="tradeoff", x="mse", y="elbo")
    trials = [trial for trial in grown.trials() if trial.method == "torus"]
    values = ({"mse": 1.0, "elbo": -1.0}, {"elbo": -5.0}, {"mse": 3.0, "elbo": -3.0})
    (axes,) = figure(grown, [record(grown, *pair[:1], **pair[1]) for pair in zip(trials, values, strict=True)]).axes
    labelled = {line.get_label(): np.array(line.get_xydata()) for line in axes.lines}
    assert labelled["torus"].tolist() == [[2.0, -2.0]]


def test_a_cell_says_in_how_many_seeds_the_quantity_is_one() -> None:
    study = dataclasses.replace(Study.read("torus_topology", "desk"), seeds=4)
    first = study.trials()[0].name
    records = [record(study, trial, captured=float(trial.seed < 3)) for trial in study.trials() if trial.name == first]
    drawn = figure(study, records)
    assert texts(drawn)[0] == "3 / 4"
    cells = len({trial.name for trial in study.trials()})
    assert texts(drawn).count("not run") == cells - 1


def test_a_histogram_counts_the_values_of_every_seed_and_setting(study: Study) -> None:
    records = [
        record(study, trial, low=1.0, high=3.0 + trial.seed if trial.method == "plane" else 1.0)
        for trial in study.trials()
    ]
    grown = drawn_as(study, kind="histograms", quantities=["low", "high"])
    (axes,) = figure(grown, records).axes  # the torus has one value everywhere
    assert axes.get_title("left") == "plane"
    low, high = axes.containers
    assert [round(sum(bar.get_height() for bar in bars)) for bars in (low, high)] == [4, 4]
    assert [bar.get_x() for bar in high if bar.get_height()] == pytest.approx([3.0, 3.9])  # thirty bins from 1 to 4
    assert "torus" not in alternative_text(grown, records)


def test_lines_and_histograms_keep_data_sets_apart(study: Study) -> None:
    both = dataclasses.replace(study, data=("dsprites_tiny", "dsprites_small"))
    records = [record(both, trial, mse=1.0 + trial.seed, elbo=2.0) for trial in both.trials()]
    names = ["torus, dsprites_tiny", "torus, dsprites_small", "plane, dsprites_tiny", "plane, dsprites_small"]
    (axes,) = figure(drawn_as(both, kind="tradeoff", x="mse", y="elbo"), records).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    panels = figure(drawn_as(both, kind="histograms", quantities=["mse"]), records).axes
    assert [axes.get_title("left") for axes in panels] == names


def test_a_figure_of_other_quantities_is_a_figure_of_dots_unless_its_kind_is_given() -> None:
    plain = Picture("tradeoff", x="mse", y="elbo")
    assert plain.drawn_as() == plain
    assert plain.drawn_as("", ["mig"]).kind == "dots"
    assert plain.drawn_as("histograms", ["mig"]) == Picture("histograms", ["mig"], "mse", "elbo")


def test_settings_that_would_share_a_cell_are_refused(study: Study) -> None:
    spec = {"x": "model.space", "y": "model.networks", "quantities": ["captured"]}
    with pytest.raises(UsageError, match=r"several settings of 'plane' have the same model\.space"):
        figure(drawn_as(study, kind="rates", **spec), [])


def test_the_text_has_the_means_and_what_is_not_run(study: Study) -> None:
    text = alternative_text(study, [record(study, study.trials()[0], elbo=-3.0)])
    assert text == (
        "Two spaces on small pictures: ELBO (nats); torus (1 seed) -3; not run: plane, β = 1, plane, β = 4."
    )


def test_a_study_that_measures_nothing_has_a_figure_that_says_so(study: Study) -> None:
    plain = dataclasses.replace(study, published={})
    assert alternative_text(plain, []).startswith(
        "Two spaces on small pictures: nothing is measured yet; not run: torus,"
    )
    (axes,) = figure(plain, [record(plain, study.trials()[0])]).axes
    assert axes.get_title("left") == "nothing is measured yet"
    assert texts(figure(plain, [])) == ["not run"] * 3


def test_equal_records_give_equal_files_that_hold_their_text(study: Study, tmp_path: Path) -> None:
    records = [record(study, trial, elbo=-1.0 - trial.seed) for trial in study.trials()]
    text = save_figure(study, records, tmp_path / "a.svg")
    save_figure(study, list(reversed(records)), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    tree = ElementTree.parse(tmp_path / "a.svg")
    assert [node.text for node in tree.iter("{http://www.w3.org/2000/svg}title")] == [text]


@pytest.mark.parametrize("name", study_files())
def test_every_shipped_study_has_a_figure_before_anything_is_run(name: str) -> None:
    for size in ("desk", "full"):
        assert "not run" in alternative_text(Study.read(name, size), [])
    assert figure(Study.read(name, "desk"), []).axes


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("pie", "unknown kind 'pie' — choose dots, lines"),
        ("line", "did you mean lines"),
        (3, "study.figure = 3 has the wrong type — give kind, or a dictionary"),
        ({"kind": "dots", "z": 1}, "study.figure.z is unknown — known: kind, quantities, x, y"),
        ({"kind": [1]}, "study.figure.kind = [1] has the wrong type"),
        ({"quantities": 3}, "study.figure.quantities = 3 has the wrong type"),
        ({"kind": "lines", "x": "model.space"}, "lacks x or y"),
        ({"kind": "rates", "x": "a", "y": "b"}, "shows one quantity"),
        ("histograms", "lacks quantities"),
    ],
)
def test_what_a_figure_cannot_be(value: object, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Picture.of(value)


def test_quantities_that_no_record_has_are_named(study: Study) -> None:
    records = [record(study, study.trials()[0], elbo=-1.0)]
    for spec in ({"quantities": ["elbos"]}, {"kind": "lines", "x": "model.space", "y": "elbos"}):
        with pytest.raises(UsageError, match=r"no record has 'elbos' — did you mean elbo"):
            figure(drawn_as(study, **spec), records)
    with pytest.raises(UsageError, match=r"has no setting 'data\.ordr'"):
        figure(drawn_as(study, kind="rates", x="data.ordr", y="model.space", quantities=["elbo"]), records)


def test_the_command_draws_the_figure_beside_the_table(study: Study, study_file: Path, tmp_path: Path, capsys) -> None:
    file, out = tmp_path / "records.jsonl", tmp_path / "figure.svg"
    merge_records(file, [record(study, study.trials()[0], elbo=-3.0)])
    command = ["sweep", "figure", str(study_file), "--records", str(file), "--file", str(out)]
    assert main([*command, "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("![Two spaces on small pictures: ELBO (nats); torus (1 seed) -3")
    assert out.read_text(encoding="utf-8").startswith("<?xml")
    other = tmp_path / "my figure.svg"
    assert main([*command[:-1], str(other), "--markdown"]) == 0
    assert capsys.readouterr().out.endswith(f"](<{other}>)\n")  # a path with blanks, as Markdown takes it
    assert main(["sweep", "table", str(study_file), "--records", str(file), "--markdown"]) == 0
    assert capsys.readouterr().out.count("not run") == 2


def test_four_panels_are_two_by_two() -> None:
    names = {name: name for name in "abcd"}
    panels = seed_dots([SeedRow("x", {name: [1.0] for name in names})], names).axes
    assert len({round(axes.get_position().y0, 3) for axes in panels}) == 2


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["mixed, data = cars, R^4", "mixed, data = cars, S^2(t=1, u=2) x R^1"], ["R^4", "S^2(t=1, u=2) x R^1"]),
        (["A, β = 1", "A, β = 4", "B, β = 1"], ["A, β = 1", "A, β = 4", "B, β = 1"]),
        (["ISA(2x2; p0=2, p=3)", "ISA(2x2; p0=2, p=4)"], ["ISA(2x2; p0=2, p=3)", "ISA(2x2; p0=2, p=4)"]),
        (["A, β = 1", "A"], ["β = 1", "A"]),
        (["A, β = 1"], ["A, β = 1"]),
        ([], []),
    ],
)
def test_rows_of_a_figure_are_called_by_what_differs(labels: list[str], expected: list[str]) -> None:
    assert distinct(labels) == expected
