"""What a user can get wrong: one line that names the thing and the fix, and a non-zero exit."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from submission.cli.main import main, run_program
from submission.data import GroundTruthDataset
from submission.evaluation.codes import load_codes

FAULTS = {
    "nan": "NaN",
    "fixed batch": "returns shape (2, 4) for 3 images",
    "batch statistics": "depend on the other images in its batch",
    "flat": "returns shape (12,) for 3 images",
}


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 1) -> str:
    """The one line on standard error of an evaluation that must fail."""
    assert run_program("evaluate", [*map(str, arguments), "--preset", "fast", "--no-baselines"]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert " — " in lines[0]
    return lines[0]


@pytest.mark.parametrize(("fault", "words"), FAULTS.items())
def test_a_broken_representation(
    fault: str,
    words: str,
    stripes: GroundTruthDataset,
    export: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = export(fault)
    line = complaint(capsys, path, "--data", "stripes")
    assert words in line
    assert str(path) in line


def test_the_wrong_number_of_channels(
    export: Callable[..., Path], stripes: GroundTruthDataset, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "text.pt").write_text("not a model")
    assert "not TorchScript" in complaint(capsys, tmp_path / "text.pt", "--data", "stripes")
    assert "does not exist" in complaint(capsys, tmp_path / "no.pt", "--data", "stripes")


def test_names(stripes: GroundTruthDataset, export: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = export()
    assert "did you mean stripes" in complaint(capsys, path, "--data", "stripe", code=2)
    assert "did you mean mig" in complaint(capsys, path, "--data", "stripes", "--metrics", "migg", code=2)
    assert "--data NAME" in complaint(capsys, path, code=2)
    assert "device 'tpu9'" in complaint(capsys, path, "--data", "stripes", "--device", "tpu9", code=2)
    assert "there is nothing to score" in complaint(capsys, code=2)


def test_constant_codes_score_zero_with_a_note(
    stripes: GroundTruthDataset, export: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(export("constant")), "--data", "stripes", "--preset", "fast", "--metrics", "mig,sap,factor_vae"]
    assert run_program("evaluate", arguments) == 0
    assert capsys.readouterr().out.count("every code dimension is constant") == 3


GOOD = {"codes": np.random.RandomState(0).randn(24, 3), "factor_sizes": np.array([2, 3, 4])}
GRID = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
ROW = np.arange(24)[:, None]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"codes": GOOD["codes"]}, "neither factor_sizes nor factors"),
        ({"factor_sizes": GOOD["factor_sizes"]}, "no array 'codes'"),
        (GOOD | {"factor_sizes": np.array([2, 3, 5])}, "24 codes but factor_sizes [2, 3, 5] make 30"),
        (GOOD | {"codes": np.where(GOOD["codes"] > 2, np.nan, GOOD["codes"])}, "NaN or infinity, first in row"),
        ({"codes": GOOD["codes"], "factors": np.zeros((23, 2), int)}, "24 codes but 23 rows"),
        ({"codes": GOOD["codes"], "factors": np.full((24, 2), np.nan)}, "factors in"),
        ({"codes": GOOD["codes"], "factors": np.full((24, 2), 1j)}, "factors in"),
        (GOOD | {"codes": GOOD["codes"].astype(str)}, "codes in"),
        (GOOD | {"codes": np.where(ROW == 7, -np.inf, GOOD["codes"])}, "NaN or infinity, first in row 7"),
        (GOOD | {"factors": GRID[::-1]}, "are not the row-major grid of its factor_sizes, first in row 0 — leave one"),
        (GOOD | {"factors": GRID[[*range(22), 23, 22]]}, "first in row 22 — leave one of them out"),
        (GOOD | {"factors": GRID[:, :2]}, "has 2 factors but 3 factor_sizes — leave one of them out"),
        (GOOD | {"codes": np.array([{}, None])}, "'codes' of"),
        (GOOD | {"codes": np.zeros(1, [(f"column_number_{k}", "f4") for k in range(2000)])}, "Header info length"),
        ({"codes": GOOD["codes"], "factors": np.zeros((24, 0), int)}, "factors in"),
        ({"codes": GOOD["codes"][:1], "factor_sizes": np.zeros(0, int)}, "factor_sizes in"),
        (GOOD | {"factor_sizes": np.array([2, 3, 4] + [1] * 70)}, "has 73 factor_sizes, more than 32 — leave out"),
        (GOOD | {"factor_sizes": np.array([2, 3, 4], "m8[s]")}, "factor_sizes in"),
        ({"codes": GOOD["codes"], "factors": GRID.astype("m8[s]")}, "factors in"),
        (GOOD | {"blocks": np.array([0, 1, 1], "m8[s]")}, "blocks in"),
        (GOOD | {"periodic": np.array([0, 0, 1])}, "for 3 factors — give one True or False per factor"),
        (GOOD | {"periodic": np.array([False, True])}, "bool of shape (2,) for 3 factors — give one"),
    ],
)
def test_tables_of_codes(
    arrays: dict[str, np.ndarray], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    line = complaint(capsys, "--codes", tmp_path / "bad.npz")
    assert words in line
    assert "bad.npz" in line


def test_factors_equal_to_the_grid_may_be_given_with_their_sizes(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", **GOOD, factors=10 * GRID)
    found = load_codes(tmp_path / "both.npz")
    assert found.factor_sizes == (2, 3, 4)
    np.testing.assert_array_equal(found.factors, GRID)


def test_a_truncated_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "whole.npz", **GOOD)
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:200])
    assert "half.npz" in complaint(capsys, "--codes", tmp_path / "half.npz")
    assert "does not exist" in complaint(capsys, "--codes", tmp_path / "none.npz")
    np.save(tmp_path / "single.npy", GOOD["codes"])
    assert "pass --factors FILE.npy" in complaint(capsys, "--codes", tmp_path / "single.npy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is not an .npz archive"),
        (b"1,2,3\n4,5,6\n", "it is not an .npz archive"),
        (b"P", "it is not an .npz archive"),
        (b"PK\x03\x04", "it is cut short"),
    ],
)
def test_a_file_that_is_not_an_archive(
    content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "codes.npz").write_bytes(content)
    line = complaint(capsys, "--codes", tmp_path / "codes.npz")
    assert f"codes.npz: {words} — save codes" in line
    assert "pickle" not in line


def test_a_member_that_is_not_an_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "codes.npz", "w") as archive:
        archive.writestr("codes", "words")
    assert "has no array 'codes'" in complaint(capsys, "--codes", tmp_path / "codes.npz")


def test_samples_may_have_more_factors_than_a_grid(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", codes=GOOD["codes"], factors=np.c_[GRID, np.zeros((24, 70), int)])
    assert load_codes(tmp_path / "many.npz").factors.shape == (24, 73)


def test_codes_for_one_value_of_a_factor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "flat.npz", codes=GOOD["codes"], factor_sizes=np.array([24, 1]))
    assert "factor 1 has one value" in complaint(capsys, "--codes", tmp_path / "flat.npz", "--metrics", "mig")


def test_scoring_options_cannot_be_combined_with_the_likelihood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = complaint(capsys, tmp_path, "--likelihood", code=2)
    assert "--preset cannot be combined with --likelihood" in line


@pytest.mark.parametrize("switch", ["--data-root=x", "--device=cuda", "--precision=bf16", "--isolated"])
def test_codes_that_are_there_need_no_encoder(switch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, "--codes", tmp_path / "codes.npz", switch, code=2)
    assert f"{switch.partition('=')[0]} has no effect on --codes" in line


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        (["--repeats=0"], "0 repetitions are out of range — use 1 to 1000 repetitions"),
        (["--repeats=-1"], "-1 repetitions are out of range — use 1 to 1000 repetitions"),
        (["--seeds=4294967295"], "4294967295 repetitions are out of range — use 1 to 1000 repetitions"),
        (["--seed=-1"], "seed -1 is out of range — use 0 to 4294967295"),
        (["--seed=4294967295", "--repeats=2"], "seed 4294967295 to 4294967296 is out of range — use 0 to 4294967295"),
    ],
)
def test_seeds_and_their_number(switches: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in complaint(capsys, "--codes=codes.npz", *switches, code=2)


@pytest.mark.parametrize("switch", ["--samples=5", "--images=5"])
def test_options_of_the_likelihood_belong_to_its_command(switch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is an option of another command" in complaint(capsys, "--codes=codes.npz", switch, code=2)


@pytest.mark.parametrize(
    ("switch", "bounds"),
    [
        ("--seed=-1", "0 to 4294967295"),
        ("--seed=4294967296", "0 to 4294967295"),
        ("--samples=1000001", "1 to 1000000"),
        ("--samples=0", "1 to 1000000"),
        ("--images=0", "at least 1"),
    ],
)
def test_numbers_of_the_likelihood(
    switch: str, bounds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["likelihood", str(tmp_path), switch]) == 2
    error = capsys.readouterr().err
    assert f"is out of range — use {bounds}" in error
    assert error.count("\n") == 1
    assert run_program("evaluate", [str(tmp_path), "--likelihood", switch]) == 2
    assert "is now a command" in capsys.readouterr().err


def test_a_metric_named_twice_is_computed_once(tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", **GOOD)
    words = ["--codes", str(tmp_path / "good.npz"), "--preset", "fast", "--metrics", "mig,irs,MIG", "--json"]
    assert run_program("evaluate", [*words, str(tmp_path / "out.json")]) == 0
    assert list(json.loads((tmp_path / "out.json").read_text())["metrics"]) == ["mig", "irs"]


@pytest.mark.parametrize("name", ["", "."])
def test_scores_need_a_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"--json '{name}' is not a file name" in complaint(capsys, "--codes=codes.npz", "--json", name, code=2)
