"""The figure of a study, drawn from its records alone, and its alternative text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from submission.errors import UsageError, did_you_mean
from submission.plots import LIGHT, Theme, save
from submission.plots.studies import Line, Rates, SeedRow, histograms, means_and_seeds, rate_grids, seed_dots
from submission.run.naming import SYMBOLS, literal, shown
from submission.studies.records import Record
from submission.studies.results import UNTRAINED, Row, grouped, in_units, quantities_of, quantity_name, rows
from submission.studies.study import Study, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTHING = "nothing is measured yet"
TITLES = {
    "model.space": "dimension of the latent space",
    "data.order": "highest frequency N",
    "data.discount": "discount γ",
}
NUMBER = re.compile(r"\d+(\.\d+)?")


def figure(study: Study, records: Sequence[Record], theme: Theme = LIGHT) -> Figure:
    """The study's figure; methods and cells of which nothing is finished are marked as not run.

    Args:
        study: whose ``figure`` says what is shown.
        records: finished trials.
        theme: colours.

    Raises:
        UsageError: no trial of the study has a quantity or setting that its figure shows.
    """
    spec = study.figure
    if spec.kind == "dots":
        names = {name: study.titles.get(name) or title(name) for name in quantities(study, records)}
        return seed_dots(seed_rows(study, records, list(names)), names or {"": NOTHING}, theme=theme)
    if spec.kind == "rates":
        return rate_grids(rates(study, records), title(spec.x), title(spec.y), theme=theme)
    if spec.kind == "histograms":
        return histograms(counted_values(study, records), theme=theme)
    return means_and_seeds(lines(study, records), title(spec.x), title(spec.y), theme=theme)


def save_figure(study: Study, records: Sequence[Record], path: Path | str, theme: Theme = LIGHT) -> str:
    """Write the figure to ``path`` (.svg, .png or .pdf) and return its alternative text, which SVG files hold, too."""
    text = alternative_text(study, records)
    save(figure(study, records, theme), path, text=True, title=text)
    return text


def title(name: str) -> str:
    """What a quantity or a setting is called on an axis."""
    return TITLES.get(name) or SYMBOLS.get(name) or quantity_name(name)


def quantities(study: Study, records: Sequence[Record]) -> list[str]:
    """What ``dots`` shows: what the study names, else all that was measured, else what the paper has."""
    known = quantities_of(rows(study, records))
    for name in study.figure.quantities if records else ():
        if name not in known:
            raise UsageError(
                f"study.figure: no record has {name!r}", did_you_mean(name, known, f"known: {', '.join(known)}")
            )
    published = [name for values in study.published.values() for name in values]
    found = study.figure.quantities or known or published
    return list(dict.fromkeys(name for name in found if not name.endswith(UNTRAINED)))


def of_trials(study: Study, records: Sequence[Record]) -> dict[str, list[Record]]:
    """Trial name → its records, in order of their seeds, for every trial of the study."""
    found: dict[str, list[Record]] = {trial.name: [] for trial in study.trials()}
    for record in sorted(records, key=lambda record: record.seed):
        if record.trial in found:
            found[record.trial].append(record)
    return found


def seed_rows(study: Study, records: Sequence[Record], names: Sequence[str]) -> list[SeedRow]:
    """The rows of ``dots``."""
    own = of_trials(study, records)

    def values(row: Row, suffix: str) -> dict[str, list[float]]:
        found = {name: in_units(study, f"{name}{suffix}", own[row.trial]) for name in names}
        return {name: seeds for name, seeds in found.items() if seeds}

    return [
        SeedRow(row.label, values(row, ""), values(row, UNTRAINED), row.published, row.values)
        for row in rows(study, records)
    ]


def cells(study: Study) -> dict[str, list[Trial]]:
    """Method → its trials, one for every setting, those of the first seed; of several data sets each on its own."""
    found: dict[str, list[Trial]] = {}
    for trial in study.trials():
        if trial.seed == 0:
            found.setdefault(grouped(trial.method, study.data_of(trial)), []).append(trial)
    return found


def lines(study: Study, records: Sequence[Record]) -> list[Line]:
    """The lines of ``lines`` and ``tradeoff``."""
    own, spec = of_trials(study, records), study.figure
    measured = {name for record in records for name in record.values}
    for name in (spec.y, spec.x) if spec.kind == "tradeoff" else (spec.y,):
        if measured and name not in measured:
            raise UsageError(f"study.figure: no record has {name!r}", did_you_mean(name, measured, "name a quantity"))
    found = []
    for method, trials in cells(study).items():
        differ = [key for key in trials[0].choices if len({repr(trial.choices[key]) for trial in trials}) > 1]
        points = [point(study, trial, own[trial.name], differ) for trial in trials]
        found.append(Line(method, [item for item in points if item[2]]))
    return found


def point(
    study: Study, trial: Trial, records: Sequence[Record], differ: Sequence[str]
) -> tuple[str, list[float], list[float]]:
    """Name, of the settings that ``differ`` within the method, x and y of each seed of one trial."""
    spec = study.figure
    needed = {spec.x, spec.y} if spec.kind == "tradeoff" else {spec.y}
    records = [record for record in records if needed <= record.values.keys()]
    name = ", ".join(setting(key, value) for key, value in trial.choices.items() if key in differ and key != spec.x)
    y = in_units(study, spec.y, records)
    if spec.kind == "tradeoff":
        return name, in_units(study, spec.x, records), y
    return name, [number(trial, spec.x)] * len(y), y


def setting(key: str, value: object) -> str:
    """``β = 4``."""
    symbol = SYMBOLS.get(key, key.rpartition(".")[2])
    return f"{symbol} = {shown(value)}" if symbol else shown(value)


def number(trial: Trial, key: str) -> float:
    """The value of a setting, or the first number in it, e.g. 10 of ``S^10``; UsageError where there is none."""
    text = trial.bindings.get(key, "")
    if isinstance(value := literal(text), int | float) and not isinstance(value, bool):
        return float(value)
    found = NUMBER.search(text)
    if found is None:
        raise UsageError(f"study.figure: {trial.name} has no number in {key!r}", "name a setting with one as x")
    return float(found[0])


def rates(study: Study, records: Sequence[Record]) -> dict[str, Rates]:
    """The panels of ``rates``; UsageError where several trials of a method would be one cell."""
    own, spec = of_trials(study, records), study.figure

    def cell(trial: Trial) -> tuple[str, str]:
        missing = [key for key in (spec.x, spec.y) if key not in trial.bindings]
        if missing:
            raise UsageError(f"study.figure: {trial.name} has no setting {missing[0]!r}", "name settings as x and y")
        return shown(literal(trial.bindings[spec.x])), shown(literal(trial.bindings[spec.y]))

    name, panels = spec.quantities[0], dict[str, Rates]()
    for method, trials in cells(study).items():
        panels[method] = {cell(trial): in_units(study, name, own[trial.name]) for trial in trials}
        if len(panels[method]) < len(trials):
            what = f"study.figure: several settings of {method!r} have the same {spec.x} and {spec.y}"
            raise UsageError(what, "show them as dots, or in studies of their own")
    return panels


def counted_values(study: Study, records: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    """The panels of ``histograms``: method → quantity's title → its values.

    Methods without values, or with one value everywhere, as of a setting that is not learned, are left out.
    """
    own, names = of_trials(study, records), quantities(study, records)
    panels = {
        method: {title(name): [x for cell in found for x in in_units(study, name, own[cell.name])] for name in names}
        for method, found in cells(study).items()
    }
    return {method: values for method, values in panels.items() if len({x for own in values.values() for x in own}) > 1}


def alternative_text(study: Study, records: Sequence[Record]) -> str:
    """One paragraph: what is drawn, the means of what is shown, and what is not run."""
    found = rows(study, records)
    names = shown_quantities(study, records)
    run = [row for row in found if row.seeds]
    if study.figure.kind == "histograms":
        drawn = {trial.name for method in counted_values(study, records) for trial in cells(study)[method]}
        run = [row for row in run if row.trial in drawn]
    parts = [f"{study.title or study.name}: {', '.join(map(title, names)) or NOTHING}"]
    parts += [f"{row.label} ({counted(len(row.seeds), 'seed')}) {', '.join(means(row, names))}".rstrip() for row in run]
    missing = [row.label for row in found if not row.seeds]
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
    return "; ".join(parts) + "."


def shown_quantities(study: Study, records: Sequence[Record]) -> list[str]:
    """The quantities on the figure, at most three of them, except of histograms."""
    if study.figure.kind == "histograms":
        return list(study.figure.quantities)
    spec: Mapping[str, list[str]] = {
        "dots": quantities(study, records) if study.figure.kind == "dots" else [],
        "rates": list(study.figure.quantities),
        "lines": [study.figure.y],
        "tradeoff": [study.figure.x, study.figure.y],
    }
    return spec[study.figure.kind][:3]


def means(row: Row, names: Sequence[str]) -> list[str]:
    """The means of one row."""
    return [f"{row.values[name].mean:.4g}" if name in row.values else "–" for name in names]


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
