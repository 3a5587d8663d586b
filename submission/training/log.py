"""The JSON-lines log: terms gathered on the device and read once per window."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from submission.errors import SubmissionError
from submission.files import unwritable, write_text
from submission.objectives import Terms


@dataclass
class Window:
    """Terms of the updates since the last look, one row each, left on the device."""

    first: int = 0
    names: list[str] = field(default_factory=list)
    rows: list[Tensor] = field(default_factory=list)

    def add(self, step: int, terms: Terms) -> None:
        """Remember the scalars of update ``step``."""
        if not self.rows:
            self.first, self.names = step, list(terms.scalars)
        self.rows.append(torch.stack([value.float() for value in terms.scalars.values()]))

    def close(self) -> tuple[dict[str, float], int | None]:
        """Mean of each term over the window, and the first update with a term that is not finite, if any.

        This is the only place that waits for the device. The window is empty afterwards, unless a term was not finite.
        """
        if not self.rows:
            return {}, None
        table = torch.stack(self.rows)
        finite = table.isfinite().all(1)
        bad = None if bool(finite.all()) else self.first + int(finite.logical_not().nonzero()[0, 0])
        means = dict(zip(self.names, table.mean(0).tolist(), strict=True))
        if bad is None:
            self.rows.clear()
        return means, bad

    def terms(self, step: int) -> dict[str, float]:
        """The terms of one update in the window."""
        return dict(zip(self.names, self.rows[step - self.first].tolist(), strict=True))


class Log:
    """``metrics.jsonl``, cut back to ``step`` updates when a run is resumed.

    Raises:
        SubmissionError: the file cannot be written.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(path, "".join(line for line in lines if _step(line) <= step))

    def write(self, record: Mapping[str, object]) -> None:
        """Append one line; it is on its way to the disk when this returns."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, allow_nan=False) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error


def _step(line: str) -> float:
    """The step of a line; infinite for a line that a crash cut short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


class NotFiniteError(SubmissionError):
    """A run came to a number that is infinite or NaN; another seed's run need not."""


def not_finite(path: Path, step: int, indices: Tensor, terms: dict[str, float]) -> NotFiniteError:
    """Save what led to a term that is not finite in ``path``, and say so."""
    record = {"step": step, "indices": indices.tolist(), "terms": {k: str(v) for k, v in terms.items()}}
    write_text(path, json.dumps(record) + "\n")
    broken = ", ".join(f"{name} = {value}" for name, value in terms.items() if not math.isfinite(value))
    return NotFiniteError(
        f"update {step} gave {broken}; its image indices and terms are in {path}, the checkpoint before it is kept",
        "train into another --out with a lower train.learning_rate, or with train.precision = 'float32'",
    )
