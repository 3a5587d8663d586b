"""``evaluate.py --backend disentanglement_lib``: the cross-check that anyone can run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from submission.cli.main import run_program
from submission.files import read_json
from submission.metrics.sampling import CodeGrid, true_factors

SIZES = (3, 4, 5)


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """A table of mixed factors."""
    truth = true_factors(CodeGrid.of("grid", SIZES))(np.arange(60))
    mixed = np.tanh(truth @ np.random.RandomState(0).randn(3, 4))
    np.savez(tmp_path / "codes.npz", codes=mixed.astype(np.float32), factor_sizes=np.array(SIZES))
    return tmp_path / "codes.npz"


def scores_of(codes: Path, backend: str, *more: str) -> dict[str, dict[str, float]]:
    """Values per metric by one program."""
    file = codes.with_name(f"{backend}.json")
    options = ["--preset", "fast", "--no-baselines", "--json", str(file), "--backend", backend, *more]
    assert run_program("evaluate", ["--codes", str(codes), *options]) == 0
    outcomes = read_json(file)["columns"]["codes"]["scores"]
    return {name: outcome["values"] for name, outcome in outcomes.items()}


@pytest.mark.system
def test_both_programs_say_the_same(codes: Path) -> None:
    ours, theirs = scores_of(codes, "submission"), scores_of(codes, "disentanglement_lib")
    assert set(ours) == set(theirs) == {"mig", "factor_vae", "dci", "sap", "irs"}
    for name, values in theirs.items():
        for key in set(values) - {"num_active_dims"}:
            assert ours[name][key] == pytest.approx(values[key], abs=1e-6), (name, key)


@pytest.mark.system
def test_downstream_tasks_have_a_headline_in_both(codes: Path) -> None:
    names = "--metrics=downstream,downstream_logistic"
    ours, theirs = scores_of(codes, "submission", names), scores_of(codes, "disentanglement_lib", names)
    assert set(theirs) == {"downstream", "downstream_logistic"}
    for name, values in theirs.items():
        assert values["mean_test_accuracy"] == values["1000:mean_test_accuracy"]
        assert ours[name] == pytest.approx(values, abs=1e-6), name
    assert theirs["downstream"] != theirs["downstream_logistic"]


def test_what_the_backend_lacks_is_an_error(codes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backend = ["--backend", "disentanglement_lib", "--preset", "fast"]
    assert run_program("evaluate", ["--codes", str(codes), *backend, "--metrics", "dci_fast"]) == 1
    assert "has no metric dci_fast" in capsys.readouterr().err
    assert run_program("evaluate", ["--codes", str(codes), *backend, "--era", "2019"]) == 2
    assert "leave --era out" in capsys.readouterr().err
