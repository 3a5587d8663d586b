"""What is said of runs that are trained."""

from __future__ import annotations

import shlex
from pathlib import Path

from submission.errors import SubmissionError
from submission.run import Run

NOTABLE = 0.01
"""From when on it is said that a time budget hurried the schedules, as a part of the run."""

NAMED = 6
"""Components that are named, if they have collapsed."""


class Finished:
    """Says what became of a row of runs; one that failed, or could not be reported, does not stop the others.

    Args:
        data_root: where ``--data-root`` said that the data is.
    """

    def __init__(self, data_root: Path | None) -> None:
        self._data_root = data_root
        self._failure: OSError | None = None
        self._failed: list[int] = []

    def add(self, folder: Run) -> None:
        """Say what was trained into ``folder``."""
        try:
            report(folder, self._data_root)
        except OSError as error:
            self._failure = self._failure or error

    def fail(self, seed: int, error: SubmissionError) -> None:
        """Say why the run of ``seed`` failed."""
        from submission.cli.console import warn

        warn(f"error: seed {seed}: {error}")
        self._failed.append(seed)

    def close(self) -> None:
        """Raise what kept runs from being finished or reported."""
        if self._failure is not None:
            raise self._failure
        if self._failed:
            named = ", ".join(map(str, self._failed))
            raise SubmissionError(f"these seeds failed: {named}", "their failure.json says more; the others are done")


def report(folder: Run, data_root: Path | None = None) -> None:
    """Say what was trained and what to do with it."""
    from submission.cli.console import say
    from submission.latent import parse
    from submission.latent.families import COLLAPSED
    from submission.report.training import collapsed

    meta = folder.meta
    done, names = meta.training, [component.name for component in parse(meta.space).components]
    root = [] if data_root is None else ["--data-root", str(data_root)]
    score = shlex.join(["python", "evaluate.py", str(folder.path), *root])
    say(f"trained {done.steps:,} updates ({done.images:,} images) in {done.seconds:,.0f} s: {folder.path}")
    if done.ahead > NOTABLE:
        say(
            f"the time budget hurried the schedules by up to {done.ahead:.0%} of the run: with more time, or on a "
            "quicker machine, the weights would be others"
        )
    if flat := collapsed(folder.components(), names):
        say(f"latent components that say next to nothing about an image (KL below {COLLAPSED} nats): {shortened(flat)}")
    say(f"exported {folder.exported_file}; score it with: {score}")


def shortened(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
