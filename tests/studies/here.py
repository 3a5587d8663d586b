"""An engine without processes of its own."""

from __future__ import annotations

from submission.studies.engines import Engine
from submission.studies.trial import Job, run


class HereEngine(Engine):
    """Runs each job in this process as soon as it is started."""

    slots = 1

    def start(self, job: Job) -> int:
        """Run the job to its end; its exit code."""
        return run(job)

    def finished(self, handle: int) -> bool:
        """Always."""
        return True

    def stop(self, handles: list[int]) -> None:
        """Nothing runs."""
