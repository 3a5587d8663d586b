"""Damaged files against the readers of files that others may have made: a table of classes, inputs and outcomes.

Each class starts from a valid file. Its copies are cut, and have bytes changed, repeated or removed, at places drawn
from a fixed seed. An input is *refused* when the reader raises the one-line error that the commands show, *accepted*
when it returns, and anything else counts as *other*. TorchScript archives are read as text here, as before every load;
loading damaged ones is left to the sandbox.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from submission import checkpoint, provenance
from submission.configuration import load as load_settings
from submission.errors import SubmissionError
from submission.evaluation.codes import load_codes
from submission.export.archive import read_archive
from submission.export.torchscript import traced
from submission.run import RunMeta, ScoreFile
from submission.run.scores import FORMAT

Make = Callable[[Path], None]
Read = Callable[[Path], object]
META = {"dataset": {"name": "dsprites_small"}, "representation": {"mode": "mean"}, "training": {"steps": 3}}
SCORES = {"format": FORMAT, "preset": "fast", "metrics": {}, "columns": {"a": {"scores": {}}}}


def write_codes(path: Path) -> None:
    """A table of codes on a full grid."""
    np.savez(path, codes=np.random.RandomState(0).rand(12, 3).astype(np.float32), factor_sizes=np.array([3, 4]))


def write_archive(path: Path) -> None:
    """A small TorchScript file."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()
    path.write_bytes(traced(module, (1, 8, 8)))


def write_checkpoint(path: Path) -> None:
    """A checkpoint of one weight."""
    checkpoint.save(path, {"model": {"w": torch.ones(3)}})


CLASSES: dict[str, tuple[str, Make, Read]] = {
    "TorchScript archive": (".pt", write_archive, read_archive),
    "run metadata": (".json", lambda path: path.write_text(json.dumps(META)) and None, RunMeta.read),
    "score file": (".json", lambda path: path.write_text(json.dumps(SCORES)) and None, ScoreFile.read),
    "codes (npz)": (".npz", write_codes, load_codes),
    "gin file": (
        ".gin",
        lambda path: path.write_text('train.steps = 10\nmodel.space = "R^3"\ndata.name = "dsprites_small"\n') and None,
        lambda path: load_settings([str(path)]),
    ),
    "checkpoint": (".pt", write_checkpoint, checkpoint.read),
}


def damaged(content: bytes, random: np.random.RandomState) -> bytes:
    """A copy with one to four changes."""
    found = bytearray(content)
    for _ in range(random.randint(1, 5)):
        at, kind = random.randint(0, max(1, len(found))), random.randint(5)
        if kind == 0:
            del found[at:]
        elif kind == 1 and found:
            found[at % len(found)] ^= 1 << random.randint(8)
        elif kind == 2:
            found[at:at] = bytes(random.randint(0, 256, size=random.randint(1, 9)).astype(np.uint8))
        elif kind == 3:
            del found[at : at + random.randint(1, 40)]
        else:
            found[at:at] = found[at : at + random.randint(1, 400)]
    return bytes(found)


def outcome(read: Read, path: Path) -> str:
    """What became of one input."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except SubmissionError as error:
        return "refused" if "\n" not in str(error) else "several lines"
    except checkpoint.DamagedError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - what is counted
        return f"traceback ({type(error).__name__})"
    return "accepted"


def main() -> int:
    """Print the table; exit code 1 where anything but a refusal or an acceptance happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=500, help="per class")
    given = parser.parse_args()
    print(f"commit {provenance.commit()}; {given.inputs} inputs per class")
    print("| class | inputs | refused | accepted | other |\n|---|---|---|---|---|")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (suffix, make, read)) in enumerate(CLASSES.items()):
            path, random = Path(folder) / f"input{number}{suffix}", np.random.RandomState(number)
            make(path)
            content, found = path.read_bytes(), Counter[str]()
            if outcome(read, path) != "accepted":
                print(f"{name}: the valid file is not accepted", file=sys.stderr)
                return 1
            for _ in range(given.inputs):
                path.write_bytes(damaged(content, random))
                found[outcome(read, path)] += 1
            others = {key: count for key, count in found.items() if key not in ("refused", "accepted")}
            bad += sum(others.values())
            shown = ", ".join(f"{key} {count}" for key, count in others.items()) or "0"
            print(f"| {name} | {given.inputs} | {found['refused']} | {found['accepted']} | {shown} |")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
