"""Draw how each metric arrives at its number, on the same small codes.

    python scripts/metric_pictures.py [NAME ...] [--out FOLDER]

Each picture of docs/metrics.md shows what the metric computes from four representations of three factors, each titled
with the value that the package's own function gives. Without names all pictures are drawn, in about a minute.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metric_drawings import cycles, information, leading, uses

from submission.metrics.registry import REGISTRY
from submission.plots.style import save, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """How a picture is drawn, and which metrics of the registry it explains."""

    draw: Callable[[], Figure]
    metrics: tuple[str, ...]


PICTURES = {
    "mig": Picture(leading.mig, ("mig",)),
    "factor_vae": Picture(leading.factor_vae, ("factor_vae",)),
    "dci": Picture(leading.dci, ("dci", "dci_fast")),
    "sap": Picture(leading.sap, ("sap",)),
    "irs": Picture(leading.irs, ("irs",)),
    "beta_vae": Picture(leading.beta_vae, ("beta_vae",)),
    "modularity": Picture(information.modularity, ("modularity",)),
    "unsupervised": Picture(information.unsupervised, ("unsupervised",)),
    "infomec": Picture(information.infomec, ("infomec",)),
    "dci_es": Picture(information.dci_es, ("dci_es",)),
    "information_gaps": Picture(information.information_gaps, ("mig_sup", "jemmig", "dcimig", "med")),
    "periodic": Picture(cycles.periodic, ("periodic",)),
    "mig_chen": Picture(information.mig_chen, ("mig_chen",)),
    "d_lsbd": Picture(cycles.d_lsbd, ("d_lsbd",)),
    "downstream": Picture(uses.downstream, tuple(name for name in REGISTRY if name.startswith("downstream"))),
    "fairness": Picture(uses.fairness, ("fairness",)),
    "udr": Picture(uses.udr, ()),
}
"""Name of the file → its picture. ``udr`` compares models and is not in the registry."""


def make(name: str, folder: Path, ending: str = "svg") -> Path:
    """Draw one picture into ``folder`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return save(styled(PICTURES[name].draw)(), folder / f"{name}.{ending}", text=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; {', '.join(PICTURES)}")
    parser.add_argument("--out", type=Path, default=Path("docs/results/metrics"), metavar="FOLDER")
    parser.add_argument("--format", choices=("svg", "png"), default="svg")
    options = parser.parse_args(arguments)
    for name in options.names or PICTURES:
        if name not in PICTURES:
            parser.error(f"no picture is named {name!r}: choose from {', '.join(PICTURES)}")
        make(name, options.out, options.format)
    return 0


if __name__ == "__main__":
    sys.exit(main())
