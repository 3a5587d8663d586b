"""The part of the report that shows how training went: loss terms, latent components, held-out images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from submission.files import read_json
from submission.latent.families import COLLAPSED
from submission.report.curves import component_curves, training_curves
from submission.report.page import Section, figure, paragraph, table
from submission.run import Run

TERMS = ("reconstruction", "kl", "loss", "images_per_second")


def training_sections(folder: Run, components: list[str]) -> list[Section]:
    """What the logs show; nothing where nothing is logged."""
    parts = loss_terms(folder) + held_out(folder)
    found = [Section("Training", parts)] if parts else []
    return found + component_section(folder, components) + likelihood_section(folder)


def loss_terms(folder: Run) -> str:
    """Curves of the logged terms."""
    records = folder.log()
    names = [name for name in TERMS if any(name in record for record in records)]
    if not names:
        return ""
    return figure(training_curves(records, names), "Loss terms in nats per image.", chart=True)


def held_out(folder: Run) -> str:
    """The ELBO of held-out images, where there were any."""
    records = folder.validation()
    if not records:
        return ""
    best = f"ELBO of held-out images, nats; best {records[-1]['best']:.2f} after {records[-1]['best_step']:,} updates."
    return figure(training_curves(records, ["elbo"]), best, chart=True)


def component_section(folder: Run, names: list[str]) -> list[Section]:
    """KL and posterior statistics of each component, and which of them have collapsed."""
    records = folder.components()
    if not records:
        return []
    flat = collapsed(records, names)
    text = f"Collapsed (KL below {COLLAPSED} nats): {', '.join(flat)}." if flat else "No component has collapsed."
    caption = "KL in nats and mean posterior statistics of each component; a component without KL carries nothing."
    return [
        Section("Latent components", figure(component_curves(records, names), caption, chart=True) + paragraph(text))
    ]


def collapsed(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Which of the components ``names`` say next to nothing in the last of the logged ``records``."""
    last = records[-1]["kl"] if records else []
    return [name for name, kl in zip(names, last, strict=False) if kl < COLLAPSED]


def likelihood_section(folder: Run) -> list[Section]:
    """The held-out likelihood, where it was estimated."""
    if not folder.likelihood_file.is_file():
        return []
    record = read_json(folder.likelihood_file)
    found = record["likelihood"]
    rows = [
        [name.replace("_", " "), f"{value['mean']:.4f}", error_text(value["standard_error"])]
        for name, value in found.items()
        if isinstance(value, dict)
    ]
    text = f"{found['images']:,} images ({record['data']['images']}), {found['samples']} importance samples each."
    return [Section("Held-out likelihood", table(["per image", "mean", "standard error"], rows) + paragraph(text))]


def error_text(error: float | None) -> str:
    """A standard error; a single image has none."""
    return "–" if error is None else f"{error:.4f}"
