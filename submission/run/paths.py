"""Names of the files and folders in a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """Paths in one run folder; nothing is read or written.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        """Operative gin configuration."""
        return self.path / "config.gin"

    @property
    def meta_file(self) -> Path:
        """Versions, seed, data set, latent space and code layout."""
        return self.path / "meta.json"

    @property
    def log_file(self) -> Path:
        """One JSON object per logged step."""
        return self.path / "metrics.jsonl"

    @property
    def components_file(self) -> Path:
        """KL and posterior statistics of each latent component, one JSON object per logged step."""
        return self.path / "components.jsonl"

    @property
    def validation_file(self) -> Path:
        """Held-out ELBO, one JSON object per epoch, where images are held out."""
        return self.path / "validation.jsonl"

    @property
    def checkpoint_file(self) -> Path:
        """Last good training state."""
        return self.path / "checkpoint.pt"

    @property
    def best_file(self) -> Path:
        """The weights with the best held-out ELBO, in runs of version 0.3; later ones keep them in the checkpoint."""
        return self.path / "best.pt"

    @property
    def events_folder(self) -> Path:
        """TensorBoard event files, where they were asked for."""
        return self.path / "events"

    @property
    def representation_folder(self) -> Path:
        """The folder that a grader reads."""
        return self.path / "representation"

    @property
    def exported_file(self) -> Path:
        """The TorchScript representation."""
        return self.representation_folder / "pytorch_model.pt"

    @property
    def untrained_file(self) -> Path:
        """The same encoder before training, exported for comparison."""
        return self.path / "baseline" / "untrained.pt"

    @property
    def scores_folder(self) -> Path:
        """Score files, one JSON per evaluation."""
        return self.path / "scores"

    @property
    def likelihood_file(self) -> Path:
        """The held-out log-likelihood, where it was estimated."""
        return self.path / "likelihood.json"

    @property
    def failure_file(self) -> Path:
        """What led to a loss that was not finite."""
        return self.path / "failure.json"

    @property
    def export_folder(self) -> Path:
        """Other export formats, and what is known of them."""
        return self.path / "export"

    @property
    def report_file(self) -> Path:
        """The self-contained report page."""
        return self.path / "report.html"

    @property
    def lock_file(self) -> Path:
        """Number of the process that trains here, or trained last."""
        return self.path / ".lock"
