"""The order of the data is a permutation per epoch that any step can ask for; generators come back."""

from __future__ import annotations

import random

import numpy as np
import torch

from submission.training.randomness import (
    Order,
    Stream,
    derived,
    generator_states,
    restore_generators,
    seed_everything,
)


def test_every_epoch_shows_every_image_once_in_a_new_order() -> None:
    order = Order(50, seed=1)
    seen = torch.cat([order.indices(step, 12) for step in range(25)])  # 300 images are six epochs
    epochs = seen.view(6, 50)
    assert all(torch.equal(epoch.sort().values, torch.arange(50)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 6


def test_a_batch_depends_only_on_seed_and_step() -> None:
    forwards = [Order(50, seed=1).indices(step, 12) for step in range(10)]
    order = Order(50, seed=1)
    backwards = [order.indices(step, 12) for step in reversed(range(10))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not torch.equal(Order(50, seed=2).indices(0, 12), forwards[0])


def test_a_batch_may_be_larger_than_the_data_set() -> None:
    batch = Order(5, seed=0).indices(3, 12)
    assert batch.shape == (12,)
    assert torch.bincount(batch, minlength=5).min() >= 2


def test_first_places_are_uniform() -> None:
    counts = torch.bincount(torch.stack([Order(8, seed=s).indices(0, 1)[0] for s in range(2000)]), minlength=8)
    chi_squared = ((counts - 250) ** 2 / 250).sum()
    assert chi_squared < 24.3  # 99.9 % quantile, 7 degrees of freedom


def test_generators_come_back_through_a_file(tmp_path: object) -> None:
    seed_everything(derived(7, "noise"))
    torch.randn(3), np.random.randn(3), random.gauss(0, 1)
    path = f"{tmp_path}/states.pt"
    torch.save(generator_states(), path)

    def draws() -> tuple[list[float], list[float], float]:
        return torch.randn(5).tolist(), np.random.randn(5).tolist(), random.gauss(0, 1)

    first = draws()
    seed_everything(0)
    assert draws() != first
    restore_generators(torch.load(path, weights_only=True))
    assert draws() == first


def test_purposes_get_seeds_of_their_own() -> None:
    seeds = {derived(s, p) for s in range(100) for p in ("weights", "noise", "order")}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_streams_that_take_turns_draw_what_each_would_alone() -> None:
    expected, states = [], []
    for seed in (1, 2):
        seed_everything(seed)
        expected.append([torch.randn(2) for _ in range(3)])
        states.append(generator_states())
    streams = []
    for seed in (1, 2):
        seed_everything(seed)
        streams.append(Stream(torch.device("cpu")))
    torch.manual_seed(9)
    outside, drawn = torch.randn(3), (list[torch.Tensor](), list[torch.Tensor]())
    torch.manual_seed(9)
    for _ in range(3):
        for stream, own in zip(streams, drawn, strict=True):
            with stream:
                own.append(torch.randn(2))
    assert torch.equal(torch.randn(3), outside)
    for own, whole, stream, state in zip(drawn, expected, streams, states, strict=True):
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(own, whole, strict=True))
        restore_generators(stream.states())
        after = torch.randn(5), np.random.random_sample(), random.random()
        restore_generators(state)
        assert torch.equal(after[0], torch.randn(5))
        assert after[1:] == (np.random.random_sample(), random.random())
