"""The report on several runs: methods side by side, every seed a dot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from submission.errors import SubmissionError, invocation
from submission.metrics.registry import title
from submission.plots.comparison import score_dots, tradeoff
from submission.plots.kinds import Source, by_method
from submission.plots.training import training_curves
from submission.plots.traversal import traversals
from submission.report.commands import data_note, evaluate_command, report_command, train_command
from submission.report.findings import main_metric, training_warnings, verdict
from submission.report.page import Code, Download, Item, Page, Section, Table, Text
from submission.report.pictures import chart, listed, photograph
from submission.report.single import attempt
from submission.report.tables import likelihood_table, meanings, method_table, scores_csv
from submission.run import ScoreFile, series
from submission.run.current import comparable_scores

MOST_CURVES, MOST_METHODS = 8, 4


More = Callable[[Mapping[str, Sequence[tuple[int, ScoreFile]]]], Sequence[Section]]
"""Method → training seed and scores of each run, and what a page shows about them besides the report's sections."""


def runs_page(sources: Sequence[Source], more: More | None = None) -> Page:
    """Runs side by side; those of one method differ in their seed only.

    Args:
        sources: the runs.
        more: makes further sections, such as a leaderboard and statistics (``studies.sections.method_sections``).
    """
    chosen = comparable_scores([source.run for source in sources])
    scored = {source.name: scores for source, scores in zip(sources, chosen, strict=True) if scores is not None}
    methods = by_method(sources)
    runs = {
        name: [(source.run.meta.seed, scored[source.name]) for source in group if source.name in scored]
        for name, group in methods.items()
    }
    runs = {name: own for name, own in runs.items() if own}
    files = {name: [scores for _, scores in own] for name, own in runs.items()}
    datasets = sorted({source.run.meta.dataset.name for source in sources})
    sections = [
        Section("Commands", [Code(commands(methods, scored), "Commands that repeat these runs")]),
        Section("Scores", score_items(files, scored)),
        Section("Score against reconstruction", tradeoff_items(methods, scored)),
        *(more(runs) if more is not None else ()),
        Section("Held-out likelihood", likelihood_items(methods)),
        Section("Training", curve_items(sources)),
        *(Section(f"Seeds of {name}", attempt(lambda group=group: seed_items(group, scored)))  # type: ignore[misc]
          for name, group in list(methods.items())[:MOST_METHODS]),
        Section("The runs", [run_table(sources, scored)]),
    ]  # fmt: skip
    words = [f"{name}: {verdict(found)}" if len(files) > 1 else verdict(found) for name, found in files.items()]
    data = {"runs": {name: scores.to_json() for name, scores in scored.items()}}
    heading = f"{len(methods)} methods" if len(methods) > 1 else next(iter(methods), "Runs")
    return Page(
        f"{heading} on {listed(datasets)}", f"{len(sources)} runs · {listed(list(methods))}", sections,
        " ".join(words) or "No run has been evaluated.", warnings(sources, methods, scored), data,
    )  # fmt: skip


def commands(methods: Mapping[str, Sequence[Source]], scored: Mapping[str, ScoreFile]) -> str:
    """What trains, scores and reports the first methods again."""
    lines: list[str] = []
    folders: list[str] = []
    for group in list(methods.values())[:MOST_METHODS]:
        folders.append(again(group[0], folders))
        lines += method_commands(group, scored, folders[-1])
    if len(methods) > MOST_METHODS:
        lines.append(f"# and {len(methods) - MOST_METHODS} more methods")
    return "\n".join([*lines, report_command(folders)])


def method_commands(group: Sequence[Source], scored: Mapping[str, ScoreFile], out: str) -> list[str]:
    """What trains and scores the seeds of one method again in the folder ``out``, each seed once."""
    by_seed = {source.run.meta.seed: source for source in reversed(group)}
    seeds, run = sorted(by_seed), group[0].run
    folders = {seed: out if len(seeds) == 1 else f"{out}/seed_{seed}" for seed in seeds}
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        lines = [train_command(run, out, "--seeds", f"{seeds[0]}:{seeds[-1] + 1}")]
    else:
        lines = [train_command(run, folder, "--seed", str(seed)) for seed, folder in folders.items()]
    chosen = {seed: (by_seed[seed].run, scored[by_seed[seed].name]) for seed in seeds if by_seed[seed].name in scored}
    return (
        data_note(run)
        + lines
        + [evaluate_command(*chosen[seed], folder) for seed, folder in folders.items() if seed in chosen]
    )


def again(source: Source, taken: Sequence[str] = ()) -> str:
    """Where a method is trained again: beside its folder, or beside its first run where that folder is ``taken``."""
    path = source.run.path
    beside = f"{path.parent if path.name.startswith('seed_') else path}-again"
    return f"{path}-again" if beside in taken else beside


def warnings(
    sources: Sequence[Source], methods: Mapping[str, Sequence[Source]], scored: Mapping[str, ScoreFile]
) -> list[str]:
    """Runs without scores or with old ones, single and equal seeds, mixed protocols, interrupted training."""
    found = []
    lacking = [source.name for source in sources if source.name not in scored]
    if lacking:
        found.append(f"No scores of the current model: {listed(lacking)}. Evaluate: {invocation('evaluate')} RUN")
    protocols = sorted({f"{scores.protocol} on {scores.data.name}" for scores in scored.values()})
    if len(protocols) > 1:
        found.append(f"Scores of different protocols should not be compared: {listed(protocols)}.")
    single = [name for name, group in methods.items() if len(group) == 1]
    if single and len(methods) > 1:
        found.append(f"One seed only, so differences may be due to chance: {listed(single)}.")
    equal = [f"{name}, seed {seed}" for name, group in methods.items() for seed in equal_seeds(group)]
    if equal:
        found.append(f"Several runs have one method and seed, and count as so many seeds: {listed(equal)}.")
    counts: dict[str, list[str]] = {}
    for source in sources:
        for text in training_warnings(source.run):
            counts.setdefault(text.partition(":")[0].rstrip("."), []).append(source.name)
    return found + [f"{text}: {listed(names)}." for text, names in counts.items()]


def equal_seeds(group: Sequence[Source]) -> list[int]:
    """Training seeds that more than one run of a method has."""
    return [seed for seed, count in Counter(source.run.meta.seed for source in group).items() if count > 1]


def score_items(files: Mapping[str, Sequence[ScoreFile]], scored: Mapping[str, ScoreFile]) -> list[Item]:
    """Dots for seeds, the table of methods, what the scores mean."""
    if not files:
        return [Text("No run has scores of its current model.", "warning")]
    first = next(iter(scored.values()))
    values = {
        name: {
            metric: [v for file in found if (v := file.headlines().get(metric)) is not None] for metric in first.metrics
        }
        for name, found in files.items()
    }
    bounded = [metric for metric, about in first.metrics.items() if about.range == (0.0, 1.0)]
    picture = chart(
        lambda: score_dots(values, bounded),
        "Every training seed is a dot; the diamond is their mean and the line its 95 % interval.",
        f"Scores of {listed(list(files))} by {listed(bounded)}.",
    )
    csv = Download("scores.csv", "text/csv", scores_csv(scored))
    return [*([picture] if bounded else []), method_table(files), *meanings(first, blocks=False), csv]


def tradeoff_items(methods: Mapping[str, Sequence[Source]], scored: Mapping[str, ScoreFile]) -> list[Item]:
    """The main score against the reconstruction loss; nothing where fewer than two runs have both."""
    names = {main_metric(scores) for scores in scored.values()}
    if len(names) != 1 or "" in names:
        return []
    metric = names.pop()
    called = title(metric)
    points: dict[str, list[tuple[float, float]]] = {}
    for name, group in methods.items():
        for source in group:
            losses = series(source.run.log(), "reconstruction")[1]
            if source.name in scored and losses:
                points.setdefault(name, []).append((losses[-1], scored[source.name].headlines()[metric]))
    if sum(map(len, points.values())) < 2:
        return []
    return [chart(
        lambda: tradeoff(points, called),
        f"{called} against the last reconstruction loss. Good runs are at the upper left; large marks are means.",
        f"A point per run for {listed(list(points))}.",
    )]  # fmt: skip


def likelihood_items(methods: Mapping[str, Sequence[Source]]) -> list[Item]:
    """Held-out likelihoods by method; nothing where no run has one."""
    known = {name: [source.run for source in group if source.run.likelihood() is not None]
             for name, group in methods.items()}  # fmt: skip
    known = {name: runs for name, runs in known.items() if runs}
    return [likelihood_table(known)] if known else []


def curve_items(sources: Sequence[Source]) -> list[Item]:
    """Loss terms of the first runs."""
    logs = {source.name: source.run.log() for source in sources[:MOST_CURVES]}
    if not any(logs.values()):
        return [Text("Nothing was logged.", "note")]
    left_out = f" The first {MOST_CURVES} of {len(sources)} runs." if len(sources) > MOST_CURVES else ""
    caption = f"Loss terms during training, a line per run.{left_out}"
    return [chart(lambda: training_curves(logs), caption, f"Curves of {listed(list(logs))}.")]


def seed_items(group: Sequence[Source], scored: Mapping[str, ScoreFile]) -> list[Item]:
    """Traversals of the worst and of the median seed by the main score."""
    known = [source for source in group if source.name in scored and main_metric(scored[source.name])]
    if not known:
        return [Text("No seed has a score to rank it by.", "note")]
    values = [scored[source.name].headlines()[main_metric(scored[source.name])] for source in known]
    order = np.argsort(values, kind="stable")
    chosen = (
        {"worst": order[0], "median": order[(len(order) - 1) // 2]}
        if len(known) > 2
        else {"only" if len(known) == 1 else "worse": order[0]}
    )
    return [traversal_picture(known[index], word, values[index]) for word, index in chosen.items()]


def traversal_picture(source: Source, word: str, value: float) -> Item:
    """One seed's traversals."""
    try:
        encoded = source.encoded
        return photograph(
            lambda: traversals(source.model, encoded, rows=6),
            f"The {word} seed, {source.name} ({value:.2f}): one component moves per row.",
            f"Traversals of {source.name}.",
        )  # fmt: skip
    except SubmissionError as error:
        return Text(f"Not shown: {error}", "warning")


def run_table(sources: Sequence[Source], scored: Mapping[str, ScoreFile]) -> Table:
    """What each run was."""
    rows = []
    for source in sources:
        meta, scores = source.run.meta, scored.get(source.name)
        shown = f"{scores.headlines()[main_metric(scores)]:.4f}" if scores and main_metric(scores) else "–"
        state = meta.training.ended_by or ("finished" if meta.training.finished else "interrupted")
        rows.append(
            [source.name, meta.space, meta.dataset.name, str(meta.seed), f"{meta.training.steps:,}", state, shown]
        )
    return Table(["run", "latent space", "data set", "seed", "updates", "ended by", "main score"], rows, "Runs")
