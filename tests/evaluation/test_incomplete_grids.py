"""Own images that do not fill a grid: test points are never training points; small full grids carry a caution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.data.user_data import from_arrays
from submission.evaluation import evaluate
from submission.evaluation.scoring import overlap


class FirstPixels(nn.Module):
    """The first pixels of each image."""

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 12)."""
        return images.flatten(1)[:, :12]


def noise(count: int, factors: np.ndarray) -> object:
    """Pictures of noise with ``factors`` that have nothing to do with them."""
    images = np.random.RandomState(1).randint(0, 256, (count, 8, 8, 3)).astype(np.uint8)
    return from_arrays(images, factors)


def test_labels_of_noise_cannot_be_predicted() -> None:
    """400 pictures of noise, 3 random factors of 4 classes: a chance of 1/4, not what was learnt by heart."""
    dataset = noise(400, np.random.RandomState(0).randint(0, 4, (400, 3)))
    results = evaluate(FirstPixels(), data=dataset, metrics=["dci"], preset="fast", baselines=False)
    assert results.value("dci", "informativeness_train") > 0.9
    assert results.value("dci", "informativeness_test") == pytest.approx(0.25, abs=0.12)


def test_a_preset_names_its_metrics_that_need_a_grid() -> None:
    dataset = noise(60, np.random.RandomState(0).randint(0, 2, (60, 2)))
    results = evaluate(FirstPixels(), data=dataset, preset="fast", baselines=False)
    outcome = results.record.columns["FirstPixels"].scores["factor_vae"]
    assert "every combination of factor values" in outcome.unavailable
    assert any("factor_vae needs" in remark for remark in results.record.remarks())
    assert not results.failures
    _, rows = results.record.table()
    assert ["factor_vae", "–"] in rows


def test_few_images_on_a_full_grid_carry_a_caution() -> None:
    grid = np.stack(np.unravel_index(np.arange(16), (4, 4)), axis=1)
    results = evaluate(FirstPixels(), data=noise(16, grid), metrics=["dci", "mig"], preset="fast", baselines=False)
    remarks = [remark for remark in results.record.remarks() if "also training points" in remark]
    assert len(remarks) == 1
    assert "dci" in remarks[0]
    assert "100%" in remarks[0]


@pytest.mark.parametrize(("cells", "train"), [(100, 50), (1000, 1000), (7488, 10000)])
def test_the_share_of_test_points_that_were_trained_on(cells: int, train: int) -> None:
    class Grid:
        pass

    Grid.cells = cells
    rng = np.random.RandomState(0)
    seen = np.isin(rng.randint(cells, size=200_000), rng.randint(cells, size=train)).mean()
    assert overlap(Grid, train, 1) == pytest.approx(seen, abs=0.02)  # type: ignore[arg-type]


def test_sampled_codes_of_an_incomplete_grid_are_drawn_again() -> None:
    class Noisy(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)[:, :3] + torch.randn(len(images), 3)

    dataset = noise(60, np.random.RandomState(0).randint(0, 2, (60, 2)))
    results = evaluate(Noisy(), data=dataset, metrics=["mig"], preset="fast", baselines=False)
    assert results.record.representation.extra["deterministic"] is False
    assert 0 <= results["mig"] <= 1
