"""SLURM may refuse a job: its reason is one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from submission.errors import UsageError
from submission.studies.engines import SlurmEngine
from submission.studies.trial import Job


@pytest.mark.system
def test_a_job_that_slurm_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    refuse = "#!/bin/sh\necho 'sbatch: error: Requested node configuration is not available' >&2\nexit 1\n"
    for program in ("sbatch", "srun"):
        file = tmp_path / "bin" / program
        file.parent.mkdir(exist_ok=True)
        file.write_text(refuse)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    job = cast(Job, SimpleNamespace(line=lambda: "{}", threads=1, folder=str(tmp_path)))
    with pytest.raises(UsageError, match=r"SLURM refuses the job: .*configuration is not available") as caught:
        SlurmEngine(tmp_path / "slurm").start(job)
    assert len(str(caught.value).splitlines()) == 1
