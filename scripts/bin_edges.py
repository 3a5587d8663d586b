"""Compare the bin edges of era 2019 with those of a real numpy 1.

pip install --no-deps --target NUMPY1 numpy==1.26.4
python scripts/bin_edges.py NUMPY1
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ARRAYS = 2_000


def cases() -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    """float32 arrays of many scales and offsets, some on the edges, some constant, and numbers of bins."""
    generator = np.random.RandomState(0)
    for case in range(ARRAYS):
        size, bins = generator.randint(2, 200), int(generator.randint(2, 60))
        offset = generator.randint(0, 3) * 10.0 ** generator.randint(-2, 5)
        values = generator.randn(size) * 10.0 ** generator.randint(-6, 6) + offset
        if case % 5 == 0:
            values = generator.randint(0, 41, size=size) / 40
        if case % 50 == 0:
            values[:] = values[0]
        yield values.astype(np.float32), bins


def histogram_edges() -> npt.NDArray[Any]:
    """Edges of all cases by this process' numpy."""
    return np.concatenate([np.histogram(values, bins)[1] for values, bins in cases()])


def main() -> int:
    """Print how many edges differ; 1 if any does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numpy1", type=Path, help="folder with numpy 1")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        np.save(arguments.write, histogram_edges())
        return 0
    from submission.metrics.information import bin_edges

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "edges.npy"
        command = [sys.executable, __file__, str(arguments.numpy1), "--write", str(file)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(arguments.numpy1.resolve())})
        theirs = np.load(file)
    ours = np.concatenate([bin_edges(values, bins, "2019") for values, bins in cases()])
    installed = np.concatenate([bin_edges(values, bins) for values, bins in cases()])
    era, here = int((ours != theirs).sum()), int((installed != theirs).sum())
    sys.stdout.write(f"{len(ours)} edges of {ARRAYS} arrays; different from numpy 1: era 2019 {era}, ")
    sys.stdout.write(f"numpy {np.__version__} {here}\n")
    return int((ours != theirs).any())


if __name__ == "__main__":
    sys.exit(main())
