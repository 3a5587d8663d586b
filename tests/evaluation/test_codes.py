"""What a table of codes says about its factors, and metrics called with other settings than a preset's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from submission.cli.main import run_program
from submission.evaluation.codes import load_codes
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
