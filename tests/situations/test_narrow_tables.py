"""Tables of compare and leaderboard in a terminal of 80 columns: long names, several data sets, many runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from submission.cli import console
from submission.cli.main import main
from submission.run import ModelMeta, Run, RunMeta, naming
from submission.studies import Study, udr
from submission.studies.records import Record, merge_records

METRICS = {
    "mig": "discrete_mig", "sap": "SAP_score", "dci": "disentanglement", "factor_vae": "eval_accuracy", "irs": "IRS",
    "beta_vae": "eval_accuracy", "modularity": "modularity_score", "downstream": "mean_test_accuracy",
}  # fmt: skip


def run_folder(path: Path, seed: int, space: str, data: str) -> None:
    """A run with a score file of many metrics."""
    folder = Run(path)
    folder.write_meta(RunMeta(seed=seed, space=space, model=ModelMeta(objective="beta_tcvae", networks="mlp")))
    folder.config_file.write_text(f"model.space = '{space}'\ntrain.seed = {seed}\n")
    values = {name: {"values": {key: 0.1 + 0.01 * seed}} for name, key in METRICS.items()}
    scores = {
        "format": 1, "preset": "challenge", "era": "installed", "data": {"name": data},
        "metrics": {name: {"headline": key} for name, key in METRICS.items()},
        "columns": {"trained": {"scores": values}},
    }  # fmt: skip
    folder.scores_folder.mkdir(exist_ok=True)
    (folder.scores_folder / "challenge-0.json").write_text(json.dumps(scores))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two methods of three seeds with long names, on two data sets."""
    monkeypatch.chdir(tmp_path)
    spaces = ("S^10 x T^3 x R^4 x RP^3 x SO(3)", "ISA(5x4; p0=2.1, p=2.2) x S^10 x T^3")
    for number, space in enumerate(spaces):
        for seed in range(3):
            for data in ("dsprites_full_with_a_long_name", "cars3d"):
                name = f"a_rather_long_name_of_a_method_{number}_on_{data}_{seed}"
                run_folder(tmp_path / "runs" / name, seed, space, data)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    "words", [["leaderboard"], ["leaderboard", "--show", "best"], ["compare", "--data=cars3d"]], ids=str
)
def test_tables_fit_eighty_columns(words: list[str], runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    terminal = Console(file=file, highlight=False, color_system=None, width=80, force_terminal=True)
    monkeypatch.setattr(console, "OUT", terminal)
    folders = [str(path) for path in sorted(runs.iterdir()) if words[0] == "leaderboard" or "cars3d" in path.name]
    assert main([*words, *folders]) == 0
    rows = [line for line in file.getvalue().splitlines() if "│" in line or "─" in line or "━" in line]
    assert rows
    assert max(map(cell_len, rows)) <= 80
    if words[0] == "compare":
        assert file.getvalue().count("0.1") >= 3


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 80 columns shows."""
    file = io.StringIO()
    shown = Console(file=file, highlight=False, color_system=None, width=80, force_terminal=True)
    monkeypatch.setattr(console, "OUT", shown)
    return file


def widest(text: str) -> int:
    """Columns of the widest line of a table in ``text``."""
    return max(cell_len(line) for line in text.splitlines() if set(line) & set("│─━"))


LONG = "β-TCVAE on S^10 x T^3 x R^4 x RP^3 x SO(3), with a schedule and a long name"


def test_agreement_between_seeds_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch, terminal: io.StringIO) -> None:
    runs = tuple(f"runs/{LONG.replace(' ', '_')}/seed_{seed}" for seed in range(3))
    found = [udr.Agreement(LONG, runs, (0.1234, 0.1, 0.05), (0.4567, 0.4, 0.3), (20, 19, 18), 20)]
    monkeypatch.setattr("submission.cli.folders.open_runs", lambda paths: [])
    monkeypatch.setattr(udr, "agreements", lambda *given: (found, []))
    assert main(["udr", "runs/a", "runs/b"]) == 0
    assert widest(terminal.getvalue()) <= 80
    assert "0.1234" in terminal.getvalue()


def test_a_study_s_table_fits_eighty_columns(tmp_path: Path, terminal: io.StringIO) -> None:
    file = tmp_path / "study.gin"
    methods = [{"config": "demo", "label": f"{LONG} {number}"} for number in range(2)]
    file.write_text(f'study.methods = {methods!r}\nstudy.bind = ["train.steps = 4"]\nstudy.seeds = 3\n')
    names = ("elbo", "reconstruction", "kl", "log_likelihood", "mig", "sap", "dci", "factor_vae", "mig by block")
    study = Study.read(str(file))
    records = [
        Record(study.name, "", trial.name, trial.method, {}, trial.seed, {}, dict.fromkeys(names, -123.456))
        for trial in study.trials()
    ]
    merge_records(tmp_path / "out" / "records.jsonl", records)
    assert main(["sweep", "table", str(file), "--out", str(tmp_path / "out")]) == 0
    assert widest(terminal.getvalue()) <= 80
    assert terminal.getvalue().count("123.46") + terminal.getvalue().count("123.5") >= 2


def test_names_of_many_runs_are_numbered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaderboard of 1,000 runs numbered all names once for each of them."""
    calls: list[int] = []
    numbered = naming.numbered
    monkeypatch.setattr(naming, "numbered", lambda names: calls.append(len(names)) or numbered(names))
    runs = [{"objective.name": "beta_vae", "objective.beta": float(k // 5), "train.seed": k % 5} for k in range(1000)]
    assert len(set(map(str, naming.name_methods(runs)))) == 200
    assert calls == [200]
