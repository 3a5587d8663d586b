"""What SLURM is asked for, and its refusals: one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from submission.errors import UsageError
from submission.studies.engines import SlurmEngine
from submission.studies.trial import Job

JOB = cast(Job, SimpleNamespace(line=lambda: "{}", threads=1, folder="job"))


def programs(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put programs sbatch and srun with this text on the path."""
    folder.mkdir()
    for program in ("sbatch", "srun"):
        (folder / program).write_text(f"#!/bin/sh\n{script}\nexit 1\n")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.system
def test_a_job_that_slurm_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    refuse = "echo 'sbatch: error: Requested node configuration is not available' >&2"
    programs(tmp_path / "bin", refuse, monkeypatch)
    with pytest.raises(UsageError, match=r"SLURM refuses the job: .*configuration is not available") as caught:
        SlurmEngine(tmp_path / "slurm").start(JOB)
    assert len(str(caught.value).splitlines()) == 1
    assert "SBATCH_PARTITION" in caught.value.fix


@pytest.mark.system
def test_the_environment_chooses_partition_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    # Options on sbatch's command line would win over its environment: there must be none beside the script.
    programs(tmp_path / "bin", 'echo "partition $SBATCH_PARTITION, arguments $#" >&2', monkeypatch)
    monkeypatch.setenv("SBATCH_PARTITION", "gpu")
    with pytest.raises(UsageError, match="partition gpu, arguments 1"):
        SlurmEngine(tmp_path / "slurm").start(JOB)
