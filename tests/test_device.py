"""A device that cannot be used is one short line; work on the processor leaves other devices alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from submission.data import load
from submission.device import reason, seeded_randomness, usable
from submission.errors import UsageError
from submission.evaluation.encoding.encoder import untrained_convolutional
from submission.evaluation.latents import encode
from submission.evaluation.posteriors import SpacePosteriors
from submission.latent import parse
from submission.models.vae import build


@pytest.mark.parametrize("name", ["meta", "mps", "vulkan", "xpu", "tpu9", "", "cuda:99", "cpu:x"])
def test_another_device_is_one_short_line(name: str) -> None:
    with pytest.raises(UsageError, match="use --device cpu") as caught:
        usable(name)
    assert str(caught.value).startswith(f"device {name!r} ")
    assert len(str(caught.value)) < 260
    assert "\n" not in str(caught.value)


def test_the_processor_is_always_there() -> None:
    assert usable("cpu").type == "cpu"
    assert usable("auto").type in ("cpu", "cuda")


def test_a_reason_is_one_sentence() -> None:
    assert reason(RuntimeError("It failed. Please visit a page.\nMore.")) == "It failed"
    assert len(reason(RuntimeError("x" * 1000))) == 150


def test_seeded_work_on_the_processor_leaves_other_devices_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    """``torch.manual_seed`` would seed those of all GPUs, which nothing restores."""
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    before, images = torch.get_rng_state(), load("dsprites_tiny")
    space = parse("Ellipsoid(1,2,3,4) x ISA(2x1)")
    model = build("mlp_small", space, images.image_shape)
    encode(model, images, np.arange(4), seed=1)
    SpacePosteriors(space, torch.zeros(4, space.parameter_size)).sample(np.arange(4), np.random.RandomState(0))
    torch.set_rng_state(before)
    with seeded_randomness(7):
        drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))
    untrained_convolutional((8, 8, 1), 3, 0)
    assert not seeds
    assert torch.equal(torch.get_rng_state(), before)
