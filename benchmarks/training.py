"""Training throughput beside peers and bounds: images per second and ratios, everything measured in this run.

Contenders run in processes of their own, in turn, several rounds; medians are shown.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import subprocess
import sys
from pathlib import Path

from submission import provenance

CONTENDER = Path(__file__).parent / "contenders" / "training.py"
PEERS = ("bare loop float32", "bare loop bfloat16 autocast", "pythae BaseTrainer")
BOUNDS = ("products alone float32", "products alone bfloat16")
OURS = ("ours float32", "ours bfloat16")
TARGETS = {
    ("mlp", 256): {"pythae BaseTrainer": 4.0, "bare loop float32": 2.5, "products alone bfloat16": 0.45},
    ("mlp", 2048): {"pythae BaseTrainer": 3.0, "bare loop float32": 2.5, "products alone bfloat16": 0.60},
    ("conv", 256): {"pythae BaseTrainer": 2.0},
}


def contenders(networks: str) -> list[str]:
    """Who takes part: bounds only where the networks are linear layers, pythae only where it is installed."""
    names = [*OURS, *PEERS, *(BOUNDS if networks.startswith("mlp") else ())]
    if importlib.util.find_spec("pythae") is None:
        print("pythae is not installed and left out (pip install --no-deps pythae==0.1.2)")
        names.remove("pythae BaseTrainer")
    return names


def measure(name: str, networks: str, batch_size: int, seconds: float) -> float:
    """Images per second of one contender, in a process of its own."""
    options = ["--networks", networks, "--batch-size", str(batch_size), "--seconds", str(seconds)]
    command = [sys.executable, str(CONTENDER), name, *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{name} failed:\n{result.stderr[-2000:]}")
    return float(result.stdout.split()[-1])


def table(networks: str, batch_size: int, rounds: int, seconds: float) -> None:
    """Measure and print one table."""
    rates: dict[str, list[float]] = {name: [] for name in contenders(networks)}
    for _ in range(rounds):
        for name, measured in rates.items():
            measured.append(measure(name, networks, batch_size, seconds))
    best = statistics.median(rates["ours bfloat16"])
    wanted = TARGETS.get((networks, batch_size), {})
    print(f"\n{networks} networks, batch {batch_size}, median of {rounds} rounds of {seconds:g} s")
    print(f"{'':30s} {'images/s':>9s} {'ours bfloat16 is':>17s} {'target':>8s}")
    for name, measured in rates.items():
        rate = statistics.median(measured)
        target = f"≥ {wanted[name]:.2f}" if name in wanted else ""
        print(f"{name:30s} {rate:9,.0f} {best / rate:16.2f}x {target:>8s}")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", choices=("mlp", "conv"))
    given = parser.parse_args()
    print(f"commit {provenance.commit()}; {provenance.machine()}")
    for networks, batch_size in TARGETS:
        if given.only in (None, networks):
            table(networks, batch_size, given.rounds, given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
