"""Blocks and angles: from metadata or a codes file to scores by block."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from submission.errors import SubmissionError
from submission.evaluation import make_plan
from submission.evaluation.codes import load_codes
from submission.evaluation.layout import PLAIN, Layout, distinct
from submission.evaluation.representation import ScoredRepresentation, factors_of, from_codes
from submission.evaluation.results import column_json, make_results, result_json
from submission.evaluation.scoring import score_all
from submission.latent import parse
from submission.metrics.base import Blocks, Sampler, Scores
from submission.metrics.registry import metric
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, MappedSource
from submission.progress import QUIET
from submission.run import BlockMeta, representation_meta

SIZES = (4, 6, 8)
CELLS = np.stack(np.unravel_index(np.arange(np.prod(SIZES)), SIZES), axis=1)


def described(spec: str, mode: str) -> Layout:
    space = parse(spec)
    return Layout.of(representation_meta(space.layout(mode)).blocks, space.width(mode))


def laid_out(label: str, source: IndexSource, layout: Layout) -> ScoredRepresentation:
    """Codes whose columns belong together as ``layout`` says."""
    joined = MappedSource(source, layout.unrolled)
    return ScoredRepresentation(
        label,
        lambda seed, progress: GridSampler(source, seed, progress),
        None,
        True,
        factors_of(source.dataset),
        layout=layout,
        block_sampler=lambda seed, progress: GridSampler(joined, seed, progress),
    )


@pytest.mark.parametrize(
    ("spec", "mode", "blocks", "angles"),
    [
        ("T^2 x R^1", "intrinsic", ((0,), (1,), (2,)), (0, 1)),
        ("T^2 x R^1", "mean", ((0, 1), (2, 3), (4,)), ()),
        ("Torus x S^2", "intrinsic", ((0, 1), (2, 3)), (0, 1)),
        ("Torus x S^2", "mean", ((0, 1, 2), (3, 4, 5)), ()),
        ("ISA(2x2)", "mean", ((0, 1), (2, 3)), ()),
    ],
)
def test_what_a_space_exports(spec: str, mode: str, blocks: object, angles: object) -> None:
    layout = described(spec, mode)
    assert layout.blocks == blocks
    assert layout.angles == angles
    assert layout.joins


def test_single_columns_join_nothing() -> None:
    assert not PLAIN.joins
    assert not described("R^3", "mean").joins
    assert not described("S^2", "mean").joins  # a single block has nothing to be compared with
    assert Layout.of([BlockMeta("S^1", 0, 2, "circle")], width=1) == PLAIN


def test_angles_are_unrolled_where_they_stand() -> None:
    layout = Layout(("a", "b", "c"), ((0,), (1, 2), (3,)), angles=(1, 3))
    codes = np.array([[5.0, 0.0, 7.0, np.pi / 2]], np.float32)
    assert layout.unrolled(codes) == pytest.approx(np.array([[5, 1, 0, 7, 0, 1]]), abs=1e-6)
    assert layout.unrolled_blocks == [[0], [1, 2, 3], [4, 5]]
    assert PLAIN.unrolled(codes) is codes


def save(path: Path, codes: np.ndarray, **arrays: object) -> Path:
    np.savez(path, codes=codes.astype(np.float32), factor_sizes=np.array(SIZES), **arrays)
    return path


def circle() -> np.ndarray:
    """Two factors as they are, the third around a circle."""
    angle = 2 * np.pi * CELLS[:, 2] / SIZES[2]
    return np.c_[CELLS[:, :2] / np.array(SIZES[:2]), np.cos(angle), np.sin(angle)]


def test_a_codes_file_can_say_which_columns_belong_together(tmp_path: Path) -> None:
    subjects = from_codes(load_codes(save(tmp_path / "codes.npz", circle(), blocks=np.array([7, 3, 9, 9]))))
    assert subjects[0].layout == Layout(("block 7", "block 3", "block 9"), ((0,), (1,), (2, 3)))
    columns = score_all(make_plan("fast", ["mig", "sap", "irs"]), subjects)
    plain, joined = columns[0].result("mig").runs[0], columns[0].result("mig").block_runs[0]
    assert joined.values["discrete_mig"] > 0.95 > plain.values["discrete_mig"] + 0.1
    assert not columns[1].result("mig").block_runs


def test_by_block_an_angle_does_not_tear_where_it_ends() -> None:
    """The other factors push the angle to and fro across its end: a leap of 2π per column, a small step by block."""
    push = 0.2 * np.sin(7 * CELLS[:, 0] + 5 * CELLS[:, 1])
    angle = np.angle(np.exp(1j * (2 * np.pi * (CELLS[:, 2] + 4) / SIZES[2] + push)))
    table = np.c_[CELLS[:, :2], angle].astype(np.float32)
    layout = Layout(("a", "b", "c"), ((0,), (1,), (2,)), angles=(2,))
    source = IndexSource(CodeGrid.of("grid", SIZES), lambda cells: table[cells])
    subject = laid_out("codes", source, layout)
    (column,) = score_all(make_plan("fast", ["irs", "sap", "mig"]), [subject])
    for name, key in [("irs", "IRS"), ("sap", "SAP_score")]:
        outcome = column.result(name)
        assert outcome.block_runs[0].values[key] > outcome.runs[0].values[key] + 0.03, name


@pytest.mark.parametrize("labels", [[1, 2], [[1, 1, 2, 2]], [0.5, 1, 1, 2]])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: object) -> None:
    with pytest.raises(SubmissionError, match="one integer per column"):
        load_codes(save(tmp_path / "codes.npz", circle(), blocks=np.array(labels)))


def test_what_fails_by_block_keeps_the_score_by_column(tmp_path: Path) -> None:
    """Two columns vary but both are in one block: there is no dependence between blocks to measure."""
    codes = np.c_[circle()[:, 2:], np.zeros((len(CELLS), 2))]
    subjects = from_codes(load_codes(save(tmp_path / "codes.npz", codes, blocks=np.array([0, 0, 1, 1]))))
    (column, _) = score_all(make_plan("fast", ["unsupervised"]), subjects)
    outcome = column.result("unsupervised")
    assert outcome.runs
    assert not outcome.block_runs
    assert "two code dimensions that vary" in outcome.block_error
    record = make_results(make_plan("fast", ["unsupervised"]), [column], {"data": {"name": "grid"}}, None).record
    assert any("by block" in remark for remark in record.remarks())
    assert result_json(outcome)["block_error"] == outcome.block_error


def test_a_fault_of_ours_by_block_keeps_the_score_by_column(tmp_path: Path) -> None:
    def broken(sampler: Sampler, settings: object, blocks: Blocks) -> Scores:
        raise IndexError("out of bounds")

    subjects = from_codes(load_codes(save(tmp_path / "codes.npz", circle(), blocks=np.array([0, 1, 2, 2]))))
    plan = make_plan("fast", ["mig"])
    ((mig, settings),) = plan.metrics
    plan = dataclasses.replace(plan, metrics=((dataclasses.replace(mig, block_score=broken), settings),))
    outcome = score_all(plan, subjects)[0].result("mig")
    assert outcome.runs
    assert outcome.block_error.startswith("mig stopped with IndexError: out of bounds")


@pytest.mark.parametrize(
    ("ranges", "words", "topology"),
    [
        ([(0, 2), (1, 4)], "must not be empty or share columns", ""),
        ([(0, 2), (1, 4)], "must not be empty or share columns", "torus"),
        ([(0, 2), (2, 2)], "must not be empty or share columns", "torus"),
        ([(0, 3), (3, 1)], "must not be empty or share columns", "torus"),
        ([(1, 4), (-1, 1)], "names column -1 of codes", ""),
        ([(1, 4), (-1, 1)], "names column -1 of codes", "torus"),
    ],
)
def test_blocks_that_do_not_fit_cost_the_scores_by_block_alone(
    ranges: list[tuple[int, int]], words: str, topology: str
) -> None:
    described = [BlockMeta("b", start, stop, topology) for start, stop in ranges]
    source = IndexSource(CodeGrid.of("grid", SIZES), lambda cells: circle()[cells].astype(np.float32))
    layout = Layout.of(described, 4)
    subject = laid_out("blocks", source, layout)
    names = ["mig", "irs"] if topology else ["dci", "dci_es", "mig", "irs"]
    (column,) = score_all(make_plan("fast", names), [subject])
    for outcome in column.results:
        assert outcome.runs
        assert words in outcome.block_error, outcome.metric.name
    assert column_json(column)["blocks"] == {"b": [*range(*ranges[0])], "b[2]": [*range(*ranges[1])]}


def test_names_of_blocks_are_made_distinct() -> None:
    assert distinct(["a", "b", "a", "a[2]", "a"]) == ("a", "b", "a[2]", "a[2][2]", "a[3]")


@pytest.mark.parametrize("name", ["dci", "dci_es"])
def test_trees_are_grown_once_for_columns_and_blocks(name: str, tmp_path: Path) -> None:
    subjects = from_codes(load_codes(save(tmp_path / "codes.npz", circle(), blocks=np.array([0, 1, 2, 2]))))
    (column, _) = score_all(make_plan("fast", [name]), subjects)
    sampler, settings = subjects[0].sampler(0, QUIET), metric(name).fast
    directly = metric(name).block_score(sampler, settings, subjects[0].layout.blocks)  # type: ignore[misc]
    assert column.result(name).block_runs[0].values == directly.values
    assert column.result(name).runs[0].values != directly.values
