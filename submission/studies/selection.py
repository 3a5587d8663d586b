"""Model selection in a study: a setting of every method's grid, chosen by UDR, by the metric, or as the middle one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from submission.errors import UsageError, did_you_mean
from submission.progress import QUIET, Progress
from submission.run import Run
from submission.studies.records import Record
from submission.studies.results import Row, less_is_better, neutral, quantities_of, rows
from submission.studies.statistics import Selection, select
from submission.studies.study import Study
from submission.studies.udr import IMAGES, agreement


def selections(
    study: Study,
    records: Sequence[Record],
    quantity: str,
    out: Path,
    root: Path | None = None,
    progress: Progress = QUIET,
) -> dict[str, list[Selection]]:
    """Method → its setting by each rule, for every method of which two settings or more have finished.

    In a study of several data sets, a setting is chosen for each: ``β-VAE, omniglot``.

    Args:
        study: whose grid it is.
        records: finished trials.
        quantity: what to choose by and to report, e.g. ``mig`` or ``mig by block``.
        out: the study's folder; UDR needs the run folders of two seeds or more of a setting.
        root: folder of data files.

    Raises:
        UsageError: no finished trial has the quantity, or neither more nor less of it is better.
    """
    found = rows(study, records)
    if not any(quantity in row.values for row in found):
        known = quantities_of(found)
        raise UsageError(f"no finished trial has {quantity!r}", did_you_mean(quantity, known, f"known: {known}"))
    if neutral(quantity):
        raise UsageError(f"neither more nor less of {quantity!r} is better", "select by a metric or the elbo")
    grids: dict[str, list[Row]] = {}
    for row in found:
        grids.setdefault(row.group, []).append(row)
    grids = {method: grid for method, grid in grids.items() if sum(quantity in row.values for row in grid) > 1}
    with progress.task("comparing seeds", sum(map(len, grids.values()))) as task:
        chosen = {}
        for method, grid in grids.items():
            chosen[method] = chosen_of(grid, records, quantity, agreements_of(grid, out, root))
            task.advance(len(grid))
    return chosen


def chosen_of(
    grid: Sequence[Row], records: Sequence[Record], quantity: str, agreements: Mapping[str, float]
) -> list[Selection]:
    """A setting of one method's grid by each rule."""
    scores = {
        row.label: [item.values[quantity] for item in records if item.trial == row.trial and quantity in item.values]
        for row in grid
    }
    return select(scores, quantity, agreements, not less_is_better(quantity))


def agreements_of(grid: Sequence[Row], out: Path, root: Path | None) -> dict[str, float]:
    """Setting → mean UDR over its seeds (Duan et al. 2020), where the models of two seeds or more are still there."""
    found = {}
    for row in grid:
        folders = [Run(out / row.trial / f"seed_{seed}") for seed in row.seeds]
        runs = [run for run in folders if run.meta_file.is_file() and run.checkpoint_file.is_file()]
        if len(runs) > 1:
            result = agreement(row.label, runs, "lasso", IMAGES, 0, root)
            found[row.label] = float(np.mean(result.block_scores))
    return found


def selection_table(chosen: Mapping[str, Sequence[Selection]], quantity: str) -> tuple[list[str], list[list[str]]]:
    """Header and cells."""
    header = ["method", "chosen by", "setting", "seeds", quantity]
    cells = [
        [method, item.rule, item.setting, str(item.seeds), f"{item.mean:.4g}"]
        for method, found in chosen.items()
        for item in found
    ]
    return header, cells
