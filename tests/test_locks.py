"""One process per run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission.errors import SubmissionError
from submission.run import Run


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with (
        Run(tmp_path / "run").lock(),
        pytest.raises(SubmissionError, match=r"run is being trained by process \d+"),
        Run(tmp_path / "run").lock(),
    ):
        pass
    with Run(tmp_path / "run").lock():
        pass


def test_a_lock_that_cannot_be_signed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **keywords: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SubmissionError, match=r"cannot write .*\.lock: No space left"), Run(tmp_path / "run").lock():
        pass
