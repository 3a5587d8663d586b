"""Logs of a training run: means of its terms, the state of each component, TensorBoard events, the progress bar."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from submission.errors import SubmissionError, UsageError
from submission.files import unwritable, write_text
from submission.objectives import Terms
from submission.progress import Task
from submission.run import Run

REDRAW = 0.2
"""Seconds between two moves of the progress bar."""
SHOWN = {"loss": "loss", "reconstruction": "rec", "kl": "KL"}
"""Terms that fit behind the bar of a narrow terminal."""


class NotFiniteError(SubmissionError):
    """A run reached a number that is infinite or NaN; another seed's run need not."""


@dataclass
class Window:
    """Terms of the updates since the last line of the log, one row each, left on the device."""

    first: int = 0
    names: list[str] = field(default_factory=list)
    rows: list[Tensor] = field(default_factory=list)

    def add(self, step: int, terms: Terms) -> None:
        """Keep the scalars of update ``step``."""
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


class JsonLines:
    """A file of one JSON object per line, cut back to ``step`` updates when a run is resumed.

    Lines that are damaged (cut short, not JSON, not UTF-8) go when it is cut back.

    Raises:
        SubmissionError: the file cannot be read or written.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise unwritable(path, error) from error
        lines = content.decode(errors="replace").split("\n")
        write_text(path, "".join(line + "\n" for line in lines if _step(line) <= step))

    def write(self, record: Mapping[str, object]) -> None:
        """Append one line; it is on its way to the disk when this returns."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, allow_nan=False) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error


def _step(line: str) -> float:
    """The step of a line; infinite for a line that is damaged."""
    try:
        record = json.loads(line)
        return float(record["step"]) if math.isfinite(record["step"]) else math.inf
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return math.inf


class TensorBoard:
    """Scalars over updates in event files that ``tensorboard --logdir`` shows.

    A resumed run starts a new file, which removes what earlier ones hold beyond ``step``.

    Args:
        folder: made where it does not exist.
        step: updates done.

    Raises:
        UsageError: TensorBoard is not installed.
        SubmissionError: the folder cannot be written.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            fix = "pip install 'disentanglement-submission[tensorboard]', or set train.tensorboard = False"
            raise UsageError("train.tensorboard needs TensorBoard, which is not installed", fix) from None
        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)
        except OSError as error:
            raise unwritable(folder, error) from error

    def write(self, step: int, values: Mapping[str, object]) -> None:
        """Append the finite numbers among ``values`` at ``step``."""
        try:
            for name, value in values.items():
                if isinstance(value, int | float) and math.isfinite(value):
                    self._writer.add_scalar(name, value, step)
            self._writer.flush()
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def close(self) -> None:
        """Write what is left and end the writer's thread."""
        try:
            self._writer.close()
        except OSError as error:
            raise unwritable(self.folder, error) from error


@dataclass
class Meter:
    """A progress bar that is moved a few times a second, however short the updates are."""

    bar: Task
    shown: int
    note: str = ""
    drawn: float = 0.0

    def show(self, done: int, at_once: bool = False) -> None:
        """Show that ``done`` updates are done, if it is time to."""
        now = time.monotonic()
        if at_once or now - self.drawn > REDRAW:
            self.bar.advance(done - self.shown, self.note)
            self.shown, self.drawn = done, now


class RunLogs:
    """The logs in a run folder.

    Args:
        folder: the run.
        step: updates done; what the logs hold beyond it is removed.
        tensorboard: whether to write event files, too.
    """

    def __init__(self, folder: Run, step: int, tensorboard: bool) -> None:
        self.metrics, self.components = JsonLines(folder.log_file, step), JsonLines(folder.components_file, step)
        self.events = TensorBoard(folder.events_folder, step) if tensorboard else None
        self.window = Window()

    def write(self, record: Mapping[str, Any], terms: Terms) -> None:
        """Append ``record``, which has its ``step``, and the state of each component by the last update's ``terms``."""
        self.metrics.write(record)
        self.components.write({"step": record["step"], **component_state(terms)})
        if self.events is not None:
            self.events.write(record["step"], record)

    def close(self) -> None:
        """Close the event file."""
        if self.events is not None:
            self.events.close()


@torch.no_grad()
def component_state(terms: Terms) -> dict[str, list[float]]:
    """KL of each component in nats and the posterior's statistics (time, concentration, scale, exponents).

    A component has collapsed when its KL stays near zero. Numbers that are not finite become finite, as JSON needs.
    """
    columns = {"kl": terms.component_kl, **terms.posterior.statistics()}
    return {name: column.float().nan_to_num().tolist() for name, column in columns.items()}


def shown(terms: Mapping[str, float], rate: float) -> str:
    """The text behind the progress bar."""
    parts = [f"{short} {terms[name]:.1f}" for name, short in SHOWN.items() if name in terms]
    return " ".join([*parts, f"{rate:,.0f} images/s"])


def not_finite(path: Path, step: int, indices: Tensor, terms: Mapping[str, float]) -> NotFiniteError:
    """Save what led to a term that is not finite in ``path``; the error that names it."""
    record = {"step": step, "indices": indices.tolist(), "terms": {k: str(v) for k, v in terms.items()}}
    write_text(path, json.dumps(record) + "\n")
    broken = ", ".join(f"{name} = {value}" for name, value in terms.items() if not math.isfinite(value))
    return NotFiniteError(
        f"update {step} gave {broken}; its image indices and terms are in {path}, the checkpoint before it is kept",
        "train into another --out with a lower train.learning_rate, or with train.precision = 'float32'",
    )
