"""What is said of runs that are trained."""

from __future__ import annotations

from submission.run_folder import RunFolder


class Finished:
    """Says what was trained; standard output that fails does not stop what is still to be trained."""

    def __init__(self) -> None:
        self._failure: OSError | None = None

    def add(self, folder: RunFolder) -> None:
        """Say what was trained into ``folder``."""
        try:
            report(folder)
        except OSError as error:
            self._failure = self._failure or error

    def close(self) -> None:
        """Raise what kept the runs from being reported."""
        if self._failure is not None:
            raise self._failure


def report(folder: RunFolder) -> None:
    """Say what was trained and what to do with it."""
    from submission.cli.console import say

    done = folder.meta()["training"]
    say(f"trained {done['steps']:,} updates ({done['images']:,} images) in {done['seconds']:,.0f} s: {folder.path}")
    say(f"exported {folder.exported}; score it with: python evaluate.py {folder.path}")
