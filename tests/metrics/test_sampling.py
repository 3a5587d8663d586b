"""Codes are computed once, in large batches, whatever the draws."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from submission.data import Factor, GroundTruthDataset
from submission.data.dataset import Images, Indices
from submission.metrics.sampling import GridSampler, IndexSource, MemoTable, dataset_source


@dataclass(eq=False)
class Numbers(GroundTruthDataset):
    """One-pixel images of the cell's number."""

    name: str = "numbers"
    factors_of_variation: tuple[Factor, ...] = (Factor("a", 7), Factor("b", 11))
    image_shape: tuple[int, int, int] = (1, 1, 1)
    seen: list[int] = field(default_factory=list)

    def images(self, indices: Indices) -> Images:
        """Cell numbers; 77 cells fit in a byte."""
        self.seen.extend(np.asarray(indices).tolist())
        return np.asarray(indices, np.uint8).reshape(-1, 1, 1, 1)


class Doubling:
    """Codes twice the pixel, and a record of the batch sizes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Codes (n, 2)."""
        self.sizes.append(len(images))
        return np.repeat(2 * 255 * images.reshape(-1, 1), 2, axis=1)


def cells_of(codes: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Back from codes to cell numbers."""
    return np.round(codes[:, 0] / 2).astype(np.int64)


def test_each_image_is_encoded_once() -> None:
    data, encode = Numbers(), Doubling()
    source = dataset_source(data, encode, batch_size=20)
    for seed in range(3):
        points = GridSampler(source, seed).points(500)
        assert np.array_equal(cells_of(points.codes), data.indices(points.factors))
    assert sorted(data.seen[1:]) == list(range(77))  # the first image is asked for its width alone
    assert max(encode.sizes) == 20


def test_a_table_that_does_not_fit_is_not_kept() -> None:
    data, encode = Numbers(), Doubling()
    table = MemoTable(len(data), lambda cells: encode(data.observations(cells)), batch_size=20, memory_limit=100)
    cells = np.array([3, 3, 70, 5, 3])
    for _ in range(2):
        assert np.array_equal(cells_of(table(cells)), cells)
    assert table.encoded == 6  # three distinct ones, twice


@pytest.mark.parametrize("chunk", [1, 10, 64, 10_000])
def test_reducing_in_chunks_gives_the_same(chunk: int) -> None:
    data = Numbers()
    source = IndexSource(data, lambda cells: np.stack([cells, cells % 5], axis=1).astype(np.float32), chunk)
    sampler = GridSampler(source, 0)
    drawn = [rows for _, rows in sampler.votes(600, 8, sets=3)]
    assert [rows.shape[:3] for rows in drawn] == [(256, 3, 8), (256, 3, 8), (88, 3, 8)]
    rows = sampler.reduce(drawn, lambda codes: codes.reshape(len(codes), -1))
    expected = data.indices(np.concatenate(drawn).reshape(600 * 24, -1)).reshape(600, 24)
    assert np.array_equal(rows.reshape(600, 24, 2)[:, :, 0], expected)


def test_draws_do_not_depend_on_the_representation() -> None:
    data = Numbers()
    one = GridSampler(IndexSource(data, lambda cells: cells[:, None].astype(np.float32)), 5)
    two = GridSampler(IndexSource(data, lambda cells: np.zeros((len(cells), 9), np.float32)), 5)
    assert np.array_equal(one.points(100).factors, two.points(100).factors)
    assert np.array_equal(one.sample_factors(3), two.sample_factors(3))
