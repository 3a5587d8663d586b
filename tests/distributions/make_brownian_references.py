"""Writes brownian_references.json: KL, its slope in t and log-densities of Brownian motion on S^d and RP^d, 30 digits.

Run from the repository root: ``python tests/distributions/make_brownian_references.py``. Needs mpmath, takes minutes.

Everything is summed from the eigenfunction series, in as many digits as its cancellation costs; integrals are
trapezoidal sums in l = log tan(r/2), which converge exponentially. Nothing of the package is used.
"""

from __future__ import annotations

import json
from pathlib import Path

from mpmath import mp, mpf

DIMENSIONS = (1, 2, 3, 10, 20, 41, 64)
TIMES = ("1e-5", "1e-3", "0.03", "0.3", "1", "10")
DENSITY_TIMES = ("1e-3", "0.01", "0.1", "0.5", "2", "10")
ANGLES = ("1e-4", "0.05", "0.5", "1.5", "3", "3.14")
OUTPUT = Path(__file__).with_name("brownian_references.json")


def fixed(value: mpf) -> int:
    """``value`` in fixed point with the working precision's bits: integers are several times as fast as mpf."""
    return int(mp.floor(mp.ldexp(value, mp.prec)))


def real(value: int) -> mpf:
    """Inverse of ``fixed``."""
    return mp.ldexp(mpf(value), -mp.prec)


def eigenspaces(d: int, t: mpf) -> list[tuple[int, int]]:
    """exp(-λ t / 2) times multiplicity, and the same times -λ / 2, for k = 1, 2, ... until nothing is left."""
    terms: list[tuple[int, int]] = []
    k = 1
    while True:
        count = mpf(2) if d == 1 else mpf(2 * k + d - 1) / (d - 1) * mp.binomial(k + d - 2, k)
        half = mpf(k * (k + d - 1)) / 2
        weight = count * mp.exp(-half * t)
        terms.append((fixed(weight), fixed(-half * weight)))
        if k * k * t > 1 and weight < mpf(10) ** (-mp.dps):
            return terms
        k += 1


def series(d: int, terms: list[tuple[int, int]], y: mpf) -> list[tuple[mpf, mpf]]:
    """Density relative to uniform at cos r = y and its derivative in t: on S^d, and on RP^d (even k only)."""
    bits, cosine = mp.prec, fixed(y)
    before, now = 1 << bits, cosine
    values, slopes = [1 << bits, 0], [0, 0]
    for k, (weight, derivative) in enumerate(terms, 1):
        values[k % 2] += weight * now >> bits
        slopes[k % 2] += derivative * now >> bits
        before, now = now, ((2 * k + d - 1) * (cosine * now >> bits) - k * before) // (k + d - 1)
    sphere = real(values[0] + values[1]), real(slopes[0] + slopes[1])
    return [sphere, (real(values[0]), real(slopes[0]))]


def points(d: int, t: mpf) -> tuple[list[mpf], mpf, bool]:
    """Positions l, their spacing (well below the radial distribution's width), and whether they reach the far
    half-sphere.

    All but 1e-31 of the mass lies between the ends.
    """
    low = mp.log(min(d * t, mpf(1))) / 2 - mpf(72) / d - 2
    reach = mp.sqrt(t) * (mp.sqrt(d) + 13)
    high = mp.log(mp.tan(reach / 2)) if reach < 2 else mpf(72) / d + 2
    step = mpf("0.11") / mp.sqrt(d)
    return [low + step * index for index in range(int((high - low) / step) + 2)], step, reach >= 2


def divergences(d: int, t: mpf) -> list[tuple[mpf, mpf]]:
    """KL to the uniform distribution and its derivative in t: on S^d, then on RP^d."""
    terms, (positions, step, everywhere) = eigenspaces(d, t), points(d, t)
    area = mp.gamma(mpf(d + 1) / 2) / (mp.sqrt(mp.pi) * mp.gamma(mpf(d) / 2))
    both = [1, 1 if everywhere else 2]  # the even density has as much mass around the antipode
    total, slope = [mpf(0), mpf(0)], [mpf(0), mpf(0)]
    for position in positions:
        weight = step * area / mp.cosh(position) ** d
        for index, (value, derivative) in enumerate(series(d, terms, -mp.tanh(position))):
            total[index] += both[index] * weight * value * mp.log(value)
            slope[index] += both[index] * weight * derivative * mp.log(value)
    return list(zip(total, slope, strict=True))


def rows_of_divergences() -> list[dict[str, str | int]]:
    """KL on S^d and RP^d and their slopes for every dimension, at times at which KL is above 1e-25."""
    rows: list[dict[str, str | int]] = []
    for d in DIMENSIONS:
        for time in TIMES:
            if d * mpf(time) > 25:
                continue
            mp.dps = 60 + int((mp.sqrt(d) + 13) ** 2 / 2 / mp.log(10))
            row: dict[str, str | int] = {"d": d, "t": time}
            for name, (value, slope) in zip(("sphere", "projective"), divergences(d, mpf(time)), strict=True):
                row |= {f"{name}_kl": mp.nstr(value, 30), f"{name}_slope": mp.nstr(slope, 30)}
            rows.append(row)
    return rows


def rows_of_densities() -> list[dict[str, str | int]]:
    """log density relative to uniform on S^d, also far beyond where samples fall."""
    rows: list[dict[str, str | int]] = []
    for d in DIMENSIONS:
        for time in DENSITY_TIMES:
            mp.dps = 60 + d + int(5 / mpf(time) / mp.log(10))
            terms = eigenspaces(d, mpf(time))
            for angle in ANGLES:
                value = mp.log(series(d, terms, mp.cos(mpf(angle)))[0][0])
                rows.append({"d": d, "t": time, "r": angle, "log_relative": mp.nstr(value, 30)})
    return rows


def main() -> None:
    """Writes the file."""
    OUTPUT.write_text(json.dumps({"densities": rows_of_densities(), "divergences": rows_of_divergences()}, indent=1))


if __name__ == "__main__":
    main()
