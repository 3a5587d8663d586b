"""Updates recorded once as a CUDA graph and replayed: one launch per update instead of hundreds."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from submission.training.randomness import Stream, default_generator

logger = logging.getLogger(__name__)

EAGER_UPDATES = 3
"""Updates made one by one before one is recorded: libraries choose their kernels, Adam makes its state."""

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Update(Protocol[Result_co]):
    """One update, of one model or of several."""

    def __call__(self, images: Tensor, *coefficients: Mapping[str, float | Tensor]) -> Result_co:
        """Update in place; a replay fills the tensors that come back."""

    def discard(self) -> None:
        """Drop gradients that an update which failed has left."""


class Recorder(Protocol):
    """How an update is recorded."""

    def run_on_side_stream(self, function: Callable[[], Result]) -> Result:
        """Run ``function`` now, on the stream that would record it."""

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

    def run_on_side_stream(self, function: Callable[[], Result]) -> Result:
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
    """An update that is recorded after a few calls and replayed from then on; if that fails, it runs as before.

    Images and coefficients are copied into memory that the graph reads, so nothing waits for the device.

    Args:
        update: what is recorded.
        recorder: how.
    """

    def __init__(self, update: Update[Result], recorder: Recorder) -> None:
        self.update, self.recorder = update, recorder
        self.calls, self.possible = 0, True
        self.replay: Callable[[], None] | None = None

    def __call__(self, images: Tensor, *coefficients: Mapping[str, float | Tensor]) -> Result:
        """One update."""
        self._take_in(images, coefficients)
        self.calls += 1
        if self.replay is None and self.possible and self.calls > EAGER_UPDATES:
            self._record()
        if self.replay is None:
            return self.recorder.run_on_side_stream(self._run)
        self.replay()
        return self.result

    def discard(self) -> None:
        """Drop gradients."""
        self.update.discard()

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
            logger.warning("training runs without a CUDA graph, slower but with the same result: %s", reason)


def on_device(update: Update[Result], device: torch.device, streams: Sequence[Stream] = ()) -> Update[Result]:
    """``update``, recorded as a CUDA graph where ``device`` is a GPU; ``streams`` are those that it draws from."""
    return Captured(update, GraphRecorder(device, streams)) if device.type == "cuda" else update
