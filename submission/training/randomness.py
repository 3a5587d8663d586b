"""Seeds, generator states and the order of the data: everything random in a run, saved and restored."""

from __future__ import annotations

import hashlib
import random
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor


def derived(seed: int, *purpose: object) -> int:
    """A 32-bit seed of its own for each ``purpose`` of a run's ``seed``."""
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch (all devices), numpy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def generator_states() -> dict[str, Any]:
    """State of every global generator, of types that ``torch.load(weights_only=True)`` accepts."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (torch.from_numpy(np.asarray(keys).astype(np.int64)), int(position), int(has_gauss), float(gauss)),
        "python": random.getstate(),
    }


def restore_generators(states: dict[str, Any]) -> None:
    """Put every global generator back to ``states``; CUDA states only where the same number of devices is there."""
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    keys, *rest = states["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), *rest))
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))


class RandomState(Protocol):
    """The generators that a run draws from."""

    def states(self) -> dict[str, Any]:
        """What ``restore_generators`` continues from."""


class GlobalState:
    """The global generators."""

    def states(self) -> dict[str, Any]:
        """See ``generator_states``."""
        return generator_states()


class Stream:
    """One run's own place in the random numbers of a device, where several runs take turns with its generator.

    Made where the global generators are; each ``with`` block continues where the one before it ended. On a GPU the
    state itself is exchanged, which a CUDA graph may record.
    """

    def __init__(self, device: torch.device) -> None:
        self.initial, self.key = generator_states(), "cuda" if device.type == "cuda" else "torch"
        self.generator = default_generator(device)
        on_gpu = device.type == "cuda"
        self.state: Any = self.generator.clone_state() if on_gpu else self.generator.get_state()
        self._outside: Any = None

    def __enter__(self) -> None:
        self._outside = exchanged(self.generator, self.state)

    def __exit__(self, *error: object) -> None:
        self.state = exchanged(self.generator, self._outside)

    def states(self) -> dict[str, Any]:
        """What ``generator_states`` would give if the run were alone."""
        with self:
            return self.initial | {self.key: generator_states()[self.key]}


def default_generator(device: torch.device) -> torch.Generator:
    """The generator that draws on ``device`` unless another is named."""
    if device.type != "cuda":
        return torch.default_generator
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]


def exchanged(generator: torch.Generator, state: Any) -> Any:
    """Put ``generator`` into ``state``; the state it had."""
    if generator.device.type == "cuda":
        outgoing: Any = generator.graphsafe_get_state()
        generator.graphsafe_set_state(state)
    else:
        outgoing = generator.get_state()
        generator.set_state(state)
    return outgoing


class Order:
    """The order in which a run sees its images: one permutation per epoch, addressed by seed and epoch.

    The batches of consecutive steps are consecutive pieces of the endless row of permutations, so every batch is
    full, every image is seen once per epoch, and nothing but the step number has to be remembered.

    Args:
        images: indices of the training images, or their number where all are.
        seed: of the run.
    """

    def __init__(self, images: int | Tensor, seed: int) -> None:
        self.size, self.seed = images if isinstance(images, int) else len(images), seed
        self.images = None if isinstance(images, int) else images
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.int64)

    def indices(self, step: int, count: int) -> Tensor:
        """Images (count,), int64, of update ``step`` (from 0) when every update takes ``count``."""
        position, stop = step * count, (step + 1) * count
        pieces = []
        while position < stop:
            epoch, start = divmod(position, self.size)
            pieces.append(self.permutation(epoch)[start : start + stop - position])
            position += len(pieces[-1])
        drawn = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return drawn if self.images is None else self.images[drawn]

    def permutation(self, epoch: int) -> Tensor:
        """The order (size,) of one epoch; the last one asked for is kept."""
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derived(self.seed, "order", epoch))
            self._epoch, self._permutation = epoch, torch.randperm(self.size, generator=generator)
        return self._permutation
