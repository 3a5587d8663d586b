"""Tables of a study's records: one row per method and setting, with intervals over seeds beside published numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from submission.evaluation.statistics import Summary, summarise
from submission.studies.naming import SYMBOLS, name_methods, shown
from submission.studies.records import Record
from submission.studies.study import Study, Trial

NAMES = {
    "log_likelihood": "log-likelihood (nats)",
    "elbo": "ELBO (nats)",
    "kl": "KL (nats)",
    "reconstruction": "−log p(x|z) (nats)",
    "mse": "squared error per pixel",
    "effective_samples": "effective samples",
}
LOWER_IS_BETTER = {"reconstruction", "mse"}


@dataclass(frozen=True)
class Row:
    """One method at one setting.

    Attributes:
        label: e.g. ``beta_vae, β = 4``.
        trial: name of its trials.
        seeds: those that are finished.
        values: quantity → mean and interval over the seeds.
        published: quantity → (mean, deviation) in the paper.
    """

    label: str
    trial: str
    seeds: tuple[int, ...]
    values: Mapping[str, Summary]
    published: Mapping[str, tuple[float, float]]

    def short_of_published(self, quantity: str) -> bool:
        """Whether the mean is worse than the published one by more than the published deviation."""
        if quantity not in self.values or quantity not in self.published:
            return False
        mean, deviation = self.published[quantity]
        gap = self.values[quantity].mean - mean
        return (gap if quantity in LOWER_IS_BETTER else -gap) > deviation


def rows(study: Study, records: Sequence[Record]) -> list[Row]:
    """A row for each cell of the study's grid, also for those of which nothing is finished yet."""
    labels = labels_of(study)
    of_trial = {name: [record for record in records if record.trial == name] for name in labels}
    methods = {trial.name: trial.method for trial in study.trials()}
    return [row(study, methods[name], name, label, of_trial[name]) for name, label in labels.items()]


def row(study: Study, method: str, trial: str, label: str, records: Sequence[Record]) -> Row:
    """One row."""
    quantities = dict.fromkeys(name for record in records for name in record.values)
    values = {name: summarise(in_units(study, name, records)) for name in quantities}
    published = study.published.get(label, study.published.get(method, {}))
    return Row(label, trial, tuple(sorted(record.seed for record in records)), values, published)


def in_units(study: Study, quantity: str, records: Sequence[Record]) -> list[float]:
    """The values of ``quantity`` in the units of the study's tables."""
    factor, summand = study.units.get(quantity, (1.0, 0.0))
    return [factor * record.values[quantity] + summand for record in records if quantity in record.values]


def labels_of(study: Study) -> dict[str, str]:
    """Trial name → what tables call it: the study's label for the method, else the method's name, and the choices."""
    cells = {trial.name: trial for trial in study.trials()}
    names = name_methods([trial.settings.bindings() for trial in cells.values()])
    given = {method.label for method in study.methods if method.labelled}
    return {
        name: label_of(trial) if trial.method in given else str(found)
        for (name, trial), found in zip(cells.items(), names, strict=True)
    }


def label_of(trial: Trial) -> str:
    """The method's label and its settings as far as the grid chose them, e.g. ``ISA-VAE, β = 4``."""
    symbols = {key: SYMBOLS.get(key, key) for key in trial.choices}
    chosen = [
        f"{symbols[key]} = {shown(value)}" if symbols[key] else shown(value) for key, value in trial.choices.items()
    ]
    return ", ".join([trial.method, *chosen])


def quantities_of(found: Sequence[Row]) -> list[str]:
    """Every quantity that a row has."""
    return list(dict.fromkeys(name for row in found for name in row.values))


def table(found: Sequence[Row], quantities: Sequence[str] = ()) -> tuple[list[str], list[list[str]]]:
    """Header and cells: mean, 95 % interval, and what the paper has; ``▼`` marks what falls short of it."""
    chosen = list(quantities) or quantities_of(found)
    header = ["method", "seeds", *(NAMES.get(name, name) for name in chosen)]
    return header, [[row.label, str(len(row.seeds)), *(cell(row, name) for name in chosen)] for row in found]


def cell(row: Row, quantity: str) -> str:
    """One cell."""
    if quantity not in row.values:
        return "not run" if not row.seeds else "–"
    summary = row.values[quantity]
    digits = 2 if abs(summary.mean) >= 1 else 4
    text = f"{summary.mean:.{digits}f}"
    if summary.count > 1:
        text += f" [{summary.low:.{digits}f}, {summary.high:.{digits}f}]"
    if quantity in row.published:
        mean, deviation = row.published[quantity]
        text += f"{' ▼' if row.short_of_published(quantity) else ''} (paper {mean:g} ± {deviation:g})"
    return text


def markdown(found: Sequence[Row], quantities: Sequence[str] = ()) -> str:
    """The table as Markdown."""
    header, cells = table(found, quantities)
    lines = [header, ["---"] * len(header), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
