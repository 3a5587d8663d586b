"""Tables of a study's records: one row per method and setting, with intervals over seeds beside published numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from submission.errors import UsageError, did_you_mean
from submission.evaluation.statistics import Summary, summarise, summarise_share
from submission.metrics.registry import bounds, metric_of, title
from submission.run.likelihood import QUANTITIES
from submission.run.naming import SYMBOLS, name_methods, shown
from submission.run.places import natural
from submission.studies.measures import ACCURACY, EXPONENT, KL_OF, SHARES, USED
from submission.studies.records import Record
from submission.studies.statistics import PairedTest, paired_tests, probability_of_improvement
from submission.studies.study import Study, Trial

PART = re.compile(r", (?![^(]*\))")
"""Between two parts of a label; commas of a latent space are inside parentheses."""
BAR = "\\|"
"""A bar that does not end a cell of a Markdown table."""
LOWER_IS_BETTER = {"reconstruction", "mse", "torn"}
"""Of what is not a metric; metrics know their direction."""
NEUTRAL = {"kl", "effective_samples"}
"""Quantities of which neither more nor less is better; see also ``neutral``."""
LEFT_OUT = {"degree"}
"""Recorded, but in no table: the sign of a degree is that of an arbitrary orientation."""
AT_LEAST = {"kl": 0.0, "mse": 0.0, "effective_samples": 1.0}
"""Lowest possible means of quantities that are not metrics."""
UNTRAINED = ", untrained"
"""Ends the names of an untrained encoder's scores."""

Units = Mapping[str, tuple[float, float]]
"""Quantity → (factor, summand)."""


def quantity_name(name: str) -> str:
    """What tables and figures call a quantity; ``mig by block, untrained`` keeps what follows the metric's name."""
    metric = name.partition(",")[0].removesuffix(" by block")
    return QUANTITIES.get(name, title(metric) + name.removeprefix(metric))


def less_is_better(quantity: str) -> bool:
    """Whether less is better, as of an error; False for what is ``neutral``."""
    metric = metric_of(quantity)
    return not metric.higher_is_better if metric else quantity in LOWER_IS_BETTER


def neutral(quantity: str) -> bool:
    """Whether neither more nor less of a quantity is better, as of counts, exponents and divergences."""
    return quantity in NEUTRAL or quantity.startswith((KL_OF, EXPONENT)) or quantity.endswith(USED)


@dataclass(frozen=True)
class Row:
    """One method at one setting.

    Attributes:
        label: e.g. ``beta_vae, β = 4``.
        trial: name of its trials.
        seeds: those that are finished.
        values: quantity → mean and interval over the seeds.
        published: quantity → (mean, deviation) in the paper; None where it prints no deviation.
        extremes: quantity → its lowest and highest value over the seeds.
        titles: quantity → what the study calls it.
        method: the method's label.
        data: the data set, in a study of several; else empty.
        units: quantity → (factor, summand) that brought the values to the study's units.
    """

    label: str
    trial: str
    seeds: tuple[int, ...]
    values: Mapping[str, Summary]
    published: Mapping[str, tuple[float, float | None]]
    extremes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    data: str = ""
    units: Units = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The method, and the data set in a study of several: rows that differ in their settings share it."""
        return grouped(self.method, self.data)

    @property
    def setting(self) -> str:
        """The label without the data set, which rows of other data sets share."""
        return ", ".join(part for part in PART.split(self.label) if part != f"data = {self.data}")

    def title(self, quantity: str) -> str:
        """What the table calls a quantity."""
        return self.titles.get(quantity) or quantity_name(quantity)

    def short_of_published(self, quantity: str) -> bool:
        """Whether the mean is worse than the published one by more than its deviation; not of ``neutral`` ones."""
        if quantity not in self.values or quantity not in self.published or neutral(quantity):
            return False
        mean, deviation = self.published[quantity]
        gap = math.copysign(1, unit(self.units, quantity)[0]) * (self.values[quantity].mean - mean)
        return (gap if less_is_better(quantity) else -gap) > (deviation or 0.0)


def grouped(method: str, data: str) -> str:
    """A method's label with the data set, where there is one."""
    return f"{method}, {data}" if data else method


def rows(study: Study, records: Sequence[Record]) -> list[Row]:
    """A row for each cell of the study's grid, also for those of which nothing is finished yet."""
    labels = labels_of(study)
    of_trial = {name: [record for record in records if record.trial == name] for name in labels}
    cells = {trial.name: trial for trial in study.trials()}
    return [row(study, cells[name], label, of_trial[name]) for name, label in labels.items()]


def row(study: Study, trial: Trial, label: str, records: Sequence[Record]) -> Row:
    """One row; a method's published numbers hold for it in a study of one data set, a row's own label in any."""
    data = study.data_of(trial)
    quantities = dict.fromkeys(name for record in records for name in record.values)
    seeds = {name: in_units(study, name, records) for name in quantities}
    values = {name: summary(study, name, records) for name in quantities}
    extremes = {name: (min(found), max(found)) for name, found in seeds.items()}
    published = study.published.get(label, {} if data else study.published.get(trial.method, {}))
    numbers = tuple(sorted(record.seed for record in records))
    return Row(label, trial.name, numbers, values, published, extremes, study.titles, trial.method, data, study.units)


def summary(study: Study, quantity: str, records: Sequence[Record]) -> Summary:
    """Mean and interval of seeds in the study's units: of a share for what is 0 or 1, inside a metric's range."""
    values = [record.values[quantity] for record in records if quantity in record.values]
    found = summarise_share(values) if quantity in SHARES and {*values} <= {0, 1} else summarise(values)
    return found.within(*limits(quantity)).scaled(*unit(study.units, quantity))


def limits(quantity: str) -> tuple[float, float]:
    """The lowest and the highest value that a quantity may have."""
    if quantity.startswith(ACCURACY):
        return 0.0, 100.0
    if quantity.startswith((KL_OF, EXPONENT)) or quantity.endswith(USED):
        return 0.0, math.inf
    low, high = bounds(quantity)
    return AT_LEAST.get(quantity, low), high


def unit(units: Units, quantity: str) -> tuple[float, float]:
    """Factor and summand of a quantity; an untrained encoder's has those of the trained one's. (1, 0) without units."""
    return units.get(quantity, units.get(quantity.removesuffix(UNTRAINED), (1.0, 0.0)))


def in_units(study: Study, quantity: str, records: Sequence[Record]) -> list[float]:
    """The values of ``quantity`` in the units of the study's tables."""
    factor, summand = unit(study.units, quantity)
    return [factor * record.values[quantity] + summand for record in records if quantity in record.values]


def labels_of(study: Study) -> dict[str, str]:
    """Trial name → what tables call it: the study's label for the method, else the method's name, and the choices.

    Parts that all of them share are left out; a number tells labels apart that are equal then.
    """
    cells = {trial.name: trial for trial in study.trials()}
    names = name_methods([trial.settings.bindings() for trial in cells.values()])
    given = {method.label for method in study.methods if method.labelled}
    labels = [
        label_of(trial) if trial.method in given else str(found)
        for trial, found in zip(cells.values(), names, strict=True)
    ]
    return dict(zip(cells, numbered(distinct(labels)), strict=True))


def distinct(labels: Sequence[str]) -> list[str]:
    """Labels without the parts that all of them share, such as the data set of a study of one."""
    parts = [PART.split(label) for label in labels]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    return [", ".join(part for part in own if part not in shared) or ", ".join(own) for own in parts]


def numbered(labels: Sequence[str]) -> list[str]:
    """Labels with a number behind each one that repeats an earlier one: ``torus``, ``torus [2]``."""
    counts = [labels[: place + 1].count(label) for place, label in enumerate(labels)]
    return [label if count == 1 else f"{label} [{count}]" for label, count in zip(labels, counts, strict=True)]


def label_of(trial: Trial) -> str:
    """The method's label and its settings as far as the grid chose them, e.g. ``ISA-VAE, β = 4``."""
    symbols = {key: SYMBOLS.get(key, key) for key in trial.choices}
    chosen = [
        f"{symbols[key]} = {shown(value)}" if symbols[key] else shown(value) for key, value in trial.choices.items()
    ]
    return ", ".join([trial.method, *chosen])


@dataclass(frozen=True)
class Comparison:
    """One row's quantity against the reference row's.

    Attributes:
        label, reference: the two rows.
        quantity: what is compared.
        test: paired by seed, with Holm's correction across the quantities of this pair of rows.
        improvement: probability that a seed of ``label`` is better than one of ``reference``.
    """

    label: str
    reference: str
    quantity: str
    test: PairedTest
    improvement: float


def comparisons(study: Study, records: Sequence[Record], against: str = "") -> list[Comparison]:
    """Every row against a reference row of the same data set, in every quantity that both have.

    Args:
        study: whose rows they are.
        records: finished trials.
        against: the reference row's label, or the part of it without the data set, which names a row of each data
            set; by default the first row of each.

    Raises:
        UsageError: no row is called ``against``.
    """
    found = rows(study, records)
    comparison = []
    for reference in references(found, against):
        same = [row for row in found if row.data == reference.data]
        comparison += against_reference({row.label: by_seed(row.trial, records) for row in same}, reference.label)
    return comparison


def references(found: Sequence[Row], against: str) -> list[Row]:
    """The rows called ``against``, one of each data set, or the only one of that label; UsageError where none is."""
    first = {row.data: row for row in reversed(found)}
    named = [row for row in found if against == row.label] or [row for row in found if against == row.setting]
    if against and not named:
        labels = list(dict.fromkeys(name for row in found for name in (row.label, row.setting)))
        fix = did_you_mean(against, labels, f"choose one of {', '.join(labels)}")
        raise UsageError(f"the study has no row {against!r}", fix)
    return named or [first[data] for data in dict.fromkeys(row.data for row in found)]


def against_reference(values: Mapping[str, Mapping[str, Mapping[int, float]]], reference: str) -> list[Comparison]:
    """Every row but ``reference`` against it, with a correction over the quantities of each row.

    Scores of untrained encoders are left out: they say nothing about the methods.

    Args:
        values: row → quantity → training seed → value.
        reference: one of the rows.
    """
    found = []
    for label in [label for label in values if label != reference]:
        own, other = values[label], values[reference]
        trained = {name: seeds for name, seeds in own.items() if not name.endswith(UNTRAINED)}
        for name, test in paired_tests(trained, other).items():
            improvement = probability_of_improvement(column(own[name]), column(other[name]))
            better = 1 - improvement if less_is_better(name) else improvement
            found.append(Comparison(label, reference, name, test, better))
    return found


def column(values: Mapping[int, float]) -> list[list[float]]:
    """Scores (seeds, 1)."""
    return [[value] for value in values.values()]


def by_seed(trial: str, records: Sequence[Record]) -> dict[str, dict[int, float]]:
    """Quantity → seed → value of the trials called ``trial``."""
    found: dict[str, dict[int, float]] = {}
    for record in records:
        for name, value in record.values.items() if record.trial == trial else ():
            if name not in LEFT_OUT:
                found.setdefault(name, {})[record.seed] = value
    return found


def comparison_table(found: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Header and cells."""
    header = ["method", "quantity", "seeds", "difference", "p (Holm)", "better", "verdict"]
    cells = [
        [
            *(item.label, quantity_name(item.quantity), str(item.test.seeds)),
            *(f"{item.test.difference:+.4g}", f"{item.test.adjusted:.3f}"),
            "–" if neutral(item.quantity) else f"{item.improvement:.0%}",
            item.test.verdict,
        ]
        for item in found
    ]
    return header, cells


def quantities_of(found: Sequence[Row]) -> list[str]:
    """Every quantity that a row has but ``LEFT_OUT``; before anything is run those that the paper has."""
    names = [name for row in found for name in row.values] or [name for row in found for name in row.published]
    return in_natural_order([name for name in dict.fromkeys(names) if name not in LEFT_OUT])


def in_natural_order(names: Sequence[str]) -> list[str]:
    """Names as they come, but those that differ in a last number together and by that number."""
    stems = {name: name.rstrip("0123456789") for name in names}
    first = {stem: position for position, stem in reversed(list(enumerate(stems.values())))}
    return sorted(names, key=lambda name: (first[stems[name]], natural(name)))


def table(found: Sequence[Row], quantities: Sequence[str] = ()) -> tuple[list[str], list[list[str]]]:
    """Header and cells: mean, 95 % interval, and what the paper has; ``▼`` marks what falls short of it.

    An untrained encoder's mean stands behind the trained one's. A single row becomes one line per quantity, with the
    lowest and the highest seed.
    """
    chosen = list(quantities) or quantities_of(found)
    if len(found) > 1:
        chosen = [name for name in chosen if name.removesuffix(UNTRAINED) not in chosen or not name.endswith(UNTRAINED)]
    if len(found) == 1:
        header = ["quantity", "seeds", found[0].label, "lowest seed", "highest seed"]
        return header, [[found[0].title(name), *line(found[0], name)] for name in chosen]
    header = ["method", "seeds", *(found[0].title(name) for name in chosen)]
    return header, [
        [row.label, str(len(row.seeds)), *(cell(row, name) + beside(row, name) for name in chosen)] for row in found
    ]


def line(row: Row, quantity: str) -> list[str]:
    """Seeds, mean with its interval, lowest and highest seed of one quantity."""
    ends = row.extremes.get(quantity)
    digits = 2 if ends and max(map(abs, ends)) >= 1 else 4
    return [str(len(row.seeds)), cell(row, quantity), *(f"{end:.{digits}f}" for end in ends or ())]


def cell(row: Row, quantity: str) -> str:
    """One cell."""
    printed = in_paper(*row.published[quantity]) if quantity in row.published else ""
    if quantity not in row.values:
        return " ".join(filter(None, ["–" if row.seeds else "not run", printed]))
    summary = row.values[quantity]
    digits = digits_of(summary)
    text = f"{summary.mean:.{digits}f}"
    if summary.count > 1:
        text += f" [{summary.low:.{digits}f}, {summary.high:.{digits}f}]"
    if summary.count < len(row.seeds):
        text += f" ({summary.count} of {len(row.seeds)} seeds)"
    return f"{text}{' ▼' if row.short_of_published(quantity) else ''} {printed}".rstrip()


def in_paper(mean: float, deviation: float | None) -> str:
    """What the paper prints."""
    return f"(paper {mean:g})" if deviation is None else f"(paper {mean:g} ± {deviation:g})"


def beside(row: Row, quantity: str) -> str:
    """The untrained encoder's mean, with the digits of the trained one's; empty where there is none."""
    untrained, trained = row.values.get(f"{quantity}{UNTRAINED}"), row.values.get(quantity)
    return f" (untrained {untrained.mean:.{digits_of(trained or untrained)}f})" if untrained else ""


def digits_of(summary: Summary) -> int:
    """Decimals of a mean and its interval: two from 1 on, else four."""
    return 2 if abs(summary.mean) >= 1 else 4


def markdown(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [header, ["---"] * len(header), *cells]
    return "".join(f"| {' | '.join(cell.replace('|', BAR) for cell in line)} |\n" for line in lines)
