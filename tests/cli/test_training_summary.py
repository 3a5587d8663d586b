"""The summary printed after training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from submission.cli.training_summary import summarise
from submission.files import write_json
from submission.run import Run


@pytest.mark.parametrize(("ahead", "expected"), [(0.0, ""), (0.004, ""), (0.215, "by up to 22% of the run")])
def test_a_time_budget_that_moved_the_schedules_ahead_is_mentioned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ahead: float, expected: str
) -> None:
    folder = Run(tmp_path / "a run")
    training = {"steps": 3000, "images": 768_000, "seconds": 178.2, "ahead": ahead}
    write_json(folder.meta_file, {"training": training, "space": "S^2"})
    summarise(folder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("trained 3,000 updates (768,000 images) in 178 s: ")
    assert lines[-1].endswith(f"python -m submission evaluate '{folder.path}'")
    assert len(lines) == (3 if expected else 2)
    assert expected in lines[1]


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        ([0.5] * 9, ""),
        ([0.5] * 3 + [0.011] + [2.0] * 5, "(KL below 0.02 nats): T^9[3]"),
        ([0.01] * 9, "(KL below 0.02 nats): T^9[0], T^9[1], T^9[2], T^9[3], T^9[4], T^9[5] and 3 more"),
    ],
)
def test_components_that_have_collapsed_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kl: list[float], expected: str
) -> None:
    folder = Run(tmp_path)
    training = {"steps": 3000, "images": 768_000, "seconds": 178.2, "ahead": 0.0}
    write_json(folder.meta_file, {"training": training, "space": "T^9"})
    records = [{"step": 50, "kl": [0.0] * 9}, {"step": 100, "kl": kl}]
    folder.components_file.write_text("".join(json.dumps(record) + "\n" for record in records))
    summarise(folder)
    lines = capsys.readouterr().out.replace("\n", " ")
    assert expected in lines
    assert ("collapsed latent components" in lines) == bool(expected)
