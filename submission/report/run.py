"""From a run folder to its report page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from submission.data import ImageBatches, ImageDataset
from submission.files import write_text
from submission.models.vae import VAE
from submission.report.page import Section, code, facts, figure, paragraph, render
from submission.report.pictures import png_uri, reconstructions, traversals
from submission.report.scores import score_sections
from submission.report.training import training_sections
from submission.run import Run, RunMeta

EXAMPLES = 12
SEED = 0


def write_report(folder: Run, root: Path | None = None) -> Path:
    """Write ``report.html`` into the run folder and return its path.

    Args:
        folder: a run that has begun; scores and log are left out where there are none yet.
        root: folder of the data files, for the example images.

    Raises:
        SubmissionError: the run's model, scores or data cannot be read.
    """
    meta, model = folder.meta, folder.model().eval()
    images = examples(folder.dataset(root))
    title, subtitle = f"{meta.space} on {meta.dataset.name}", f"created {meta.created}"
    run = Section("The run", facts(about(meta)) + code(folder.config_text))
    torch.manual_seed(SEED)
    sections = [
        *score_sections(folder),
        *training_sections(folder, [component.name for component in model.space.components]),
        Section("Reconstructions", reconstruction_figure(model, images)),
        Section("Latent traversals", traversal_figure(model, images)),
        run,
    ]
    write_text(folder.report_file, render(title, f"Run {folder.path.resolve().name}, {subtitle}", sections))
    return folder.report_file


def examples(dataset: ImageDataset) -> Tensor:
    """Random images (EXAMPLES, C, H, W) in [0, 1], the same ones for every run on the data set."""
    chosen = np.random.RandomState(SEED).randint(len(dataset), size=EXAMPLES)
    return ImageBatches(dataset)(chosen)


def reconstruction_figure(model: VAE, images: Tensor) -> str:
    """Originals and reconstructions."""
    caption = "Images, and below each what the decoder makes of one sample of its posterior."
    return figure(png_uri(reconstructions(model, images)), caption)


def traversal_figure(model: VAE, images: Tensor) -> str:
    """The first example moved along every component."""
    names = ", ".join(component.name for component in model.space.components)
    text = (
        f"One row per component, from the top: {names}. A circle is walked once around, a line over its central 95 %."
    )
    return figure(png_uri(traversals(model, images[:1])), "The first image, one latent component moved at a time.") + (
        paragraph(text)
    )


def about(meta: RunMeta) -> list[tuple[str, str]]:
    """What the numbers came from."""
    training, data, model = meta.training, meta.dataset, meta.model
    return [
        ("data set", f"{data.name} ({data.source})"),
        ("factors", ", ".join(data.factor_names)),
        ("latent space", meta.space),
        ("exported", f"{meta.representation.mode}, {meta.representation.width} codes"),
        ("networks", f"{model.networks}, {model.weights:,} weights"),
        ("objective", model.objective),
        ("training", f"{training.steps:,} updates, {training.images:,} images, {training.seconds:,.0f} s"),
        ("seed", str(meta.seed)),
        ("commit", meta.commit),
        ("machine", meta.machine),
        ("versions", ", ".join(f"{name} {version}" for name, version in meta.versions.items())),
    ]
