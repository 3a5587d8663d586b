"""How much the held-out ELBO of runs changes late in training: python scripts/steadiness.py RUN... [--after STEP]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from submission.run import Run


def main(arguments: Sequence[str] | None = None) -> int:
    """Print mean, standard deviation and the largest change of each run's held-out ELBOs after a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder with train.held_out")
    parser.add_argument("--after", type=int, default=0, metavar="STEP", help="first update that counts")
    options = parser.parse_args(arguments)
    for name in options.runs:
        run = Run(Path(name))
        values = np.array([row["elbo"] for row in run.validation() if row["step"] > options.after])
        sys.stdout.write(
            f"{name}: train.ema = {run.settings.train.ema}, {len(values)} measurements, mean {values.mean():.1f}, "
            f"standard deviation {values.std():.1f}, largest change {np.abs(np.diff(values)).max():.1f} nats\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
