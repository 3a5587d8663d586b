"""What a table of codes says about its factors, and metrics called with other settings than a preset's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from submission.cli.main import run_program
from submission.errors import SubmissionError
from submission.evaluation.codes import codes_from_arrays, load_codes
from submission.evaluation.encoding.encoder import Encoder
from submission.files import read_json

SIZE = 8
VALUES = np.stack(np.unravel_index(np.arange(6 * SIZE), (6, SIZE)), axis=1)
ANGLE = 2 * np.pi * VALUES[:, 1] / SIZE
CODES = np.stack([VALUES[:, 0] / 6, np.cos(ANGLE), np.sin(ANGLE)], axis=1)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["grid", "samples"])
def codes(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A table whose second factor is a cycle, and says so; as a full grid, or with a row less as samples."""
    rows = slice(None) if request.param == "grid" else slice(1, None)
    periodic = np.array([False, True])
    np.savez(tmp_path / "codes.npz", codes=CODES[rows], factors=VALUES[rows], periodic=periodic)
    return tmp_path / "codes.npz"


def test_a_table_can_name_its_periodic_factors(codes: Path, tmp_path: Path) -> None:
    options = ["--metrics=periodic", "--preset=fast", "--no-baselines", "--json", str(tmp_path / "out.json")]
    assert run_program("evaluate", ["--codes", str(codes), *options]) == 0
    scores = read_json(tmp_path / "out.json")
    assert scores["data"]["periodic"] == [False, True]
    assert scores["columns"]["codes"]["scores"]["periodic"]["values"]["angular_score"] > 0.99


NAMES = {"shape": 6, "orientation": SIZE}


def factors_named(path: Path, *options: str) -> dict[str, int]:
    """Names and sizes of the factors in the score file of codes."""
    out = path.parent / "named.json"
    more = ["--metrics=mig", "--preset=fast", "--no-baselines", "--json", str(out)]
    assert run_program("evaluate", ["--codes", str(path), *options, *more]) == 0
    found: dict[str, int] = read_json(out)["data"]["factors"]
    return found


@pytest.mark.parametrize("start", [0, 1], ids=["grid", "samples"])
def test_an_archive_can_name_its_factors(start: int, tmp_path: Path) -> None:
    arrays = {"codes": CODES[start:], "factors": VALUES[start:], "factor_names": np.array(list(NAMES))}
    np.savez(tmp_path / "codes.npz", **arrays)
    assert factors_named(tmp_path / "codes.npz") == NAMES


@pytest.mark.parametrize("words", [False, True], ids=["numbers", "words"])
def test_the_first_row_of_a_table_of_factors_names_them(words: bool, tmp_path: Path) -> None:
    np.save(tmp_path / "codes.npy", CODES)
    rows = [f"{'abcdef'[shape] if words else shape},{turn}" for shape, turn in VALUES]
    (tmp_path / "factors.csv").write_text("\n".join([",".join(NAMES), *rows]), encoding="utf-8")
    assert factors_named(tmp_path / "codes.npy", "--factors", str(tmp_path / "factors.csv")) == NAMES


def test_a_mapping_of_factors_names_them() -> None:
    table = codes_from_arrays(CODES, dict(zip(NAMES, VALUES.T, strict=True)))
    assert table.factor_names == tuple(NAMES)
    assert codes_from_arrays(CODES, VALUES).factor_names == ("factor_0", "factor_1")


@pytest.mark.parametrize("names", [["shape"], ["shape", "shape"], ["shape", ""], [1, 2]])
def test_names_that_do_not_fit_the_factors_are_an_error(names: list[str], tmp_path: Path) -> None:
    np.savez(tmp_path / "codes.npz", codes=CODES, factors=VALUES, factor_names=np.array(names))
    with pytest.raises(SubmissionError, match=r"factor_names|two factors"):
        load_codes(tmp_path / "codes.npz")


def test_factors_are_periodic_only_where_the_table_has_them_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "codes.npz", codes=CODES, factors=VALUES)
    assert load_codes(tmp_path / "codes.npz").periodic == (False, False)


@pytest.mark.filterwarnings("ignore:.torch.jit.*deprecated:DeprecationWarning")
def test_the_documentation_s_examples_run(
    codes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(codes.parent)
    for example in re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "metrics.md").read_text(), re.DOTALL):
        exec(example)
    assert "angular_score" in capsys.readouterr().out
    assert Encoder.load(Path("model.pt"), (64, 64, 1)).width == 10


# ---- real-valued factors, through the commands ----


def scores_of(out: Path) -> dict[str, dict[str, object]]:
    """Metric → outcome of the first column of a score file."""
    columns: dict[str, dict[str, dict[str, dict[str, object]]]] = read_json(out)["columns"]
    return next(iter(columns.values()))["scores"]


def test_the_command_scores_a_table_with_real_factors(tmp_path: Path) -> None:
    """Codes that are the factors, one of which has real values: near 1; metrics without a form are refused by name."""
    generator = np.random.default_rng(0)
    factors = np.stack([generator.normal(size=600), generator.integers(0, 4, 600)], axis=1)
    np.savez(tmp_path / "codes.npz", codes=factors + 0.01 * generator.normal(size=factors.shape), factors=factors)
    options = ["--no-baselines", "--preset=fast", "--json", str(tmp_path / "out.json")]
    metrics = "--metrics=mig,sap,dci,infomec,modularity"
    run_program("evaluate", ["--codes", str(tmp_path / "codes.npz"), metrics, *options])
    found = scores_of(tmp_path / "out.json")
    for name, key in (("mig", "discrete_mig"), ("sap", "SAP_score"), ("dci", "disentanglement"), ("infomec", "infom")):
        values = found[name]["values"]
        assert isinstance(values, dict)
        assert values[key] > 0.6, name
    assert "no form for real-valued factors" in f"{found['modularity']['error']}{found['modularity']['unavailable']}"


def test_the_command_scores_a_run_on_own_pictures_with_real_factors(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    place, shade = generator.uniform(1, 6, 120), generator.integers(0, 3, 120)
    line = np.arange(8)
    pictures = np.exp(-((line[None, :] - place[:, None]) ** 2))[:, None, :, None] * (1 + shade[:, None, None, None]) / 3
    images = np.repeat(np.rint(255 * pictures).astype(np.uint8), 8, axis=1)
    names, file, out = np.array(["place", "shade"]), tmp_path / "own.npz", tmp_path / "run"
    np.savez(file, images=images, factors=np.stack([place, shade], axis=1), factor_names=names)
    binds = ["model.space = 'R^2'", "model.networks = 'mlp_small'", "train.steps = 5", "train.batch_size = 24"]
    words = [word for bind in binds for word in ("--bind", bind)]
    assert (
        run_program(
            "train", ["--config", "klein_bottle/edges_and_bars", "--data", str(file), *words, "--out", str(out)]
        )
        == 0
    )
    options = ["--metrics=mig,sap,dci,infomec", "--preset=fast", "--no-baselines", "--json", str(tmp_path / "out.json")]
    assert run_program("evaluate", [str(out), *options]) == 0
    found = scores_of(tmp_path / "out.json")
    assert all(outcome["values"] for outcome in found.values()), found
    assert any("equal-width" in note or "bins" in note for note in list(found["mig"]["notes"])), found["mig"]  # type: ignore[call-overload]


# ---- dSprites' orientation as a cycle, through configuration and command ----


@pytest.mark.parametrize("cycle", [True, False])
def test_d_lsbd_of_dsprites_uses_the_orientation_without_its_duplicate(cycle: bool, tmp_path: Path) -> None:
    binds = [
        "data.name = 'dsprites_small'", f"data.periodic_orientation = {cycle}", "model.networks = 'mlp_small'",
        "train.steps = 2", "train.batch_size = 16",
    ]  # fmt: skip
    words = [word for bind in binds for word in ("--bind", bind)]
    assert (
        run_program("train", ["--config", "klein_bottle/edges_and_bars", *words, "--out", str(tmp_path / "run")]) == 0
    )
    options = ["--metrics=d_lsbd", "--json", str(tmp_path / "out.json")]
    run_program("evaluate", [str(tmp_path / "run"), *options])
    file = read_json(tmp_path / "out.json")
    outcome = file["columns"]["trained"]["scores"]["d_lsbd"]
    if cycle:
        names = list(file["data"]["factors"])
        assert [name for name, mark in zip(names, file["data"]["periodic"], strict=True) if mark] == ["orientation"]
        assert 0 <= outcome["values"]["d_lsbd"] <= 1
        assert outcome["details"]["per_factor"]
    else:
        assert "periodic" in f"{outcome['error']}{outcome['unavailable']}"
