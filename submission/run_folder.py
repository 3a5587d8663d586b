"""The run folder: the interface between training and everything after it (docs/run-folder.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submission.errors import SubmissionError
from submission.files import read_json, read_text, write_json

KINDS = {"dataset": dict, "model": dict, "representation": dict, "training": dict, "versions": dict, "seed": int}
"""What these entries of ``meta.json`` are, where they are there."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run's folder; nothing is created until it is written."""

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """An existing run folder; SubmissionError when ``path`` is not one (no ``meta.json``)."""
        folder = cls(Path(path))
        if not folder.meta_file.is_file():
            seeds = any(folder.path.glob("seed_*/meta.json"))
            fix = "pass one of the runs in it, seed_..." if seeds else "pass a folder that train.py --out wrote"
            raise SubmissionError(f"{path} is not a run folder (it has no meta.json)", fix)
        return folder

    @property
    def config(self) -> Path:
        """Operative gin configuration."""
        return self.path / "config.gin"

    @property
    def meta_file(self) -> Path:
        """Versions, seed, data set, latent space and code layout."""
        return self.path / "meta.json"

    @property
    def log(self) -> Path:
        """One JSON object per logged step."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Last good training state."""
        return self.path / "checkpoint.pt"

    @property
    def best(self) -> Path:
        """The weights with the best held-out ELBO, where images are held out."""
        return self.path / "best.pt"

    @property
    def validation(self) -> Path:
        """Held-out ELBO, one JSON object per epoch, where images are held out."""
        return self.path / "validation.jsonl"

    @property
    def components(self) -> Path:
        """KL and posterior statistics of each latent component, one JSON object per logged step."""
        return self.path / "components.jsonl"

    @property
    def events(self) -> Path:
        """TensorBoard event files, where they were asked for."""
        return self.path / "events"

    @property
    def representation(self) -> Path:
        """The folder that a grader reads."""
        return self.path / "representation"

    @property
    def exported(self) -> Path:
        """The TorchScript representation."""
        return self.representation / "pytorch_model.pt"

    @property
    def untrained(self) -> Path:
        """The same encoder before training, exported for comparison."""
        return self.path / "baseline" / "untrained.pt"

    @property
    def scores(self) -> Path:
        """Folder of score files, one JSON per evaluation."""
        return self.path / "scores"

    @property
    def likelihood(self) -> Path:
        """The held-out log-likelihood, where it was estimated."""
        return self.path / "likelihood.json"

    @property
    def failure(self) -> Path:
        """What led to a loss that was not finite."""
        return self.path / "failure.json"

    @property
    def bundle(self) -> Path:
        """Other export formats, and what is known of them."""
        return self.path / "export"

    @property
    def report(self) -> Path:
        """The self-contained report page."""
        return self.path / "report.html"

    def config_text(self) -> str:
        """Contents of ``config.gin``; empty where there is none, as in a folder made by hand."""
        return read_text(self.config) if self.config.exists() else ""

    def meta(self) -> dict[str, Any]:
        """Contents of ``meta.json``."""
        meta = read_json(self.meta_file)
        if not isinstance(meta, dict):
            raise SubmissionError(f"{self.meta_file} is not a JSON object", "restore it or train again")
        for key, kind in KINDS.items():
            if not isinstance(meta.get(key, kind()), kind):
                raise SubmissionError(f"{key} in {self.meta_file} is {meta[key]!r:.50}", "restore it or train again")
        return meta

    def write_meta(self, meta: dict[str, Any]) -> None:
        """Replace ``meta.json`` atomically."""
        write_json(self.meta_file, meta)
