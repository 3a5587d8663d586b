"""``Run``: what a folder holds, read with types; and nothing through links that lead out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

import submission
from submission.cli.main import main
from submission.errors import SubmissionError
from submission.run import (
    BlockMeta,
    DatasetMeta,
    Likelihood,
    ModelMeta,
    RepresentationMeta,
    Run,
    RunMeta,
    ScoreFile,
    TrainingMeta,
)
from submission.run.likelihood import QUANTITIES

META = RunMeta(
    seed=3,
    dataset=DatasetMeta("dsprites_small", {"colour": True}, ("shape",), (3,), (False,), (64, 64, 1), "made"),
    model=ModelMeta("mlp_small", objective="beta_vae"),
    space="R^2",
    representation=RepresentationMeta("mean", 1.0, 2, (BlockMeta("R^2", 0, 2, "line"),)),
    training=TrainingMeta(5, 40, 1.5, 1.0, 0.0, True, "steps", 4, -12.5),
)
SCORES = {
    "format": 1,
    "preset": "fast",
    "era": "2019",
    "seeds": [0, 1],
    "data": {"name": "dsprites_small", "images": 7},
    "representation": {"file": "<b>.pt", "precision": "bf16"},
    "metrics": {"mig": {"headline": "discrete_mig", "shown": ["other"]}, "sap": {"headline": "SAP_score"}},
    "columns": {
        "trained": {
            "scores": {
                "mig": {"values": {"discrete_mig": 0.5, "other": 0.25}, "block_values": {"discrete_mig": 0.75}},
                "sap": {"error": "every code is constant"},
            }
        },
        "untrained": {"scores": {"mig": {"values": {"discrete_mig": 0.125}}}},
    },
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run folder with metadata and configuration."""
    run = Run(tmp_path / "run")
    run.write_meta(META)
    run.config_file.write_text("model.space = 'R^2'\ntrain.seed = 3\ntrain.steps = 5\n")
    return run


def test_metadata_come_back_as_they_were_written(run: Run) -> None:
    assert Run.open(run.path).meta == META
    assert json.loads(run.meta_file.read_text())["format"] == 1


def test_keys_of_a_newer_version_survive(run: Run) -> None:
    run.meta_file.write_text(json.dumps(json.loads(run.meta_file.read_text()) | {"new": {"a": 1}}))
    run.write_meta(replace(run.meta, seed=4))
    assert json.loads(run.meta_file.read_text())["new"] == {"a": 1}


def test_a_newer_format_is_refused(run: Run) -> None:
    run.meta_file.write_text(json.dumps({"format": 2}))
    with pytest.raises(SubmissionError, match=r"meta\.json has format 2, this version reads 1"):
        _ = run.meta


def test_runs_that_differ_in_their_seed_are_one_method(run: Run) -> None:
    first = run.method
    run.config_file.write_text(run.config_text.replace("train.seed = 3", "train.seed = 4"))
    assert run.method == first
    run.config_file.write_text(run.config_text.replace("train.steps = 5", "train.steps = 6"))
    assert run.method != first
    assert first.startswith("beta_vae R^2 mlp_small #")


def test_settings_are_those_of_the_configuration(run: Run) -> None:
    assert (run.settings.train.seed, run.settings.model.space) == (3, "R^2")


def test_logs_are_rows_of_numbers(run: Run) -> None:
    rows = ['{"step": 1, "loss": 2.5, "note": "x", "kl": [1, 2]}', "null", '{"loss": 1}', '{"step": 2, "loss": NaN}']
    run.log_file.write_bytes("\n".join(rows).encode() + b'\n\xff\xfe\n{"step": 3, "lo')
    assert run.log() == [{"step": 1, "loss": 2.5, "kl": [1, 2]}, {"step": 2}]
    assert run.validation() == run.components() == []


def test_a_score_file_has_its_protocol_and_its_table() -> None:
    scores = ScoreFile.of(SCORES, "scores.json")
    assert scores.protocol == "fast 2019 bf16"
    assert scores.headlines() == {"mig": 0.5}
    assert scores.rows() == [
        ("mig", "discrete_mig", False, [0.5, 0.125]),
        ("mig", "discrete_mig", True, [0.75, None]),
        ("mig", "other", False, [0.25, None]),
        ("sap", "SAP_score", False, [None, None]),
    ]
    assert ScoreFile.of(scores.to_json(), "again") == scores
    assert scores.data.extra == {"images": 7}


def test_a_score_file_is_a_table_in_a_notebook() -> None:
    page = ScoreFile.of(SCORES, "scores.json")._repr_html_()
    assert "<td>0.5000</td>" in page
    assert "&lt;b&gt;.pt" in page


def test_a_score_file_is_a_data_frame() -> None:
    pytest.importorskip("pandas")
    frame = ScoreFile.of(SCORES, "scores.json").to_frame()
    assert list(frame.columns) == ["trained", "untrained"]
    assert frame.loc[("mig", "discrete_mig", "block"), "trained"] == 0.75


def test_images_in_memory_are_named_as_what_the_folder_lacks(run: Run) -> None:
    run.write_meta(replace(META, dataset=DatasetMeta("arrays")))
    with pytest.raises(SubmissionError, match=r"'arrays', images in memory or .*--data FILE\.npz .*--import MODULE"):
        run.dataset()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 9}, "not a score file of this version"),
        ({"columns": {}}, "holds no scores"),
        ({"metrics": {}}, r"lacks 'metrics\.mig'"),
        ({"columns": {"trained": {"scores": {"mig": {"values": {"a": "x"}}}}}}, r"values\.a in .*scores\.json is 'x'"),
    ],
)
def test_a_damaged_score_file_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(SCORES | change))
    with pytest.raises(SubmissionError, match=message):
        ScoreFile.read(tmp_path / "scores.json")


def test_a_data_set_whose_reader_unpickles_is_not_chosen_by_a_folder(run: Run) -> None:
    run.write_meta(replace(META, dataset=DatasetMeta("dlib:dsprites_full")))
    with pytest.raises(SubmissionError, match=r"names the data set 'dlib:dsprites_full', whose reader may run code"):
        run.dataset()


def test_a_checkpoint_that_is_missing_while_the_one_before_it_is_there_can_be_resumed(run: Run) -> None:
    with pytest.raises(SubmissionError, match=r"checkpoint\.pt is missing — train it"):
        run.model()
    (run.path / "checkpoint.previous.pt").touch()
    with pytest.raises(SubmissionError, match=r"checkpoint\.pt is missing — .*submission train --resume --out"):
        run.model()


LINKS = {
    "config.gin": "secret",
    ".lock": "secret",
    "scores": "elsewhere",
    "export": "elsewhere",
    "representation": "elsewhere",
    "baseline/untrained.pt": "secret",
    "scores/challenge-0.json": "secret",
    "checkpoint.pt": "secret",
    "export/config.gin": "secret",
    "events/old/deep": "elsewhere",
}
COMMANDS = [
    ["report"],
    ["export"],
    ["evaluate"],
    ["train", "--resume", "--out"],
    ["compare"],
    ["udr"],
]


@pytest.mark.parametrize("name", LINKS)
def test_links_out_of_a_run_are_refused_and_what_they_lead_to_stays(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "secret").write_text("precious")
    link = run.path / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / LINKS[name])
    with pytest.raises(SubmissionError, match=r"is a link to .*outside of the run folder"):
        Run.open(run.path)
    with pytest.raises(SubmissionError, match="is a link"), run.lock():
        pass
    assert (tmp_path / "secret").read_text() == "precious"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_them(
    command: list[str], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("precious")
    (run.path / "export").mkdir()
    (run.path / "export" / "config.gin").symlink_to(tmp_path / "secret")
    assert main([*command, str(run.path)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "is a link to" in lines[0]
    assert (tmp_path / "secret").read_text() == "precious"


def test_links_inside_a_run_and_to_a_run_are_fine(run: Run, tmp_path: Path) -> None:
    (run.path / "latest.pt").symlink_to("checkpoint.pt")
    (tmp_path / "link").symlink_to(run.path)
    assert Run.open(tmp_path / "link").meta == META


def hostile(run: Run) -> list[tuple[str, Callable[[], object]]]:
    """What reads each file of a run."""
    return [("meta.json", lambda: run.meta), ("config.gin", lambda: run.settings)]


def test_a_folder_in_place_of_a_file_is_one_line(run: Run) -> None:
    for name, read in hostile(run):
        (run.path / name).unlink()
        (run.path / name).mkdir()
        with pytest.raises(SubmissionError, match=name.replace(".", r"\.")):
            read()


def test_titles_of_likelihood_quantities_are_written_once() -> None:
    assert list(QUANTITIES) == [field.name for field in fields(Likelihood) if field.type == "Estimate"]
    files = Path(submission.__file__).parent.rglob("*.py")
    assert [file.name for file in files if QUANTITIES["mse"] in file.read_text(encoding="utf-8")] == ["likelihood.py"]
