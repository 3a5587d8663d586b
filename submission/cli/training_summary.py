"""The summary printed after training."""

from __future__ import annotations

from pathlib import Path

from submission.errors import SubmissionError, invocation
from submission.run import Run

NOTABLE = 0.01
"""Lead of the schedules, as a part of the run, from which on the summary mentions it."""

NAMED = 6
"""Most collapsed components that the summary names."""


class Summaries:
    """Summaries of several runs; one that failed, or could not be printed, does not stop the others.

    Args:
        data_root: the value of ``--data-root``.
    """

    def __init__(self, data_root: Path | str | None) -> None:
        self._data_root = data_root
        self._failure: OSError | None = None
        self._failed: list[int] = []

    def add(self, folder: Run) -> None:
        """Print the summary of ``folder``."""
        try:
            summarise(folder, self._data_root)
        except OSError as error:
            self._failure = self._failure or error

    def fail(self, seed: int, error: SubmissionError) -> None:
        """Print why the run of ``seed`` failed."""
        from submission.cli.console import warn

        warn(f"error: seed {seed}: {error}")
        self._failed.append(seed)

    def close(self) -> None:
        """Raise the error that kept runs from being finished or summarised."""
        if self._failure is not None:
            raise self._failure
        if self._failed:
            named = ", ".join(map(str, self._failed))
            raise SubmissionError(f"these seeds failed: {named}", "see their failure.json; the other seeds are done")


def summarise(folder: Run, data_root: Path | str | None = None) -> None:
    """Print what was trained, and the command that scores it."""
    from submission.cli.console import say
    from submission.latent import parse
    from submission.latent.families import COLLAPSED
    from submission.report.findings import collapsed

    meta = folder.meta
    done, names = meta.training, [component.name for component in parse(meta.space).components]
    root = [] if data_root is None else ["--data-root", str(data_root)]
    score = invocation("evaluate", folder.path, *root)
    say(f"trained {done.steps:,} updates ({done.images:,} images) in {done.seconds:,.0f} s: {folder.path}")
    if done.ahead > NOTABLE:
        say(
            f"the time budget moved the schedules ahead by up to {done.ahead:.0%} of the run: the weights depend on "
            "this machine's speed"
        )
    if flat := collapsed(folder.components(), names):
        say(f"collapsed latent components (KL below {COLLAPSED} nats): {shortened(flat)}")
    say(f"exported {folder.exported_file}; score it with: {score}")


def shortened(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
