"""Columns that belong together: laws that hold for every metric with a block-aware variant, and known answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import SubmissionError
from submission.metrics import sap, unsupervised
from submission.metrics.base import Blocks, Scores
from submission.metrics.blocks import arcs, bins, is_circle, lengths
from submission.metrics.information import entropies
from submission.metrics.registry import REGISTRY, metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, true_factors

SIZES = (4, 5, 8)
GRID = CodeGrid.of("grid", SIZES)
TRUTH = true_factors(GRID)(np.arange(len(GRID)))
AWARE = [name for name in REGISTRY if metric(name).block_score and name != "d_lsbd"]  # which needs cycles
GAPS = ["mig", "sap", "jemmig", "dcimig"]
Table = npt.NDArray[np.float32]


def score(name: str, codes: Table, blocks: Blocks | None, **changes: object) -> Scores:
    """The metric at its fast settings, per block or per column."""
    chosen = metric(name)
    settings = dataclasses.replace(chosen.fast, **changes)
    sampler = GridSampler(IndexSource(GRID, lambda cells: codes[cells]), 0)
    if blocks is None:
        return chosen.score(sampler, settings)
    assert chosen.block_score is not None
    return chosen.block_score(sampler, settings, blocks)


def circle() -> Table:
    """Two factors as they are, the third around a circle."""
    angle = 2 * np.pi * GRID.factors(np.arange(len(GRID)))[:, 2] / SIZES[2]
    return np.c_[TRUTH[:, :2], np.cos(angle), np.sin(angle)].astype(np.float32)


def turned(columns: Sequence[int], codes: Table) -> Table:
    """The same codes with some columns rotated among themselves."""
    rotation = np.linalg.qr(np.random.default_rng(2).standard_normal((len(columns), len(columns))))[0]
    result = codes.copy()
    result[:, columns] = codes[:, columns] @ rotation
    return result


def test_what_a_researcher_expects_has_a_block_variant() -> None:
    assert {"mig", "factor_vae", "dci", "sap", "irs", "beta_vae", "modularity", "unsupervised", "infomec"} < set(AWARE)


@pytest.mark.parametrize("name", AWARE)
def test_blocks_of_single_columns_change_nothing(name: str) -> None:
    codes = turned([0, 1, 2], TRUTH)
    plain = score(name, codes, None).values
    assert score(name, codes, [[0], [1], [2]]).values == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("name", AWARE)
def test_a_circle_is_one_code(name: str) -> None:
    blocks = [[0], [1], [2, 3]]
    joined = score(name, circle(), blocks).values[metric(name).headline]
    if name == "unsupervised":
        assert joined == pytest.approx(0, abs=0.01)
    elif name != "sap":  # which depends on what a line can separate
        assert joined == pytest.approx(1, abs=0.1 if name == "med" else 0.03)  # MED adds up the bias of every pair
    if name in GAPS:
        assert joined > score(name, circle(), None).values[metric(name).headline] + 0.05


@pytest.mark.parametrize("name", ["factor_vae", "irs", "beta_vae", "sap", "unsupervised"])
def test_turning_a_block_changes_nothing(name: str) -> None:
    """Lengths, traces, linear machines and determinants know no axes inside a block."""
    blocks = [[0], [1], [2, 3]]
    key = metric(name).headline
    still, moved = (score(name, codes, blocks).values[key] for codes in (circle(), turned([2, 3], circle())))
    assert moved == pytest.approx(still, abs=1e-3)


@pytest.mark.parametrize("name", ["factor_vae", "irs", "beta_vae", "modularity", "mig_sup"])
def test_a_block_that_mixes_two_factors_scores_less_than_two_that_do_not(name: str) -> None:
    codes = np.c_[turned([0, 1], TRUTH), TRUTH[:, 2] + 0 * TRUTH[:, 0]]
    key = metric(name).headline
    mixed = score(name, np.c_[codes, -codes[:, 2]].astype(np.float32), [[0, 1], [2, 3]]).values[key]
    assert mixed < score(name, circle(), [[0], [1], [2, 3]]).values[key] - 0.05


@pytest.mark.parametrize("name", AWARE)
@pytest.mark.parametrize("blocks", [[[0, 1, 2]], [[0], [3]], [[0], [0, 1]], [[0], []]])
def test_blocks_that_do_not_fit_are_refused(name: str, blocks: list[list[int]]) -> None:
    with pytest.raises(SubmissionError, match="block"):
        score(name, TRUTH, blocks)


def test_a_pruned_column_does_not_vote_for_its_block() -> None:
    """The second column of the first block is tiny noise: neither scores nor votes may depend on it."""
    noise = 1e-3 * np.random.default_rng(0).standard_normal((len(GRID), 1))
    codes = np.c_[TRUTH[:, :1], noise, TRUTH[:, 1:]].astype(np.float32)
    found = score("factor_vae", codes, [[0, 1], [2], [3]])
    assert found.values["eval_accuracy"] == pytest.approx(1, abs=0.02)
    assert found.values["num_active_dims"] == 3
    assert "dimensions 1" in " ".join(found.notes)


def test_a_dead_block_keeps_its_row() -> None:
    codes = np.c_[circle()[:, :1], np.zeros((len(GRID), 2)), circle()[:, 1:]].astype(np.float32)
    found = score("irs", codes, [[0], [1, 2], [3], [4, 5]])
    assert np.isnan(found.details["robustness"][1]).all()
    assert found.values["num_active_dims"] == 3
    assert score("factor_vae", codes, [[0], [1, 2], [3], [4, 5]]).details["votes"][:, 1].sum() == 0


def test_continuous_sap_of_a_block_is_multiple_correlation() -> None:
    """A factor that is a sum of two columns is explained by both together, and by each alone in proportion."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((4000, 4)).astype(np.float32)
    factors = np.round(10 * (codes[:, :1] + 2 * codes[:, 1:2])).astype(np.int64)
    pair = sap(codes, factors, codes, factors, continuous_factors=True, blocks=[[0, 1], [2, 3]])
    single = sap(codes, factors, codes, factors, continuous_factors=True)
    design = np.c_[codes[:, :2], np.ones(len(codes))].astype(np.float64)
    residual = factors[:, 0] - design @ np.linalg.lstsq(design, factors[:, 0], rcond=None)[0]
    assert pair.details["predictability"][0, 0] == pytest.approx(1 - residual.var() / factors[:, 0].var(), abs=1e-9)
    expected = [np.corrcoef(column, factors[:, 0])[0, 1] ** 2 for column in codes.T]
    assert single.details["predictability"][:, 0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_continuous_sap_does_not_count_a_column_that_follows_from_others(dtype: type) -> None:
    """Squares of a unit vector add up to 1, and a column may be there twice: neither explains more of a factor."""
    rng = np.random.default_rng(0)
    point = rng.standard_normal((30, 3))
    squares = (np.square(point) / np.square(point).sum(axis=1, keepdims=True)).astype(dtype)
    other, factors = rng.standard_normal((30, 1)).astype(dtype), rng.standard_normal((30, 4))
    codes = np.c_[squares, 1e3 * squares[:, :1], 1e-3 * other]
    found = sap(
        codes, factors, codes, factors, continuous_factors=True, blocks=[[0, 1, 2, 3], [4]], continuous=[True] * 4
    )
    design = np.c_[squares[:, :2], np.ones(30)].astype(np.float64)
    residual = factors - design @ np.linalg.lstsq(design, factors, rcond=None)[0]
    expected = 1 - residual.var(axis=0) / factors.var(axis=0)
    assert found.details["predictability"][0] == pytest.approx(expected, abs=1e-5)


def test_dependence_inside_a_block_does_not_count() -> None:
    """Total correlation between blocks of a known Gaussian: -½ log(1 - ρ²) of the one pair that crosses."""
    rho = 0.8
    normal = np.random.default_rng(0).standard_normal((200_000, 3))
    x, y = normal[:, 0], rho * normal[:, 0] + np.sqrt(1 - rho**2) * normal[:, 1]
    inside = unsupervised(np.c_[x, y, normal[:, 2]].astype(np.float32), blocks=[[0, 1], [2]]).values
    assert inside["gaussian_total_correlation"] == pytest.approx(0, abs=1e-4)
    assert inside["gaussian_wasserstein_correlation"] == pytest.approx(0, abs=1e-4)
    across = unsupervised(np.c_[x, normal[:, 2], y].astype(np.float32), blocks=[[0, 1], [2]]).values
    assert across["gaussian_total_correlation"] == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.01)
    pair = 4 - 2 * (np.sqrt(1 + rho) + np.sqrt(1 - rho))
    assert across["gaussian_wasserstein_correlation"] == pytest.approx(pair, abs=0.01)


# ---- cells of a block ----


def test_arcs_ignore_the_period_and_share_the_circle_evenly() -> None:
    angles = np.linspace(-np.pi, np.pi, 8 * 100, endpoint=False)
    assert np.array_equal(arcs(angles, 8), arcs(angles + 6 * np.pi + 1e-12, 8))
    assert np.bincount(arcs(angles, 8)).tolist() == [100] * 8
    assert arcs(np.array([0.01, -0.01, 2 * np.pi - 0.01]), 8).tolist() == [0, 0, 0]


def test_what_is_a_circle() -> None:
    noise = np.random.default_rng(0).standard_normal((160, 2)).astype(np.float32)
    assert is_circle(circle()[:, 2:])
    for columns in (circle()[:, 1:3], noise, np.zeros((5, 2), np.float32)):
        assert not is_circle(columns)


def test_a_sphere_is_quantised_into_as_many_cells_as_a_column() -> None:
    points = np.random.default_rng(0).standard_normal((1280, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    columns = np.tile(GRID.factors(np.arange(len(GRID))), (8, 1))
    cells = bins(np.c_[columns, points].astype(np.float32), 20, [[0], [1, 2], [3, 4, 5]])
    assert [len(np.unique(column)) for column in cells.T] == [4, 20, 20]
    assert entropies(cells)[2] > 0.95 * np.log(20)


def test_lengths() -> None:
    vectors = np.array([[3.0, 4.0, -2.0]])
    assert lengths(vectors, [[0, 1], [2]]).tolist() == [[5.0, 2.0]]
    assert lengths(vectors, None).tolist() == [[3.0, 4.0, 2.0]]
