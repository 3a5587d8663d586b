"""Users' own images that do not show every combination of factor values."""

from __future__ import annotations

import numpy as np
import pytest

from submission.data import from_arrays
from submission.data.samples import Combinations, SampledDataset
from submission.errors import SubmissionError
from submission.evaluation import make_plan
from submission.evaluation.representation import true_factor_baseline
from submission.evaluation.scoring import score_all

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)


def incomplete() -> SampledDataset:
    """The grid without its last cell, and the first cell twice."""
    chosen = np.r_[np.arange(23), 0]
    dataset = from_arrays(np.concatenate([IMAGES[:23], IMAGES[-1:]]), ROWS[chosen])
    assert isinstance(dataset, SampledDataset)
    return dataset


def test_an_incomplete_grid_samples_what_it_has() -> None:
    dataset = incomplete()
    factors, images = dataset.sample(500, np.random.RandomState(0))
    cells = np.ravel_multi_index(tuple(factors.T), (2, 3, 4))
    assert cells.max() == 22
    zero = images[cells == 0]
    assert len(np.unique(zero.reshape(len(zero), -1), axis=0)) == 2
    for cell, image in zip(cells, images, strict=True):
        if cell:
            np.testing.assert_allclose(image, IMAGES[cell] / np.float32(255), rtol=1e-6)


def test_an_incomplete_grid_has_a_note() -> None:
    dataset = incomplete()
    with pytest.raises(SubmissionError, match=r"no image with the factor values \[1, 2, 3\]"):
        dataset.indices(np.array([[0, 0, 1], [1, 2, 3]]))
    assert not dataset.full_grid


def test_combinations_are_found_however_many_are_possible() -> None:
    """32 columns of 60 values: 60^32 combinations do not fit 64 bits."""
    rows = np.random.RandomState(0).randint(60, size=(50, 32))
    rows[7] = rows[3]
    found = Combinations.of(rows)
    start, count = found.find(rows)
    np.testing.assert_array_equal(count, [2 if k in (3, 7) else 1 for k in range(50)])
    np.testing.assert_array_equal(rows[found.order[start]], rows)
    others = rows.copy()
    others[:, 5] += 1
    others[0] = 60
    others[1] = -1
    assert not found.find(others)[1].any()


def test_an_incomplete_grid_is_scored_by_what_samples_can_serve() -> None:
    """MIG is computed; the FactorVAE score says why it cannot be, whether asked for by name or by a preset."""
    plan = make_plan("challenge", metrics=("mig", "factor_vae"))
    outcomes = {
        outcome.metric.name: outcome for outcome in score_all(plan, [true_factor_baseline(incomplete())])[0].results
    }
    assert not outcomes["mig"].error
    assert "give codes of a full grid" in str(outcomes["factor_vae"].error)
    (column,) = score_all(make_plan("fast"), [true_factor_baseline(incomplete())])
    assert "every combination of factor values" in column.result("factor_vae").unavailable
