"""Tables of a study: rows with intervals, published numbers, comparisons of methods."""

from __future__ import annotations

import dataclasses

import pytest
from scipy import stats

from submission.errors import UsageError
from submission.evaluation.statistics import summarise
from submission.studies.results import comparison_table, comparisons, markdown, quantities_of, rows, table
from submission.studies.study import Study
from tests.studies.small import record


def test_rows_have_intervals_over_seeds_and_mark_what_falls_short(study: Study) -> None:
    found = rows(study, [record(study, 0, elbo=-3.0), record(study, 3, elbo=-5.0)])
    assert [row.label for row in found] == ["torus", "plane, β = 1", "plane, β = 4"]
    assert found[0].values["elbo"] == summarise([-3.0, -5.0])
    assert found[0].short_of_published("elbo")
    text = markdown(*table(found))
    assert "▼ (paper 0 ± 1)" in text
    assert "not run" in text


def test_a_paper_without_deviations_is_shown_without(study: Study) -> None:
    named = dataclasses.replace(study, published={"torus": {"elbo": (-3.5, None), "kl": (5.0, 0.0)}})
    text = markdown(*table(rows(named, [record(named, 0, elbo=-4.0, kl=5.0)])))
    assert "-4.00 ▼ (paper -3.5) |" in text
    assert "(paper 5 ± 0)" in text


def test_the_kl_is_never_better_or_worse_and_the_degree_is_left_out(study: Study) -> None:
    torus = {"elbo": (0.0, 1.0), "kl": (5.0, 0.1)}
    named = dataclasses.replace(study, published={"torus": torus}, titles={"kl": "divergence (bits)"}, seeds=6)
    records = [record(named, number, elbo=0.5, kl=float(number), degree=1.0) for number in range(18)]
    assert not rows(named, records)[0].short_of_published("kl")
    header, cells = table(rows(named, records))
    assert header == ["method", "seeds", "ELBO (nats)", "divergence (bits)"]
    assert not any("▼" in cell for line in cells for cell in line)
    names, lines = comparison_table(comparisons(named, records))
    better = {line[names.index("quantity")]: line[names.index("better")] for line in lines}
    assert better == {"ELBO (nats)": "50%", "KL (nats)": "–"}


def test_what_has_no_better_side_is_not_compared_and_torn_maps_are_worse(study: Study) -> None:
    named = dataclasses.replace(study, seeds=6)
    values = {"torn": 0.0, "captured": 1.0, "exponent 1": 2.0, "circles in use": 1.0, "KL of circles (nats)": 1.0}
    other = {**dict.fromkeys(values, 0.0), "torn": 1.0}
    records = [record(named, number, **(values if number % 3 else other)) for number in range(18)]
    lines = comparison_table(comparisons(named, records))[1]
    better = {line[1]: line[5] for line in lines if line[0] == "plane, β = 1"}
    neutral = dict.fromkeys(("exponent 1", "circles in use", "KL of circles (nats)"), "–")
    assert better == {"torn": "100%", "captured": "100%", **neutral}


def test_intervals_stay_where_values_can_be(study: Study) -> None:
    names = ("circles in use", "KL of circles (nats)", "elbo", "exponent 1", "accuracy at 100")
    first, last = dict(zip(names, (0.0, 0.0, 0.0, 1.0, 60.0), strict=True)), [9.0, 9.0, 9.0, 3.0, 90.0]
    records = [record(study, 0, **first), record(study, 3, **dict(zip(names, last, strict=True)))]
    found = rows(study, records)[0].values
    assert [name for name, summary in found.items() if summary.low < 0] == ["elbo"]
    assert found["accuracy at 100"].high == 100


def test_intervals_are_those_of_the_values_before_units(study: Study) -> None:
    grown = dataclasses.replace(study, seeds=3)
    records = [record(grown, number, mig=0.3 + 0.1 * (number // 3), captured=1.0) for number in (0, 3, 6)]
    plain = rows(grown, records)[0].values
    percent = {"mig": (100.0, 0.0), "captured": (-100.0, 5.0)}
    scaled = rows(dataclasses.replace(grown, units=percent), records)[0].values
    assert scaled["mig"].high == pytest.approx(100 * plain["mig"].high)
    assert scaled["mig"].low < scaled["mig"].mean < scaled["mig"].high
    assert scaled["captured"].mean == -95.0
    assert scaled["captured"].high == pytest.approx(5 - 100 * plain["captured"].low)


@pytest.mark.parametrize(("ours", "short"), [(-5.0, True), (-3.0, False)])
def test_a_unit_that_turns_the_order_around_turns_what_falls_short(study: Study, ours: float, short: bool) -> None:
    nll = dataclasses.replace(study, published={"torus": {"elbo": (4.0, 0.5)}}, units={"elbo": (-1.0, 0.0)})
    found = rows(nll, [record(nll, 0, elbo=ours)])[0]
    assert found.values["elbo"].mean == -ours
    assert found.short_of_published("elbo") is short


def test_an_untrained_encoder_s_scores_have_the_units_of_the_trained_one_s(study: Study) -> None:
    percent = dataclasses.replace(study, units={"mig": (100.0, 0.0)})
    records = [record(percent, number, **{"mig": 0.4, "mig, untrained": 0.02}) for number in range(3)]
    assert table(rows(percent, records))[1][0][2] == "40.00 (untrained 2.00)"


def test_equal_labels_are_numbered_and_compared_with_each_other(study: Study) -> None:
    twins = tuple(dataclasses.replace(study.methods[0], bind={"objective.beta": beta}) for beta in (1.0, 2.0, 4.0))
    named = dataclasses.replace(study, methods=twins, grid={})
    records = [record(named, number, elbo=float(number)) for number in range(6)]
    assert [row.label for row in rows(named, records)] == ["torus", "torus [2]", "torus [3]"]
    found = comparisons(named, records)
    assert {(item.label, item.test.difference) for item in found} == {("torus [2]", 1.0), ("torus [3]", 2.0)}


def test_a_cell_says_where_seeds_lack_a_quantity(study: Study) -> None:
    records = [record(study, 0, elbo=-1.0, mig=0.5), record(study, 3, elbo=-1.0)]
    (torus, *_) = table(rows(study, records), ["mig"])[1]
    assert torus == ["torus", "2", "0.5000 (1 of 2 seeds)"]


def test_methods_are_compared_by_common_seeds(study: Study) -> None:
    grown = dataclasses.replace(study, seeds=6)
    records = [record(grown, number, elbo=float(number % 3), mse=0.5 * (number % 3)) for number in range(18)]
    found = comparisons(grown, records)
    one, four = "plane, β = 1", "plane, β = 4"
    differences = {(item.label, item.quantity): item.test.difference for item in found}
    assert differences == {(one, "elbo"): 1.0, (one, "mse"): 0.5, (four, "elbo"): 2.0, (four, "mse"): 1.0}
    assert [item.improvement for item in found] == [1, 0, 1, 0]  # a larger error is worse
    assert found[0].test.p == pytest.approx(2 / 64)
    assert found[0].test.adjusted == pytest.approx(2 * 2 / 64)  # over the two quantities of a row
    assert "no difference shown" in markdown(*comparison_table(found))
    with pytest.raises(UsageError, match=r"no row 'tors' — did you mean torus"):
        comparisons(grown, records, "tors")


def test_rows_of_several_data_sets_are_compared_within_each(study: Study) -> None:
    both = dataclasses.replace(study, data=("dsprites_tiny", "dsprites_small"), seeds=2)
    trials = [trial for trial in both.trials() if trial.seed == 0]
    records = [record(both, number, elbo=float(number)) for number in range(2 * len(trials))]
    found = rows(both, records)
    tiny, small = [[row.label for row in found if row.data == data] for data in both.data]
    assert tiny[0] == "torus, data = dsprites_tiny"
    assert next(row.setting for row in found if row.data == both.data[1]) == "torus"
    pairs = [(item.reference, item.label) for item in comparisons(both, records)]
    assert pairs == [(tiny[0], label) for label in tiny[1:]] + [(small[0], label) for label in small[1:]]
    one = {(item.reference, item.label) for item in comparisons(both, records, small[1])}
    assert one == {(small[1], small[0]), (small[1], small[2])}
    named = {item.reference for item in comparisons(both, records, "plane, β = 4")}
    assert named == {"plane, data = dsprites_tiny, β = 4", "plane, data = dsprites_small, β = 4"}


def test_a_published_number_of_a_method_is_of_a_study_with_one_data_set(study: Study) -> None:
    both = dataclasses.replace(study, data=("dsprites_tiny", "dsprites_small"))
    assert not any(row.published for row in rows(both, []))
    named = dataclasses.replace(both, published={"torus, data = dsprites_small": {"elbo": (0.0, 1.0)}})
    assert [row.label for row in rows(named, []) if row.published] == ["torus, data = dsprites_small"]


def test_intervals_stay_where_means_can_be(study: Study) -> None:
    grown = dataclasses.replace(study, seeds=3)
    records = [record(grown, 3 * seed, mig=(0.9, 0.99, 0.2)[seed], captured=1.0, elbo=-5.0 * seed) for seed in range(3)]
    found = rows(grown, records)[0].values
    assert (found["mig"].low, found["mig"].high) == (0.0, 1.0)
    assert found["elbo"] == summarise([0.0, -5.0, -10.0])
    wilson = stats.binomtest(3, 3).proportion_ci(method="wilson")
    assert (found["captured"].mean, found["captured"].low, found["captured"].high) == (1, wilson.low, wilson.high)
    assert found["captured"].low == pytest.approx(0.4385, abs=1e-4)  # 1 / (1 + z²/3)


@pytest.mark.parametrize("value", [7.0, -1.0, 0.5])
def test_a_share_that_is_none_is_a_number_like_others(study: Study, value: float) -> None:
    records = [record(study, 0, captured=1.0), record(study, 3, captured=value)]
    assert rows(study, records)[0].values["captured"] == summarise([1.0, value])


def test_an_untrained_encoder_stands_beside_the_trained_one_and_is_not_compared(study: Study) -> None:
    grown = dataclasses.replace(study, seeds=2)
    records = [record(grown, number, mig=0.1 * number, **{"mig, untrained": 0.0216}) for number in range(6)]
    header, lines = table(rows(grown, records))
    assert header == ["method", "seeds", "MIG"]
    assert all(line[2].endswith("(untrained 0.0216)") for line in lines)
    assert {item.quantity for item in comparisons(grown, records)} == {"mig"}


def test_a_study_of_one_setting_has_a_line_for_each_quantity_with_its_extreme_seeds(study: Study) -> None:
    alone = dataclasses.replace(study, methods=study.methods[:1])
    records = [
        dataclasses.replace(record(alone, 0, elbo=value, mse=0.5), seed=seed)
        for seed, value in enumerate((-1.0, -3.0, -8.0))
    ]
    header, lines = table(rows(alone, records))
    assert header == ["quantity", "seeds", "torus", "lowest seed", "highest seed"]
    assert [(cells[0], cells[1], *cells[3:]) for cells in lines] == [
        ("ELBO (nats)", "3", "-8.00", "-1.00"),
        ("squared error per pixel", "3", "0.5000", "0.5000"),
    ]


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert markdown(["p(x|z)"], [["1"]]) == "| p(x\\|z) |\n| --- |\n| 1 |\n"


def test_quantities_that_differ_in_a_number_stand_together_by_that_number(study: Study) -> None:
    stored = (
        "accuracy at 100",
        "accuracy at 1000",
        "accuracy at 600",
        "elbo",
        "exponent 1",
        "exponent 10",
        "exponent 2",
    )
    found = rows(study, [record(study, 0, **dict.fromkeys(stored, 0.5))])
    accuracies = ["accuracy at 100", "accuracy at 600", "accuracy at 1000"]
    assert quantities_of(found) == [*accuracies, "elbo", "exponent 1", "exponent 2", "exponent 10"]


def test_a_last_number_may_have_any_length(study: Study) -> None:
    long = "9" * 5000  # more digits than Python reads as a number
    stored = {f"exponent {number}": 1.0 for number in (long, "10", "2", "02")}
    found = rows(study, [record(study, 0, **stored)])
    assert quantities_of(found) == ["exponent 02", "exponent 2", "exponent 10", f"exponent {long}"]
