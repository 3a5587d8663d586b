"""Writes bessel_references.json: the von Mises–Fisher log-normaliser, mean length, its slope and KL to 30 digits.

Run from the repository root: ``python tests/distributions/make_bessel_references.py``. Needs mpmath, takes seconds.
"""

from __future__ import annotations

import json
from pathlib import Path

from mpmath import mp, mpf

DIMENSIONS = (2, 3, 5, 11, 33, 34, 35, 41, 64, 100, 400, 1000)
CONCENTRATIONS = ("1e-6", "1e-3", "0.1", "0.7", "2", "10", "50", "300", "2000", "1e4", "3e4", "1e5", "1e6")
OUTPUT = Path(__file__).with_name("bessel_references.json")


def row(m: int, concentration: str) -> dict[str, str | int]:
    """F = log E exp(κ·w), A = F′, A′ and KL = κA − F for one m and κ."""
    order, kappa = mpf(m) / 2 - 1, mpf(concentration)
    lower, upper = mp.besseli(order, kappa), mp.besseli(order + 1, kappa)
    value = mp.log(lower) + mp.loggamma(order + 1) + order * mp.log(2 / kappa)
    length = upper / lower
    numbers = {
        "log_normaliser": value,
        "mean_length": length,
        "slope": 1 - length**2 - (m - 1) * length / kappa,
        "kl": kappa * length - value,
    }
    return {"m": m, "kappa": concentration} | {name: mp.nstr(number, 30) for name, number in numbers.items()}


def main() -> None:
    """All rows, one JSON object per line."""
    mp.dps = 60
    rows = [row(m, concentration) for m in DIMENSIONS for concentration in CONCENTRATIONS]
    OUTPUT.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in rows) + "\n]\n")


if __name__ == "__main__":
    main()
