"""Tables of a report: scores beside baselines and published numbers, what metrics mean, components, likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from submission.errors import invocation
from submission.evaluation.statistics import Summary, summarise
from submission.latent.families import COLLAPSED
from submission.metrics.registry import bounds
from submission.plots.encoding import Encoded
from submission.report.page import Cell, Facts, Item, Table, Text
from submission.report.published import published_for
from submission.run import Run, ScoreFile
from submission.run.likelihood import QUANTITIES
from submission.run.scores import IDEAL, UNTRAINED, digits
from submission.text import csv_text

NONE = "–"
MOST_COMPONENTS = 24
BY_BLOCK = (
    "“By block” joins the columns that describe one component, such as both coordinates of a circle, before scoring. "
    "A factor that one component describes is then not split over its columns."
)
STATISTICS = {
    "time": "Time: the duration of the posterior's Brownian motion. A short time means a narrow posterior; near the "
    "upper limit the posterior is uniform.",
    "concentration": "Concentration: large values mean a narrow posterior, 0 is uniform.",
    "scale": "Scale: the standard deviation of the posterior. Small values mean a narrow posterior, 1 is the prior's.",
    "exponent": "Exponent: p of the subspace's prior. 2 is Gaussian.",
}
"""Posterior statistics and what they mean."""


def score_table(scores: ScoreFile) -> Table:
    """The table of a score file; scores that are no better than the untrained encoder's are marked."""
    header, texts = scores.table()
    rows: list[list[Cell | str]] = []
    for (metric, key, block, values), (name, own, *baselines) in zip(scores.rows(), texts, strict=True):
        base = scores.value(UNTRAINED, metric, key, block) if UNTRAINED in scores.columns else None
        higher = scores.metrics[metric].higher_is_better
        low = values[0] is not None and base is not None and not better(values[0], base, higher)
        rows.append([f"↳ {name.strip()}" if block else name, Cell(own, "low" if low else ""), *baselines])
    return Table(header, rows, "Scores; ▾ marks those at or below the untrained encoder")


def better(value: float, base: float, higher: bool) -> bool:
    """Whether a score beats another."""
    return value > base if higher else value < base


def interval_text(summary: Summary) -> str:
    """Mean and interval."""
    return digits(summary.mean) if summary.count == 1 else f"{summary.mean:.4f} [{summary.low:.4f}, {summary.high:.4f}]"


def method_table(methods: Mapping[str, Sequence[ScoreFile]]) -> Table:
    """Methods by metrics: mean and interval over the training seeds; below them untrained encoders and true factors.

    Means that are no better than those of the same encoders before training are marked.
    """
    every = [file for files in methods.values() for file in files]
    about = {name: metric.higher_is_better for file in every for name, metric in file.metrics.items()}
    metrics = list(dict.fromkeys(name for file in every for name in file.headlines()))
    rows: list[list[Cell | str]] = []
    for method, files in methods.items():
        cells = []
        for name in metrics:
            own, base = column(files, files[0].label, name), column(files, UNTRAINED, name)
            low = own and base and not better(sum(own) / len(own), sum(base) / len(base), about[name])
            cells.append(
                Cell(interval_text(summarise(own).within(*bounds(name))) if own else NONE, "low" if low else "")
            )
        rows.append([method, str(len(files)), *cells])
    for label, title in ((UNTRAINED, "untrained encoders"), (IDEAL, "true factors")):
        if any(label in file.columns for file in every):
            means = [column(every, label, name) for name in metrics]
            rows.append([title, str(len(every)), *(digits(sum(m) / len(m)) if m else NONE for m in means)])
    caption = "Mean over training seeds, with its 95 % interval; ▾ marks those at or below the untrained encoders"
    return Table(["method", "seeds", *metrics], rows, caption)


def column(files: Sequence[ScoreFile], label: str, metric: str) -> list[float]:
    """The headline score of one column of each file that has it."""
    values = [file.value(label, metric) for file in files if label in file.columns]
    return [value for value in values if value is not None]


def meanings(scores: ScoreFile, blocks: bool = True) -> list[Item]:
    """What each metric measures, which direction is better, and what limits it; why some could not be computed."""
    pairs = []
    for name, about in scores.metrics.items():
        low, high = (*about.range, None, None)[:2]
        span = f"{'−∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
        direction = "higher is better" if about.higher_is_better else "lower is better"
        caution = f" Caution: {about.caution}." if about.caution else ""
        pairs.append((name, f"{sentence(about.summary)} {span}, {direction}.{caution}"))
    found: list[Item] = [Facts(pairs, "What each score means", folded=True)]
    errors = [(name, outcome.error) for name, outcome in scores.columns[scores.label].scores.items() if outcome.error]
    if errors:
        found.insert(0, Facts(errors, "Scores that could not be computed"))
    if blocks and any(block for _, _, block, _ in scores.rows()):
        found.append(Text(BY_BLOCK, "note"))
    return found


def sentence(text: str) -> str:
    """A summary with a capital letter and a full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def published_items(scores: ScoreFile) -> list[Item]:
    """The table of published numbers, this run's first, and its source; nothing where none are comparable."""
    source = published_for(scores.data.name, scores.preset)
    if source is None:
        return []
    metrics = list(dict.fromkeys(name for row in source.rows for name in row.scores))
    own: list[Cell | str] = [
        Cell("this run", "own"),
        *(Cell(digits(scores.headlines().get(name)), "own") for name in metrics),
    ]
    others: list[list[Cell | str]] = [
        [row.method, *(f"{row.scores[n]:g}" if n in row.scores else NONE for n in metrics)] for row in source.rows
    ]
    caption = f"Published numbers on {scores.data.name}"
    return [
        Table(["method", *metrics], [own, *others], caption),
        Text(f"Source: {source.citation}. {source.caution}", "note"),
    ]


def component_table(encoded: Encoded, run: Run) -> list[Item]:
    """Each component's KL, its factor of highest mutual information, and its posterior statistics, explained."""
    last = (run.components() or [{}])[-1]
    statistics = posterior_statistics(last, len(encoded.names))
    shares = encoded.information()
    header = [
        "component",
        "KL (nats)",
        *(["factor it encodes best", "share of its entropy"] if shares.size else []),
        *statistics,
    ]
    rows = []
    for index in encoded.order()[:MOST_COMPONENTS]:
        known = []
        if shares.size:
            best = int(shares[index].argmax())
            flat = encoded.mean_kl[index] < COLLAPSED
            known = [NONE, NONE] if flat else [encoded.factor_names[best], f"{shares[index, best]:.0%}"]
        own = [f"{values[index]:.4g}" if index < len(values) else NONE for values in statistics.values()]
        rows.append([encoded.names[index], f"{encoded.mean_kl[index]:.3f}", *known, *own])
    left_out = len(encoded.names) - len(rows)
    caption = "Latent components, greatest KL first" + (f"; {left_out:,} more are not shown" if left_out else "")
    return [
        Table(header, rows, caption),
        *(Text(STATISTICS[name], "note") for name in statistics if name in STATISTICS),
    ]


def posterior_statistics(row: Mapping[str, object], count: int) -> dict[str, list[float]]:
    """Name → a number per component from the last row of the log, for statistics that all components have.

    Products log ``time/0``, ``scale/1``, … per factor; where the factors have different statistics they are left out.
    """
    found: dict[str, list[float]] = {}
    for name, values in row.items():
        if name not in ("step", "kl") and isinstance(values, list):
            found.setdefault(name.partition("/")[0], []).extend(values)
    return {name: values for name, values in found.items() if len(values) == count}


def likelihood_items(run: Run) -> list[Item]:
    """The held-out likelihood, where it was estimated; a note where it was estimated before further training."""
    found = run.likelihood()
    if found is None:
        stale = f"The likelihood is that of an earlier model and not shown. Run: {invocation('likelihood', run.path)}"
        return [Text(stale, "note")] if run.likelihood_file.is_file() else []
    result = found.likelihood
    rows = [
        [QUANTITIES.get(name, name.replace("_", " ")), estimate_text(value.mean), estimate_text(value.standard_error)]
        for name, value in result.estimates().items()
    ]
    text = f"{result.images:,} images ({found.data.images}), {result.samples} importance samples each."
    return [Table(["per image", "mean", "standard error"], rows, "Held-out likelihood"), Text(text, "note")]


def estimate_text(value: float | None) -> str:
    """Four decimals; three significant digits of numbers near zero; a dash for nothing."""
    return f"{value:.3g}" if value and abs(value) < 0.01 else digits(value)


def likelihood_table(methods: Mapping[str, Sequence[Run]]) -> Table:
    """Methods by quantities: mean and interval over the training seeds that have an estimate."""
    found = {
        name: [file.likelihood.estimates() for run in runs if (file := run.likelihood()) is not None]
        for name, runs in methods.items()
    }
    quantities = list(dict.fromkeys(key for records in found.values() for record in records for key in record))
    rows = []
    for name, records in found.items():
        values = [[record[key].mean for record in records if key in record] for key in quantities]
        rows.append([name, str(len(records)), *(spread_text(own) if own else NONE for own in values)])
    header = ["method", "seeds", *(QUANTITIES.get(key, key.replace("_", " ")) for key in quantities)]
    return Table(header, rows, "Held-out likelihood, mean over training seeds with its 95 % interval")


def spread_text(values: Sequence[float]) -> str:
    """Mean and interval with as many digits as a quantity of its size needs."""
    summary = summarise(values)
    digits = 2 if abs(summary.mean) >= 1 else 5
    text = f"{summary.mean:.{digits}f}"
    return text if summary.count == 1 else f"{text} [{summary.low:.{digits}f}, {summary.high:.{digits}f}]"


def scores_csv(runs: Mapping[str, ScoreFile]) -> str:
    """One line per run, column and score, every digit."""
    lines: list[Sequence[object]] = [("run", "column", "metric", "score", "by", "value")]
    for name, scores in runs.items():
        for metric, key, block, values in scores.rows():
            by = "block" if block else "column"
            lines += [
                (name, label, metric, key, by, value) for label, value in zip(scores.columns, values, strict=True)
            ]
    return csv_text(lines)
