"""What is said when a run is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission.cli.finished import report
from submission.files import write_json
from submission.run_folder import RunFolder


@pytest.mark.parametrize(("ahead", "told"), [(0.0, ""), (0.004, ""), (0.215, "by up to 22% of the run")])
def test_it_is_said_where_a_time_budget_hurried_the_schedules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ahead: float, told: str
) -> None:
    folder = RunFolder(tmp_path / "a run")
    training = {"steps": 3000, "images": 768_000, "seconds": 178.2, "ahead": ahead}
    write_json(folder.meta_file, {"training": training})
    report(folder)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("trained 3,000 updates (768,000 images) in 178 s: ")
    assert lines[-1].endswith(f"python evaluate.py '{folder.path}'")
    assert len(lines) == (3 if told else 2)
    assert told in lines[1]
