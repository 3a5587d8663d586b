"""The command line that goes on with a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path


def resuming(
    out: Path | str, data_root: Path | str | None, device: str, seeds: Sequence[int] = (), together: bool = False
) -> str:
    """``train.py --resume`` for the run in ``out``, or for the runs of ``seeds`` in it, as a shell reads it.

    >>> resuming("my runs/a", "/data", "auto", range(3))
    "train.py --resume --seeds 0:3 --out 'my runs/a' --data-root /data"
    """
    words = ["train.py", "--resume"]
    words += ["--seeds", f"{seeds[0]}:{seeds[-1] + 1}"] if seeds else []
    words += ["--together"] if together else []
    words += ["--out", str(out)]
    words += ["--data-root", str(data_root)] if data_root is not None else []
    words += ["--device", device] if device != "auto" else []
    return shlex.join(words)
