"""Which versions of torch read our TorchScript files? Prints the table of docs/results/torchscript.md.

    python scripts/torchscript_readers.py PYTHON ...

Each PYTHON is an interpreter with some torch (and numpy). Files are written by this one, read and run by the others on
the evaluator's non-contiguous float32 view, and the codes compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from submission import provenance
from submission.export.torchscript import export_torchscript, load_torchscript
from submission.latent import parse
from submission.models.vae import build

SPECS = {
    "R^10, conv": ("R^10", "conv"),
    "S^10, conv": ("S^10", "conv"),
    "S^1 x S^2 x R^3, mlp": ("S^1 x S^2 x R^3", "mlp"),
}
READER = """
import json, sys
import numpy as np, torch
gaps = {}
for path in sys.argv[2:]:
    images = torch.from_numpy(np.moveaxis(np.load(sys.argv[1]), 3, 1)).float()
    try:
        codes = torch.jit.load(path)(images).cpu().numpy()
        gaps[path] = float(abs(codes - np.load(path + ".npy")).max())
    except Exception as error:
        gaps[path] = str(error).strip().splitlines()[0].split(" at /")[0][:100]
print(json.dumps([torch.__version__, gaps]))
"""


def main() -> None:
    """Write, let each interpreter read, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = np.random.RandomState(0).rand(8, 64, 64, 1).astype(np.float32)
        np.save(folder / "pixels.npy", pixels)
        files = [write(folder, label, pixels) for label in SPECS]
        say(f"Written by torch {torch.__version__}, commit {provenance.commit()}, {provenance.now()}.\n")
        say(f"| torch | {' | '.join(SPECS)} |\n|---|{'---|' * len(SPECS)}")
        for python in sys.argv[1:]:
            say(row(python, folder, files))


def write(folder: Path, label: str, pixels: np.ndarray) -> str:
    """An untrained encoder's file and its codes."""
    torch.manual_seed(0)
    spec, networks = SPECS[label]
    model = build(networks, parse(spec), (64, 64, 1))
    path = folder / f"{spec.replace(' ', '')}.pt"
    export_torchscript(model, model.space.export_modes[0], path)
    images = torch.from_numpy(np.moveaxis(pixels, 3, 1)).float()
    np.save(f"{path}.npy", load_torchscript(path)(images).numpy())
    return str(path)


def row(python: str, folder: Path, files: list[str]) -> str:
    """One line of the table; a file whose reader dies is read on its own."""
    cells, version = [], python
    for file in files:
        arguments = [python, "-c", READER, str(folder / "pixels.npy"), file]
        result = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if result.returncode:
            ending = f"signal {-result.returncode}" if result.returncode < 0 else f"exit code {result.returncode}"
            cells.append(f"dies ({ending})")
            continue
        version, gaps = json.loads(result.stdout.splitlines()[-1])
        cells.append(f"{gaps[file]:.1e}" if isinstance(gaps[file], float) else f"refuses: {gaps[file]}")
    return f"| {version} | {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def say(line: str) -> None:
    """One line on standard output."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
