"""Updates recorded once as a CUDA graph and replayed: one launch per update instead of hundreds."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from submission.objectives import Coefficients, Terms
from submission.training.randomness import Stream, default_generator
from submission.training.step import Step

WARM_UP = 3
"""Updates made one by one before one is recorded: libraries choose their kernels, Adam makes its state."""

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Update(Protocol[Result_co]):
    """A single step or a group's."""

    def __call__(self, *inputs: Any, **named: Any) -> Result_co:
        """Update in place, given images and one or more coefficients; a replay fills the tensors that come back."""

    def discard(self) -> None:
        """Forget gradients that an update which failed has left."""


class Recorder(Protocol):
    """How an update is recorded."""

    def aside(self, function: Callable[[], Result]) -> Result:
        """Run ``function`` now, where it could be recorded."""

    def record(self, function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        """What replays ``function``, and its result, whose tensors each replay fills; it is not run now.

        Raises:
            RuntimeError: it does something that cannot be recorded; nothing has changed.
        """


class GraphRecorder:
    """CUDA graphs; each replay advances the random numbers of the device and of ``streams`` as without graphs.

    Args:
        device: a GPU.
        streams: those that the update draws from, besides the device's own generator.
    """

    def __init__(self, device: torch.device, streams: Sequence[Stream] = ()) -> None:
        self.streams, self.generator = tuple(streams), default_generator(device)
        self.side = torch.cuda.Stream(device)

    def aside(self, function: Callable[[], Result]) -> Result:
        """Run on the stream that will record, as autograd's accumulation nodes stay on the stream they first ran on."""
        current = torch.cuda.current_stream(self.side.device)
        self.side.wait_stream(current)
        with torch.cuda.stream(self.side):
            result = function()
        current.wait_stream(self.side)
        return result

    def record(self, function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        """Capture a graph."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.side.device)
        with torch.cuda.device(self.side.device):
            for stream in self.streams:
                graph.register_generator_state(stream.state)
        restore = self._states()
        try:
            with uncollected(), torch.cuda.stream(current), torch.cuda.graph(graph, stream=self.side):
                result = function()  # where this fails, torch.cuda.graph stays on its stream: hence the outer one
        except RuntimeError:
            restore()
            raise
        return graph.replay, result

    def _states(self) -> Callable[[], None]:
        """A way back to copies of the generators' states; from those that a failed capture held none can draw."""
        outside, own = self.generator.clone_state(), [stream.state.clone_state() for stream in self.streams]

        def restore() -> None:
            self.generator.graphsafe_set_state(outside)
            for stream, state in zip(self.streams, own, strict=True):
                stream.state = state

        return restore


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection: one that frees another graph would break the capture."""
    gc.collect()
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Captured(Generic[Result]):
    """An update that is recorded after a few calls and replayed from then on; where that fails, it goes on as before.

    Images and coefficients are copied into memory that the graph reads, so nothing waits for the device.

    Args:
        update: what is recorded.
        recorder: how.
        tell: told once where it cannot be recorded.
    """

    def __init__(self, update: Update[Result], recorder: Recorder, tell: Callable[[str], None]) -> None:
        self.update, self.recorder, self.tell = update, recorder, tell
        self.calls, self.possible = 0, True
        self.replay: Callable[[], None] | None = None

    def __call__(self, images: Tensor, *coefficients: Mapping[str, float | Tensor]) -> Result:
        """One update."""
        self._take_in(images, coefficients)
        self.calls += 1
        if self.replay is None and self.possible and self.calls > WARM_UP:
            self._record()
        if self.replay is None:
            return self.recorder.aside(self._run)
        self.replay()
        return self.result

    def _run(self) -> Result:
        return self.update(self.images, *self.coefficients)

    def _take_in(self, images: Tensor, coefficients: Sequence[Mapping[str, float | Tensor]]) -> None:
        """Put the inputs where the graph reads them."""
        if self.calls == 0:
            self.images = torch.empty_like(images)
            self.coefficients = [{name: images.new_zeros(()) for name in own} for own in coefficients]
        self.images.copy_(images)
        for ours, given in zip(self.coefficients, coefficients, strict=True):
            for name, value in given.items():
                ours[name].fill_(value)

    def _record(self) -> None:
        try:
            self.replay, self.result = self.recorder.record(self._run)
        except RuntimeError as error:
            self.possible = False
            self.update.discard()
            reason = str(error.__context__ or error).partition("\n")[0]  # what failed, before ending the capture did
            self.tell(f"updates are not recorded as a CUDA graph, which is slower but gives the same: {reason}")


class CapturedStep:
    """A single model's step, recorded.

    Args:
        step: the step that is recorded.
        recorder, tell: as for ``Captured``.
    """

    def __init__(self, step: Step, recorder: Recorder, tell: Callable[[str], None]) -> None:
        self.step, self.recorder, self.tell = step, recorder, tell
        self.update: Captured[Terms] = Captured(step, recorder, tell)

    def __call__(self, images: Tensor, coefficients: Coefficients) -> Terms:
        """One update."""
        return self.update(images, coefficients)

    def discard(self) -> None:
        """Forget gradients."""
        self.step.discard()

    def state(self) -> dict[str, Any]:
        """State dicts, those of the step."""
        return self.step.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Load state dicts; what was recorded reads other memory and is dropped."""
        self.step.restore(state)
        self.update = Captured(self.step, self.recorder, self.tell)


def quick_step(step: Step, device: torch.device, tell: Callable[[str], None]) -> Step:
    """``step``, recorded on a GPU."""
    return CapturedStep(step, GraphRecorder(device), tell) if device.type == "cuda" else step
