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
from submission.device import NO_UNITS, multiplies_bfloat16

CONTENDER = Path(__file__).parent / "contenders" / "training.py"
OURS = ("ours float32", "ours bfloat16")
PEERS = ("bare loop float32", "bare loop bfloat16 autocast", "pythae BaseTrainer")
BOUNDS = ("products alone float32", "products alone bfloat16", "products and Adam bfloat16")
TARGETS = {
    ("mlp", 256, "beta_vae"): {"pythae BaseTrainer": 4.0, "bare loop float32": 2.5, "products alone bfloat16": 0.45},
    ("mlp", 2048, "beta_vae"): {"pythae BaseTrainer": 3.0, "bare loop float32": 2.5, "products alone bfloat16": 0.60},
    ("mlp", 2048, "beta_tcvae"): {},
    ("conv", 256, "beta_vae"): {"pythae BaseTrainer": 2.0},
}


def contenders(networks: str) -> list[str]:
    """Who takes part: bounds only where the networks are linear layers, others only where they can run."""
    names = [*OURS, *PEERS, *(BOUNDS if networks.startswith("mlp") else ())]
    if importlib.util.find_spec("pythae") is None:
        print("pythae is not installed and left out (pip install pydantic tqdm; pip install --no-deps pythae==0.1.2)")
        names.remove("pythae BaseTrainer")
    return [name for name in names if multiplies_bfloat16("cpu") or "bfloat16" not in name]


def measure(name: str, networks: str, batch_size: int, objective: str, seconds: float) -> float:
    """Images per second of one contender, in a process of its own."""
    options = ["--networks", networks, "--batch-size", str(batch_size), "--objective", objective]
    command = [sys.executable, str(CONTENDER), name, *options, "--seconds", str(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{name} failed:\n{result.stderr[-2000:]}")
    return float(result.stdout.split()[-1])


def table(networks: str, batch_size: int, objective: str, rounds: int, seconds: float) -> None:
    """Measure and print one table."""
    rates: dict[str, list[float]] = {name: [] for name in contenders(networks)}
    for _ in range(rounds):
        for name, measured in rates.items():
            measured.append(measure(name, networks, batch_size, objective, seconds))
    best, champion = max((statistics.median(rates[name]), name) for name in OURS if name in rates)
    wanted = TARGETS[networks, batch_size, objective] if champion == "ours bfloat16" else {}
    print(f"\n{objective}, {networks} networks, batch {batch_size}, median of {rounds} rounds of {seconds:g} s")
    print(f"{'':30s} {'images/s':>9s} {champion + ' is':>17s} {'target':>8s}")
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
    if not multiplies_bfloat16("cpu"):
        print(f"{NO_UNITS}: bfloat16 and the targets, which are for it, are left out")
    for networks, batch_size, objective in TARGETS:
        if given.only in (None, networks):
            table(networks, batch_size, objective, given.rounds, given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
