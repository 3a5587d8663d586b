"""D_LSBD: how far codes are from being linearly disentangled with respect to rotations of cyclic factors.

Tonnaer, Pérez Rey, Menkovski, Holenderski and Portegies, "Quantifying and learning linear symmetry-based
disentanglement", ICML 2022. A representation is linearly disentangled if turning a cyclic factor by an angle rotates a
plane of the latent space by an integer multiple of that angle, and leaves the rest alone. The paper's computation for
products of SO(2), for each cyclic factor k with angle theta on a full grid:

    1. subtract from the codes their mean over factor k, so that only its effect remains;
    2. project them on the plane of largest variance (PCA), and scale both axes to a circle of radius 1;
    3. turn every point z back by omega theta, for an integer omega;
    4. D_k = the mean squared distance of the turned points to their mean, minimal over omega.

D_LSBD is the mean over the cyclic factors; 0 is best, random codes score about 1. Linear mixtures of the planes also
score 0, because PCA finds the planes again. By pairs of columns or by block, the plane of a factor must be two columns,
or lie in a block, and must be that factor's own: step 1 then subtracts the overall mean only, so that effects of other
factors on the plane count as distance. Because step 2 fixes the mean squared
length to 1, D_k = 1 - max |mean of z exp(-i omega theta)|^2, which is a Fourier coefficient of the codes' means: no
point is turned here. Where the second axis has no variance, the missing variance counts as distance.

Where some factors are not cyclic (the paper's cylinder), steps 1 to 3 are carried out for each combination of their
values, an object, with an omega that all objects share, and D_k is the mean over the objects. The direction of each
plane may differ between objects.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, Codes, Factors, InterventionSampler, Scores
from submission.metrics.blocks import check_blocks
from submission.metrics.checks import check_codes, check_points, constant_note
from submission.metrics.registration import of_interventions

MOST_PAIRS = 32
"""Codes of more columns are not scored by pairs of columns."""
FLAT = 1e-12
"""Share of the codes' total variance below which an axis has none."""
Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class LsbdSettings:
    """Largest |omega|, and how many combinations of the non-cyclic factors to use, drawn at random."""

    max_frequency: int = 10
    max_objects: int = 100


@dataclass(frozen=True)
class Moments:
    """What D_k depends on, for each of O objects.

    Attributes:
        covariance: of the centred codes (O, D, D).
        fourier: Fourier coefficients (O, frequencies, D) of the centred codes, averaged over the other cyclic factors.
        flat: variance below which an axis has none.
    """

    covariance: npt.NDArray[np.float64]
    fourier: Complex
    flat: float

    def of(self, columns: Sequence[int]) -> Moments:
        """Those of some columns."""
        chosen = list(columns)
        return Moments(self.covariance[:, chosen][:, :, chosen], self.fourier[:, :, chosen], self.flat)


def d_lsbd(
    codes: Codes,
    factors: Factors,
    cycles: Sequence[bool] | None = None,
    max_frequency: int = 10,
    blocks: Blocks | None = None,
) -> Scores:
    """D_LSBD of a full grid; lower is better.

    Args:
        codes: (N, D), D >= 2.
        factors: (N, K), every combination of values exactly once. The values of a cyclic factor are angles that are
            evenly spaced over one turn.
        cycles: which factors (K,) are cycles; all by default (a torus). With others, a cylinder.
        max_frequency: the largest |omega|, at least 1.
        blocks: columns that belong together. Each factor must then have a plane in one block to itself (a circle, a
            circle of a torus, a plane of a sphere); the best block counts.

    Returns:
        ``d_lsbd`` in [0, 1], with the plane of each factor anywhere in the space of all columns (or in its best block);
        ``d_lsbd_pairs``, with the plane of each factor in the best pair of columns, where there are at most 32 columns
        and no blocks. Means over the C cyclic factors. Details: ``per_factor`` (C,); ``frequency`` (C,), the best
        omega; ``pairs`` (C, 2); ``per_block`` (blocks, C).

    Raises:
        SubmissionError: the arrays are not a full grid, no factor is a cycle, or a cycle has fewer than 3 values.
    """
    table, values = check_points(codes, factors, "d_lsbd", min_codes=2)
    numbers = np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in values.T], axis=1)
    sizes = tuple(int(size) for size in numbers.max(axis=0) + 1)
    cells = np.ravel_multi_index(tuple(numbers.T), sizes)
    if math.prod(sizes) != len(table) or len(np.unique(cells)) < len(table):
        raise SubmissionError(
            f"d_lsbd needs every combination of factor values exactly once: {len(table)} rows, "
            f"{math.prod(sizes)} combinations",
            "give codes of a full grid",
        )
    cyclic = (True,) * len(sizes) if cycles is None else tuple(cycles)
    return of_grid(table[np.argsort(cells)].reshape(*sizes, -1), cyclic, max_frequency, blocks)


def of_grid(table: Codes, cycles: Sequence[bool], max_frequency: int, blocks: Blocks | None) -> Scores:
    """D_LSBD of codes (*sizes, D) on a grid of factors, of which some are ``cycles``."""
    cyclic = [k for k, is_cycle in enumerate(cycles) if is_cycle]
    check_cycles([table.shape[k] for k in cyclic], max_frequency)
    flat = table.reshape(-1, table.shape[-1])
    others = [k for k in range(len(cycles)) if k not in cyclic]
    objects = np.transpose(table, (*others, *cyclic, table.ndim - 1)).astype(np.float64)
    objects = objects.reshape(-1, *(table.shape[k] for k in cyclic), table.shape[-1])
    axes, notes = range(1, 1 + len(cyclic)), constant_note(flat)
    own = [moments_of(objects, axis, tuple(axes), max_frequency) for axis in axes]
    if blocks is not None:
        check_blocks(blocks, flat.shape[1])
        return by_block(own, blocks, max_frequency, notes)
    found = [distance(moments_of(objects, axis, (axis,), max_frequency), max_frequency) for axis in axes]
    values = {"d_lsbd": float(np.mean([value for value, _ in found]))}
    details: dict[str, npt.NDArray[Any]] = {
        "per_factor": np.array([value for value, _ in found]),
        "frequency": np.array([frequency for _, frequency in found]),
    }
    if flat.shape[1] <= MOST_PAIRS:
        pairs = [best_pair(moment, max_frequency) for moment in own]
        values["d_lsbd_pairs"] = float(np.mean([value for value, _ in pairs]))
        details["pairs"] = np.array([pair for _, pair in pairs])
    return Scores(values, details, notes)


def check_cycles(sizes: Sequence[int], max_frequency: int) -> None:
    """Refuse a grid without cycles, cycles of fewer than three values, and a maximal frequency below 1."""
    if not sizes:
        raise SubmissionError("d_lsbd: no factor of this data set is periodic", "name the periodic ones in `cycles`")
    if min(sizes) < 3:
        raise SubmissionError(
            f"d_lsbd: a cycle of {min(sizes)} values has no direction of rotation", "leave that factor out of `cycles`"
        )
    if max_frequency < 1:
        raise SubmissionError(f"d_lsbd: max_frequency {max_frequency} is below 1", "give 1 or more")


def moments_of(objects: npt.NDArray[np.float64], axis: int, centre: tuple[int, ...], max_frequency: int) -> Moments:
    """Moments of one cyclic factor.

    Args:
        objects: codes (O, *cyclic sizes, D).
        axis: of the factor.
        centre: axes over which to subtract the mean: the factor's, or all cyclic ones.
        max_frequency: the largest |omega|; coefficients are ordered -max ... max.
    """
    centred = objects - objects.mean(axis=centre, keepdims=True)
    points = centred.reshape(len(objects), -1, objects.shape[-1])
    covariance = np.einsum("onc,ond->ocd", points, points) / points.shape[1]
    size = objects.shape[axis]
    means = np.moveaxis(centred, axis, 1).reshape(len(objects), size, -1, objects.shape[-1]).mean(axis=2)
    fourier = np.fft.fft(means, axis=1) / size
    flat = FLAT * float(objects.reshape(-1, objects.shape[-1]).var(axis=0).sum())
    return Moments(covariance, fourier[:, np.arange(-max_frequency, max_frequency + 1) % size], flat)


def distance(moments: Moments, max_frequency: int) -> tuple[float, int]:
    """D_k of one factor from moments, and its omega >= 0: a plane may be seen from either side."""
    variance, axes = np.linalg.eigh(moments.covariance)
    variance, axes = variance[:, :-3:-1], axes[:, :, :-3:-1]  # the two largest
    kept = variance > moments.flat
    scale = np.where(kept, 1 / np.sqrt(2 * np.where(kept, variance, 1)), 0)
    plane = np.einsum("ofc,oca,oa->ofa", moments.fourier, axes, scale)
    length = np.abs(plane[..., 0] + 1j * plane[..., 1]) ** 2  # (objects, -max ... max)
    either = np.maximum(length, length[:, ::-1])[:, max_frequency:].mean(axis=0)
    best = int(either[1:].argmax()) + 1
    return float(np.clip(1 - either[best], 0, 1)), best


def best_pair(moments: Moments, max_frequency: int) -> tuple[float, tuple[int, int]]:
    """The smallest D_k among the planes of two columns, and these columns."""
    pairs = itertools.combinations(range(moments.covariance.shape[-1]), 2)
    return min((distance(moments.of(pair), max_frequency)[0], pair) for pair in pairs)


def by_block(moments: Sequence[Moments], blocks: Blocks, max_frequency: int, notes: tuple[str, ...]) -> Scores:
    """D_LSBD with the plane of each factor in its best block; a block of one column has no plane and scores 1."""
    table = np.array(
        [
            [distance(moment.of(block), max_frequency)[0] if len(block) > 1 else 1.0 for moment in moments]
            for block in blocks
        ]
    )
    best = table.min(axis=0)
    return Scores({"d_lsbd": float(best.mean())}, {"per_factor": best, "per_block": table}, notes)


def d_lsbd_score(sampler: InterventionSampler, settings: LsbdSettings, blocks: Blocks | None = None) -> Scores:
    """D_LSBD of the codes of a data set, over at most ``max_objects`` combinations of the other factors."""
    sizes, cycles = sampler.factor_sizes, sampler.periodic
    cyclic = [k for k, is_cycle in enumerate(cycles) if is_cycle]
    check_cycles([sizes[k] for k in cyclic], settings.max_frequency)
    others = [k for k in range(len(sizes)) if k not in cyclic]
    count = math.prod(sizes[k] for k in others)
    objects = np.sort(sampler.random_state.permutation(count)[: settings.max_objects])
    grid = np.stack(
        np.unravel_index(np.arange(math.prod(sizes[k] for k in cyclic)), [sizes[k] for k in cyclic]), axis=1
    )
    rows = np.zeros((len(objects), len(grid), len(sizes)), np.int64)
    rows[:, :, cyclic] = grid
    if others:
        rows[:, :, others] = np.stack(np.unravel_index(objects, [sizes[k] for k in others]), axis=1)[:, None]
    codes = sampler.codes(rows.reshape(-1, len(sizes)))
    check_codes(codes, "d_lsbd", 2)
    table = codes.reshape(len(objects), *(sizes[k] for k in cyclic), -1)
    scores = of_grid(table, (False, *[True] * len(cyclic)), settings.max_frequency, blocks)
    few = (f"{len(objects)} of {count} combinations of the other factors",) if len(objects) < count else ()
    return Scores(scores.values, scores.details, scores.notes + few)


D_LSBD = of_interventions(
    d_lsbd_score,
    blocks=True,
    name="d_lsbd",
    headline="d_lsbd",
    summary="distance from rotations of a plane of the codes when a cyclic factor changes",
    settings=LsbdSettings(),
    fast=LsbdSettings(max_objects=10),
    higher_is_better=False,
    caution="0 is best; measures cyclic factors only, other factors may be entangled",
)
