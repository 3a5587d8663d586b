"""The report on one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from submission.errors import SubmissionError
from submission.plots.codes import codes_and_factors
from submission.plots.comparison import score_dots
from submission.plots.encoding import decoder
from submission.plots.images import prior_samples, reconstructions
from submission.plots.kinds import Source, code_names, factor_names
from submission.plots.manifolds import latent_space, parts_of
from submission.plots.matrices import heat_maps, matrices_of
from submission.plots.training import component_curves, component_kl, training_curves
from submission.plots.traversal import traversals
from submission.report.commands import data_note, evaluate_command, report_command, train_command
from submission.report.findings import collapsed, verdict, warnings
from submission.report.page import Code, Download, Facts, Item, Page, Section, Text
from submission.report.pictures import chart, listed, photograph, sliders
from submission.report.tables import (
    component_table,
    likelihood_items,
    meanings,
    published_items,
    score_table,
    scores_csv,
)
from submission.run import Run, ScoreFile
from submission.run.current import current_scores, main_scores, on_own_data


def run_page(source: Source) -> Page:
    """Everything about one run; data and scores that are missing are named where they would stand.

    Raises:
        SubmissionError: the model or a score file cannot be read.
    """
    run, meta = source.run, source.run.meta
    names = [component.name for component in source.model.space.components]
    fresh = without_repetitions(current_scores(run))
    stale = [scores for scores in run.scores() if scores.is_stale(run.exported_file)]
    scores = main_scores(on_own_data(run, fresh))
    unused = len(collapsed(run.components(), names)) if run.components() else None
    sections = [
        Section("Commands", [Code(commands(run, scores), "Commands that repeat this run")]),
        *(
            score_section(file, run)
            for file in ([scores] if scores else []) + [file for file in fresh if file is not scores]
        ),
        Section("Latent space", attempt(lambda: space_items(source))),
        Section("What each component encodes", attempt(lambda: component_items(source))),
        Section("Traversals", attempt(lambda: traversal_items(source))),
        Section("Images", attempt(lambda: image_items(source))),
        Section("Training", training_items(source, names)),
        Section("Held-out likelihood", likelihood_items(run)),
        Section("The run", about(run)),
    ]
    data = {"meta": meta.to_json(), "scores": [file.to_json() for file in fresh]}
    return Page(
        f"{meta.space or 'A run'} on {meta.dataset.name or 'unnamed data'}", subtitle(run), sections,
        verdict([scores] if scores else [], unused, len(names)), warnings(run, scores, stale, names), data,
    )  # fmt: skip


def without_repetitions(files: Sequence[ScoreFile]) -> list[ScoreFile]:
    """The files without those whose every metric a newer one has, from the same data and protocol."""

    def repeats(old: ScoreFile, new: ScoreFile) -> bool:
        same = (old.data.name, old.protocol, old.seeds) == (new.data.name, new.protocol, new.seeds)
        return same and old.created < new.created and set(old.metrics) <= set(new.metrics)

    return [old for old in files if not any(repeats(old, new) for new in files)]


def subtitle(run: Run) -> str:
    """Objective, networks, seed and date."""
    meta = run.meta
    words = [
        f"Run {run.path.resolve().name}",
        meta.model.objective,
        f"networks {meta.model.networks}",
        f"seed {meta.seed}",
        meta.created,
    ]
    return " · ".join(word for word in words if word)


def commands(run: Run, scores: ScoreFile | None) -> str:
    """What trains, scores and reports the same again."""
    again = f"{run.path}-again"
    lines = [*data_note(run), train_command(run, again, "--seed", str(run.meta.seed))]
    if scores is not None:
        lines.append(evaluate_command(run, scores, again))
    return "\n".join([*lines, report_command([again])])


def attempt(make: Callable[[], list[Item]]) -> list[Item]:
    """Items, or the reason why they cannot be made: data files or weights that are missing."""
    try:
        return make()
    except SubmissionError as error:
        return [Text(f"Not shown: {error}", "warning")]


def score_section(scores: ScoreFile, run: Run) -> Section:
    """One score file: chart, table, meanings, published numbers, matrices, downloads."""
    title = "Scores" if run.meta.dataset.name == scores.data.name else f"Scores on {scores.data.name}"
    if scores.preset != "challenge":
        title += f" ({scores.protocol})"
    return Section(title, score_items(scores, run.path.resolve().name))


def score_items(scores: ScoreFile, name: str) -> list[Item]:
    """What a score file shows."""
    columns = {
        label: {name: [value] for name in scores.metrics if (value := scores.value(label, name)) is not None}
        for label in scores.columns
    }
    bounded = [metric for metric, about in scores.metrics.items() if about.range == (0.0, 1.0)]
    seeds = f"seed{'s' if len(scores.seeds) > 1 else ''} {', '.join(map(str, scores.seeds))}"
    items: list[Item] = [
        Text(f"Protocol {scores.protocol}, {seeds}, on {scores.data.name}, scored {scores.created}.", "note")
    ]
    if bounded:
        heads = ", ".join(f"{metric} {value:.2f}" for metric, value in scores.headlines().items() if metric in bounded)
        items.append(chart(
            lambda: score_dots(columns, bounded),
            "Headline scores of the trained encoder, the same encoder before training, and the true factors.",
            f"Scores from 0 to 1 by metric. Trained: {heads}.",
        ))  # fmt: skip
    details = {metric: outcome.details for metric, outcome in scores.columns[scores.label].scores.items()}
    matrices = matrices_of(details)
    items += [score_table(scores), *meanings(scores), *published_items(scores)]
    if matrices:
        items.append(photograph(
            lambda: heat_maps(matrices, factor_names(scores), code_names(scores)),
            "Matrices of the metrics, with codes in rows and factors of variation in columns. A disentangled code has "
            "one bright cell in its row, and a factor that one code describes has one bright cell in its column.",
            f"Heat maps of {listed(list(matrices))} for {len(next(iter(matrices.values())))} codes.",
        ))  # fmt: skip
    return [*items, Download(f"{name}-scores.csv", "text/csv", scores_csv({name: scores}))]


def space_items(source: Source) -> list[Item]:
    """The latent space with encoded and decoded images."""
    encoded, model = source.encoded, source.model
    parts = parts_of(encoded)
    notes = [f"{part.charts[0].name}: {part.charts[0].note}." for part in parts[:6] if part.charts[0].note]
    picture = photograph(
        lambda: latent_space(encoded, decoder(model)),
        f"{len(encoded.kl):,} images at the centres of their posteriors, coloured by factors of variation, and images "
        "decoded on a grid. Neighbours in the data should be neighbours here.",
        f"Latent space {encoded.space.spec}: {listed([part.charts[0].name for part in parts])}.",
    )  # fmt: skip
    return [picture, *(Text(note, "note") for note in dict.fromkeys(notes))]


def component_items(source: Source) -> list[Item]:
    """KL and known factors, and codes against factors."""
    encoded = source.encoded
    first = encoded.names[int(encoded.order()[0])]
    items: list[Item] = [
        chart(
            lambda: component_kl(encoded),
            "Mean KL divergence of each component, the largest first, with the factor that it shares most information "
            "with, as a share of that factor's entropy.",
            f"Bars of KL divergence for {len(encoded.names)} components; the largest is {first}, "
            f"{encoded.mean_kl.max():.2f} nats.",
        ),
        *component_table(encoded, source.run),
    ]  # fmt: skip
    if encoded.factors is not None:
        items.append(photograph(
            lambda: codes_and_factors(encoded),
            "Codes against factors: a dot per image. Blue marks the factor that each component shares most information "
            "with; the percentages are shares of the factor's entropy. Of several columns, a panel has the one "
            "with the greatest share.",
            f"Scatter plots of {min(8, len(encoded.names))} components against {listed(encoded.factor_names)}.",
        ))  # fmt: skip
    return items


def traversal_items(source: Source) -> list[Item]:
    """Rows in which one component moves, and a slider for each."""
    encoded = source.encoded
    rows = photograph(
        lambda: traversals(source.model, encoded),
        "One component moves per row, the one with the greatest KL first. A circle is walked once around, a sphere "
        "along great circles through the same image, a line over the central 95 % of the prior.",
        f"Decoded images along {listed(encoded.names)}.",
    )  # fmt: skip
    return [rows, sliders(source.model, encoded)]


def image_items(source: Source) -> list[Item]:
    """Reconstructions and samples of the prior."""
    model, examples = source.model, source.examples
    return [
        photograph(
            lambda: reconstructions(model, examples),
            "Images, and below each its reconstruction from one sample of the posterior.",
            f"{len(examples)} images and their reconstructions.",
        ),
        photograph(
            lambda: prior_samples(model),
            "Images decoded from samples of the prior.", "48 images decoded from random latent points.",
        ),
    ]  # fmt: skip


def training_items(source: Source, names: Sequence[str]) -> list[Item]:
    """Curves of the loss terms and of each component's KL."""
    run = source.run
    log, components, held_out = run.log(), run.components(), run.validation()
    if not log:
        return [Text("Nothing was logged.", "note")]
    items: list[Item] = [chart(
        lambda: training_curves({source.name: log}, held_out),
        "Loss terms during training, averaged between two records."
        + (" Only one record was logged." if len(log) == 1 else ""),
        f"Curves over {log[-1]['step']:,} updates.",
    )]  # fmt: skip
    if held_out and "best" in held_out[-1]:
        best = held_out[-1]
        items.append(
            Text(
                f"Best ELBO of held-out images: {best['best']:.2f} nats after {best.get('best_step', 0):,.0f} updates.",
                "note",
            )
        )
    if any("kl" in row for row in components):
        items.append(chart(
            lambda: component_curves(components, names),
            "KL divergence of each component; below the dotted line a component has almost no information.",
            f"Curves of {len(names)} components.",
        ))  # fmt: skip
    return items


def about(run: Run) -> list[Item]:
    """What the numbers came from, and the files to download."""
    meta = run.meta
    training, shown = meta.training, meta.representation
    pairs = [
        ("data set", f"{meta.dataset.name} ({meta.dataset.source})" if meta.dataset.source else meta.dataset.name),
        ("factors", ", ".join(meta.dataset.factor_names) or "unknown"),
        ("latent space", meta.space),
        ("exported codes", f"{shown.width}, mode {shown.mode}" if shown.mode else "not exported"),
        ("networks", f"{meta.model.networks}, {meta.model.weights:,} weights"),
        ("objective", meta.model.objective),
        ("training", f"{training.steps:,} updates, {training.images:,} images, {training.seconds:,.0f} s"),
        ("ended by", training.ended_by or "interrupted"),
        ("commit", meta.commit),
        ("machine", meta.machine),
        ("versions", ", ".join(f"{name} {version}" for name, version in meta.versions.items())),
    ]
    name = run.path.resolve().name
    items: list[Item] = [Facts([pair for pair in pairs if pair[1]])]
    if run.config_text:
        items += [
            Code(run.config_text, "The whole configuration", folded=True),
            Download(f"{name}.gin", "text/plain", run.config_text),
        ]
    return items
