"""``Run``: lock, metadata, settings, model, data set, logs and scores of one run folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submission.errors import SubmissionError, UsageError
from submission.files import read_text, user_path
from submission.locks import exclusive
from submission.plugins import require_modules
from submission.run.checks import require_known, require_weights_fit
from submission.run.likelihood import LikelihoodFile
from submission.run.logs import read_log
from submission.run.meta import FIX, RunMeta
from submission.run.paths import RunPaths
from submission.run.scores import ScoreFile, html_table

if TYPE_CHECKING:
    from submission.configuration import Settings
    from submission.data import ImageDataset
    from submission.data.user_data import ImagesLike
    from submission.latent.base import LatentSpace
    from submission.models.vae import VAE

REFERENCE_PREFIX = "dlib:"
"""Data sets of disentanglement_lib, whose readers unpickle."""


@dataclass(frozen=True)
class Run(RunPaths):
    """One run folder. Making a ``Run`` touches no file; ``Run.open`` checks that the folder is one.

    Everything is read when it is asked for, so that a ``Run`` is never out of date. No file or folder of a run may be
    a link to a place outside of it.

    Attributes:
        path: the folder.
        images: the data set that the run was trained on, where it was given from Python; otherwise its name counts.
    """

    images: ImageDataset | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path | str, data: ImagesLike | None = None) -> Run:
        """An existing run folder.

        Args:
            path: the folder.
            data: what the run was trained on, where that was in memory: a data set, arrays, or a torch ``Dataset``.

        Raises:
            SubmissionError: ``path`` is not a run folder (it has no ``meta.json``), or a part of it is a link to a
                place outside of it.
            UsageError: ``data`` has other images, or factors of other sizes, than the run was trained on.
        """
        run = cls(user_path(path))
        if not run.meta_file.is_file():
            seeds = any(run.path.glob("seed_*/meta.json"))
            fix = "pass one of the runs in it, seed_..." if seeds else "pass a folder that training wrote"
            raise SubmissionError(f"{path} is not a run folder (it has no meta.json)", fix)
        run.require_plain()
        return run if data is None else run.on(data)

    def on(self, data: ImagesLike) -> Run:
        """The run with its data set in memory; arguments and errors as for ``open``."""
        from submission.data.user_data import as_dataset

        images, about = as_dataset(data), self.meta.dataset
        ours = (tuple(images.image_shape), tuple(getattr(images, "factor_sizes", ())))
        theirs = (tuple(about.image_shape), tuple(about.factor_sizes))
        if ours != theirs:
            what = "{} was trained on images of shape {} with factors of sizes {}, not of {} with {}"
            raise UsageError(what.format(self.path, *theirs, *ours), "pass the images and factors of its training")
        self.require_trained_on(images, "pass those; to score other images: evaluate(run, data=...)")
        return replace(self, images=images)

    def require_trained_on(self, images: ImageDataset, fix: str) -> None:
        """UsageError, with ``fix``, where ``images`` are not those of the run's training, as far as it knows them."""
        from submission.data.dataset import checksum

        if self.meta.dataset.checksum not in ("", checksum(images)):
            raise UsageError(f"{self.path} was trained on other images than these of {images.name!r}", fix)

    def __repr__(self) -> str:
        """The path, and what was trained, where ``meta.json`` can be read."""
        about = [f"{self.path}", *(f"{key}: {value}" for key, value in self.summary().items())]
        return f"Run({', '.join(about)})"

    def _repr_html_(self) -> str:
        """The facts as a table, for notebooks."""
        return html_table(["", ""], [[key, value] for key, value in self.summary().items()], f"Run {self.path}")

    def summary(self) -> dict[str, str]:
        """Latent space, data set, objective, training and scores as text; empty where the metadata cannot be read."""
        try:
            meta = self.meta
        except SubmissionError:
            return {}
        ended = f" ({meta.training.ended_by})" if meta.training.ended_by else ""
        return {
            "space": meta.space,
            "data": meta.dataset.name,
            "objective": meta.model.objective,
            "seed": str(meta.seed),
            "updates": f"{meta.training.steps:,}{ended}",
            "scores": ", ".join(file.stem for file in self.score_paths()) or "none",
        }

    @property
    def meta(self) -> RunMeta:
        """The contents of ``meta.json``; SubmissionError where it is missing or damaged."""
        return RunMeta.read(self.meta_file)

    def write_meta(self, meta: RunMeta) -> None:
        """Replace ``meta.json`` atomically."""
        meta.write(self.meta_file)

    @property
    def config_text(self) -> str:
        """Contents of ``config.gin``; empty where there is none, as in a folder made by hand."""
        return read_text(self.config_file) if self.config_file.exists() else ""

    @property
    def settings(self) -> Settings:
        """The settings of ``config.gin``; SubmissionError where there is none or it cannot be read."""
        from submission.configuration import load

        self.require_imports()
        return load([str(self.config_file)])

    @property
    def method(self) -> str:
        """What runs of different seeds share: objective, space, networks, and a hash of every setting but the seed."""
        from submission.configuration import SEED, bindings_of

        settings = sorted(f"{key} = {value}" for key, value in bindings_of(self.config_text).items() if key != SEED)
        digest = hashlib.sha256("\n".join(settings).encode()).hexdigest()[:6]
        meta = self.meta
        return f"{meta.model.objective or 'model'} {meta.space or '?'} {meta.model.networks} #{digest}"

    def dataset(self, root: Path | str | None = None, **more: object) -> ImageDataset:
        """The run's data set, with its own options and ``more``; without ``more`` the one in memory, if there is one.

        Args:
            root: folder of the data files.
            more: further options of the data set, e.g. ``split="test"``.

        Raises:
            SubmissionError: ``meta.json`` names no data set, or one that only its user may choose (``dlib:``, whose
                readers run code from files), or its files cannot be read.
        """
        from submission.data import load_with_options
        from submission.progress import QUIET

        if self.images is not None and not more:
            return self.images
        self.require_imports()
        about = self.meta.dataset
        if not about.name:
            raise UsageError(f"{self.meta_file} does not name a data set", "pass --data NAME")
        if about.name.startswith(REFERENCE_PREFIX):
            what = f"{self.meta_file} names the data set {about.name!r}, whose reader may run code from files"
            raise SubmissionError(what, f"pass --data {about.name} --allow-unpickling if you trust them")
        require_known(self.path, about.name)
        return load_with_options(about.name, root, QUIET, {**about.options, **more})

    def model(self) -> VAE:
        """The VAE that the run exported, on the CPU in evaluation mode.

        Its weights are the best on held-out images where there are any, else the averaged or the last ones.

        Raises:
            SubmissionError: it cannot be read.
        """
        from submission import checkpoint

        weights = checkpoint.exported_weights(self.checkpoint_file, self.best_file)
        model = self.untrained_model()
        try:
            model.load_state_dict(weights)
        except (TypeError, ValueError, RuntimeError) as error:
            raise self.unloadable(error) from error
        return model.eval()

    def untrained_model(self) -> VAE:
        """A VAE like the run's, with random weights; SubmissionError where ``meta.json`` lacks what it takes."""
        from submission.models.vae import build

        self.require_imports()
        meta = self.meta
        needed = {
            "space": meta.space,
            "model.networks": meta.model.networks,
            "dataset.image_shape": meta.dataset.image_shape,
        }
        for key, value in needed.items():
            if not value:
                raise SubmissionError(f"{self.meta_file} lacks {key!r}", FIX)
        try:
            height, width, channels = meta.dataset.image_shape
            shape = (height, width, channels)
            space = self.space()
            require_weights_fit(meta.model.networks, space, shape, self.meta_file)
            return build(meta.model.networks, space, shape, meta.model.likelihood, meta.model.variance)
        except (TypeError, ValueError, RuntimeError) as error:
            raise self.unloadable(error) from error

    def space(self) -> LatentSpace:
        """The run's latent space; SubmissionError where ``meta.json`` names none."""
        from submission.latent import parse

        try:
            return parse(self.meta.space)
        except SubmissionError as error:
            raise SubmissionError(f"{self.meta_file}: {error.what}", FIX) from error

    def require_imports(self) -> None:
        """UsageError where the run needs modules of its user that this process has not imported."""
        if self.meta_file.is_file():
            require_modules(self.meta.imports, str(self.path))

    def unloadable(self, error: Exception) -> SubmissionError:
        """The error for a model that does not fit its metadata."""
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        return SubmissionError(f"{self.path} has no model that can be loaded: {reason}", "train it again")

    def log(self) -> list[dict[str, Any]]:
        """Loss terms, averaged between two rows, by ``step``."""
        return read_log(self.log_file)

    def components(self) -> list[dict[str, Any]]:
        """KL and posterior statistics, a list with a number per latent component, by ``step``."""
        return read_log(self.components_file)

    def validation(self) -> list[dict[str, Any]]:
        """Held-out ELBO in nats, the best so far and its update, by ``step``."""
        return read_log(self.validation_file)

    def score_paths(self) -> list[Path]:
        """Score files, oldest first."""
        return sorted(self.scores_folder.glob("*.json"), key=lambda file: (file.stat().st_mtime, file.name))

    def scores(self) -> list[ScoreFile]:
        """The evaluations of this run, oldest first; SubmissionError where one cannot be read."""
        return [ScoreFile.read(file) for file in self.score_paths()]

    def likelihood(self) -> LikelihoodFile | None:
        """The held-out likelihood; SubmissionError where its file is damaged.

        None where it was not estimated, or only of an earlier model: the run was trained further since.
        """
        if not self.likelihood_file.is_file():
            return None
        found = LikelihoodFile.read(self.likelihood_file)
        return None if found.is_stale(self.meta.training.steps) else found

    # Safety

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder, created if need be, until the block ends or the process dies, however it dies.

        Raises:
            SubmissionError: another process trains here, the folder cannot be written, or a part of it is a link.
        """
        self.require_plain()
        busy, fix = f"{self.path} is being trained by", "wait for it, or choose another --out"
        with exclusive(self.lock_file, busy, fix):
            yield

    def require_plain(self) -> None:
        """SubmissionError where something in the run is a link to a place outside of it, or no file and no folder."""
        inside = os.path.realpath(self.path)
        for entry in entries_below(inside):
            if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
                continue
            shown, target = self.path / Path(entry.path).relative_to(inside), os.path.realpath(entry.path)
            if not entry.is_symlink():
                raise SubmissionError(f"{shown} is a pipe, a device or a socket, not a file", "delete it")
            if os.path.commonpath([inside, target]) != inside:
                what = f"{shown} is a link to {target}, outside of the run folder"
                raise SubmissionError(what, "replace it with a copy of its target, or delete it")


def entries_below(folder: str) -> Iterator[os.DirEntry[str]]:
    """Everything in ``folder`` at any depth, without following links; what cannot be listed is left out."""
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as listed:
            entries = list(listed)
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            yield from entries
