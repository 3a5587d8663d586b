"""UDR of runs: which runs of a method agree with the others, without knowing factors of variation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from submission import provenance
from submission.errors import UsageError, invocation
from submission.evaluation.latents import run_latents
from submission.metrics.agreement import Similarity, udr
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.run.methods import method_names
from submission.studies.entries import require_distinct

IMAGES = 1_000
"""As many as the reference takes."""


@dataclass(frozen=True)
class Agreement:
    """Runs of one method, which differ in their seed.

    Attributes:
        method: what they share.
        runs: their folders, the best UDR first.
        scores: UDR of each.
        block_scores: the same with the columns of each block as one latent.
        informative: blocks with information, of each.
        blocks: blocks of the space.
    """

    method: str
    runs: tuple[str, ...]
    scores: tuple[float, ...]
    block_scores: tuple[float, ...]
    informative: tuple[int, ...]
    blocks: int


def agreements(
    folders: Sequence[Run],
    similarity: Similarity = "lasso",
    images: int = IMAGES,
    seed: int = 0,
    root: Path | None = None,
    progress: Progress = QUIET,
) -> tuple[list[Agreement], list[str]]:
    """UDR within each method that has two runs or more, and the runs that are the only ones of theirs.

    Args:
        folders: trained runs; those whose settings differ in nothing but the seed are one method.
        similarity: of latents, ``lasso`` or ``spearman``.
        images: how many images to compare codes of, drawn from ``seed``.
        seed: also of posterior samples where a KL has no closed form.
        root: folder of data files.

    Raises:
        UsageError: a run was given twice, or no method has two.
    """
    require_distinct([folder.path for folder in folders])
    methods: dict[str, list[Run]] = {}
    for folder, name in zip(folders, method_names(folders), strict=True):
        methods.setdefault(name, []).append(folder)
    alone = [str(group[0].path) for group in methods.values() if len(group) == 1]
    if len(alone) == len(methods):
        raise UsageError(
            "no two of these runs differ in nothing but their seed, which is what UDR compares",
            f"train one configuration with several seeds ({invocation('train')} --seeds 0:5)",
        )
    with progress.task("encoding", len(folders) - len(alone)) as task:
        found = []
        for method, group in methods.items():
            if len(group) > 1:
                found.append(agreement(method, group, similarity, images, seed, root))
                task.advance(len(group))
    return found, alone


def agreement(
    method: str, group: Sequence[Run], similarity: Similarity, images: int, seed: int, root: Path | None
) -> Agreement:
    """UDR of the runs of one method."""
    dataset = next((run for run in group if run.images is not None), group[0]).dataset(root)
    chosen = np.random.RandomState(seed).permutation(len(dataset))[:images]
    latents = [run_latents(folder, dataset, chosen, seed) for folder in group]
    codes, kl, blocks = [run.codes for run in latents], [run.kl for run in latents], latents[0].blocks
    agree = functools.partial(udr, codes, kl, similarity, threshold=latents[0].threshold)
    scores = values(agree().values, len(group))
    wide = any(len(block) > 1 for block in blocks)
    joined = values(agree(blocks=blocks).values, len(group)) if wide and len(blocks) > 1 else scores
    order = np.argsort(-joined, kind="stable")
    return Agreement(
        method,
        tuple(str(group[run].path) for run in order),
        tuple(scores[order].tolist()),
        tuple(joined[order].tolist()),
        tuple(latents[run].informative for run in order),
        len(blocks),
    )


def values(named: dict[str, float], count: int) -> npt.NDArray[np.float64]:
    """The models' scores in order."""
    return np.array([named[f"model_{model}"] for model in range(count)])


def rows(found: Iterable[Agreement]) -> list[list[str]]:
    """Method, run, scores and informative blocks, best first within a method."""
    return [
        [
            result.method,
            run,
            f"{result.scores[place]:.4f}",
            f"{result.block_scores[place]:.4f}",
            f"{result.informative[place]} of {result.blocks}",
        ]
        for result in found
        for place, run in enumerate(result.runs)
    ]


def plain(found: Iterable[Agreement], about: dict[str, Any]) -> dict[str, Any]:
    """For JSON."""
    return {**provenance.record(), **about, "methods": [dataclasses.asdict(result) for result in found]}
