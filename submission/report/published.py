"""Published scores that can be compared with ours, with their source; values as printed there.

Left out are columns that another estimator made (SAP, and MIG of β-TCVAE in the first table), and methods whose codes
are vectors, which need another MIG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Scores of one method.

    Attributes:
        method: as the source calls it.
        scores: metric → headline score.
    """

    method: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Source:
    """A table of scores.

    Attributes:
        datasets: our names of the data set that it is about.
        citation: where it was printed.
        caution: what limits the comparison.
        rows: methods.
    """

    datasets: tuple[str, ...]
    citation: str
    caution: str
    rows: Sequence[Published]


def row(method: str, factor_vae: float, dci: float, **more: float) -> Published:
    """One line of a table."""
    return Published(method, {"factor_vae": factor_vae, "dci": dci, **more})


DSPRITES = Source(
    ("dsprites_full",),
    "Lin et al. (2020), InfoGAN-CR, Tables 1 and 3 in results/ of the authors' repository",
    "Mostly made with their authors' own code of the metrics; hyperparameters, seeds and networks differ.",
    (
        row("VAE", 0.63, 0.30, mig=0.10),
        row("β-VAE", 0.63, 0.41, mig=0.21),
        row("β-TCVAE", 0.62, 0.29),
        row("FactorVAE, γ = 1", 0.79, 0.67, mig=0.27, modularity=0.79, beta_vae=0.79),
        row("FactorVAE, γ = 10", 0.83, 0.70, mig=0.40, modularity=0.79, beta_vae=0.83),
        row("FactorVAE, γ = 40", 0.82, 0.74, mig=0.43, modularity=0.77, beta_vae=0.84),
        row("InfoGAN-CR (50 runs)", 0.88, 0.71, mig=0.37, modularity=0.96, beta_vae=0.95),
    ),
)
FDAE = "Wu and Zheng (2024), Factorized Diffusion Autoencoder, Table 2"
SHAPES3D = Source(
    ("shapes3d",), FDAE, "Hyperparameters, seeds and networks differ.",
    (
        row("FactorVAE", 0.840, 0.611, mig=0.434),
        row("β-TCVAE", 0.873, 0.613, mig=0.406),
        row("DAVA", 0.82, 0.78, mig=0.62),
    ),
)  # fmt: skip
MPI3D = Source(
    ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real"), FDAE,
    "The source does not say which variant of MPI3D every row is about; hyperparameters, seeds and networks differ.",
    (
        row("FactorVAE", 0.152, 0.240, mig=0.099),
        row("β-TCVAE", 0.179, 0.237, mig=0.114),
        row("DAVA", 0.48, 0.27, mig=0.11),
    ),
)  # fmt: skip
CARS3D = Source(
    ("cars3d",), FDAE, "Hyperparameters, seeds and networks differ.",
    (
        row("FactorVAE", 0.906, 0.161, mig=0.142),
        row("β-TCVAE", 0.855, 0.140, mig=0.080),
        row("DAVA", 0.94, 0.23, mig=0.15),
    ),
)  # fmt: skip
SOURCES = (DSPRITES, SHAPES3D, MPI3D, CARS3D)


def published_for(dataset: str, preset: str) -> Source | None:
    """The table that scores of ``preset`` on ``dataset`` can be compared with; None where there is none."""
    return next((source for source in SOURCES if dataset in source.datasets), None) if preset == "challenge" else None
