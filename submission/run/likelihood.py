"""Held-out likelihoods, and ``likelihood.json``, the file that keeps them in a run folder (docs/run-folder.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission import schema
from submission.errors import SubmissionError
from submission.files import write_json
from submission.run.scores import data_frames, digits, html_table

if TYPE_CHECKING:
    import pandas

FORMAT = 1
FIX = "estimate it again: submission likelihood RUN"
QUANTITIES = {
    "log_likelihood": "log-likelihood (nats)",
    "elbo": "ELBO (nats)",
    "kl": "KL (nats)",
    "reconstruction": "−log p(x|z) (nats)",
    "mse": "squared error per pixel",
    "effective_samples": "effective samples",
}
"""Estimates of a likelihood file and their titles in tables and figures."""


@dataclass(frozen=True)
class Estimate:
    """A mean over images and its standard error, which a single image does not have."""

    mean: float
    standard_error: float | None


@dataclass(frozen=True)
class Likelihood:
    """How probable held-out images are under a model, in nats per image.

    Attributes:
        log_likelihood: log mean_l p(x|z_l)·p(z_l)/q(z_l|x), a lower bound of log p(x) in expectation (Burda et al.
            2016; Davidson et al. (2019) and Pérez Rey et al. (2020)).
        elbo: −reconstruction − kl.
        kl: KL(q(z|x) ‖ p(z)) as training computes it.
        reconstruction: −E log p(x|z).
        mse: squared error per pixel value between x and the expected image of z, averaged over the posterior.
        effective_samples: (Σw)²/Σw² of the importance weights; near one, ``log_likelihood`` cannot be trusted.
        images, samples: how many images, and samples per image.
    """

    log_likelihood: Estimate
    elbo: Estimate
    kl: Estimate
    reconstruction: Estimate
    mse: Estimate
    effective_samples: Estimate
    images: int
    samples: int

    def estimates(self) -> dict[str, Estimate]:
        """Quantity → estimate, in the order of the attributes."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Estimate)}


@dataclass(frozen=True)
class LikelihoodData:
    """The images: name of the data set, where it came from, and which of its images were used."""

    name: str = ""
    source: str = ""
    images: str = ""


@dataclass(frozen=True)
class LikelihoodFile:
    """The contents of ``likelihood.json``.

    Attributes:
        likelihood: the estimates.
        data: the images.
        seed: of the samples and of the choice of images.
        device: where the model ran.
        updates: how long the model had been trained; 0 in files of earlier versions.
        created, commit, machine, versions: when, by what and where.
        format: of the file.
        extra: keys that this version does not know.
    """

    likelihood: Likelihood
    data: LikelihoodData = field(default_factory=LikelihoodData)
    seed: int = 0
    device: str = "cpu"
    updates: int = 0
    created: str = ""
    commit: str = "unknown"
    machine: str = "unknown"
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path) -> LikelihoodFile:
        """The file ``path``; SubmissionError where it is something else, damaged, or of a newer version."""
        found = schema.read_record(cls, path, FIX)
        if found.format != FORMAT:
            raise SubmissionError(f"{path} has format {found.format}, this version reads {FORMAT}", FIX)
        return found

    @property
    def title(self) -> str:
        """Which images, how many, and how many samples."""
        return f"{self.data.images}: {self.likelihood.images:,} images, {self.likelihood.samples} samples each"

    def cells(self) -> list[list[str]]:
        """Name, mean and standard error of each quantity, as text."""
        found = self.likelihood.estimates()
        return [[QUANTITIES[name], digits(v.mean), digits(v.standard_error)] for name, v in found.items()]

    def _repr_html_(self) -> str:
        """The quantities as a table, for notebooks."""
        return html_table(["per image", "mean", "standard error"], self.cells(), self.title)

    def to_frame(self) -> pandas.DataFrame:
        """One row per quantity, with its mean and standard error; SubmissionError where pandas is not installed."""
        found = self.likelihood.estimates()
        return data_frames().DataFrame([vars(value) for value in found.values()], index=list(found))

    def is_stale(self, updates: int) -> bool:
        """Whether the run has been trained further, to ``updates``, since; False where the file does not say."""
        return bool(self.updates) and self.updates != updates

    def write(self, path: Path) -> None:
        """Replace ``path`` atomically."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The contents of the file; the standard error of a single image is null."""
        plain: dict[str, Any] = schema.to_json(self)
        return plain
