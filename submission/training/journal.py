"""Everything a run writes down as it goes: means of the terms, every component's state, TensorBoard events."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from submission.objectives import Terms
from submission.run import Run
from submission.training.log import Log
from submission.training.tensorboard import EventFile


class Journal:
    """The logs in a run folder, cut back to ``step`` updates when a run is resumed.

    Args:
        folder: the run.
        step: updates done.
        tensorboard: whether to write event files, too.
    """

    def __init__(self, folder: Run, step: int, tensorboard: bool) -> None:
        self.metrics, self.components = Log(folder.log_file, step), Log(folder.components_file, step)
        self.events = EventFile(folder.events_folder) if tensorboard else None

    def write(self, record: Mapping[str, object], terms: Terms) -> None:
        """Append ``record``, which has its ``step``, and what the last update's ``terms`` say about each component."""
        self.metrics.write(dict(record))
        self.components.write({"step": record["step"], **component_state(terms)})
        if self.events is not None:
            self.events.write(int(str(record["step"])), record)


@torch.no_grad()
def component_state(terms: Terms) -> dict[str, list[float]]:
    """KL of each component in nats and the posterior's statistics (time, concentration, scale, exponents).

    A component has collapsed when its KL stays near zero. Numbers that are not finite become finite, as JSON needs.
    """
    columns = {"kl": terms.component_kl, **terms.posterior.statistics()}
    return {name: column.float().nan_to_num().tolist() for name, column in columns.items()}
