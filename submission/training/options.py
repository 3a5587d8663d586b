"""Options of a training run that are not settings: data, device, time, progress."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from submission.data import ImageDataset
from submission.errors import invocation
from submission.progress import QUIET, Progress


@dataclass(frozen=True)
class TrainOptions:
    """Where and how long to train. None of these changes the weights, except a time budget that ends the run early.

    Attributes:
        data: the images; loaded by ``settings.data`` when None.
        data_root: folder of the data files.
        resume: continue from the last whole checkpoint, or start where there is none.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        time_budget: seconds after ``started`` by which everything is written, export included.
        started: ``time.monotonic()`` when the budget began.
        progress: shows the bar.
    """

    data: ImageDataset | None = None
    data_root: Path | str | None = None
    resume: bool = False
    device: str = "auto"
    time_budget: float | None = None
    started: float = field(default_factory=time.monotonic)
    progress: Progress = QUIET

    def resume_command(self, out: Path | str, seeds: Sequence[int] = (), together: bool = False) -> str:
        """See ``resume_command``, with this data root and device."""
        return resume_command(out, self.data_root, self.device, seeds, together)


def resume_command(
    out: Path | str, data_root: Path | str | None, device: str, seeds: Sequence[int] = (), together: bool = False
) -> str:
    """The shell command that resumes the run in ``out``, or the runs of ``seeds`` in it.

    >>> resume_command("my runs/a", "/data", "auto", range(3))
    "python -m submission train --resume --seeds 0:3 --out 'my runs/a' --data-root /data"
    """
    words = ["--seeds", f"{seeds[0]}:{seeds[-1] + 1}"] if seeds else []
    words += ["--together"] if together else []
    words += ["--out", str(out)]
    words += ["--data-root", str(data_root)] if data_root is not None else []
    words += ["--device", device] if device != "auto" else []
    return invocation("train", "--resume", *words)
