"""The simulated GPU raises what a real one raises, and its graphs compute what real ones compute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from tests.gpu.simulated.device import simulated


@pytest.fixture
def device() -> Iterator[torch.device]:
    """Simulated even where there is a real one."""
    with simulated() as made:
        yield made


def test_results_are_on_the_device_of_their_inputs(device: torch.device) -> None:
    there, here = torch.ones(3, device=device), torch.ones(3)
    network = nn.Linear(3, 2).to(device)
    made = [
        there + 1,
        there[1:],
        torch.randn_like(there),
        there.new_zeros(2),
        network(there),
        here.to(there),
        here.cuda(),
        there.new_tensor([1.0]),
    ]
    assert all(tensor.is_cuda and tensor.device == device for tensor in made)
    assert not any(tensor.is_cuda for tensor in (here, there.cpu(), torch.zeros(1), there.to("cpu")))
    assert there.cpu().data_ptr() != there.data_ptr()


def test_gradients_are_on_the_device_of_their_inputs(device: torch.device) -> None:
    seen: list[torch.device] = []

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: object, gradient: Tensor) -> Tensor:
            seen.append(gradient.device)
            return gradient * 2

    x = torch.ones(3, device=device, requires_grad=True)
    Watched.apply(x).sum().backward()
    assert x.grad is not None
    assert x.grad.is_cuda
    assert x.grad.tolist() == [2.0] * 3
    assert seen == [device]


def test_tensors_of_two_devices_do_not_mix(device: torch.device) -> None:
    there, here = torch.ones(3, device=device), torch.ones(3)
    for mixed in (lambda: there + here, lambda: torch.cat([here, there]), lambda: here[there.long()]):
        with pytest.raises(RuntimeError, match="same device"):
            mixed()
    with pytest.raises(TypeError, match="numpy"):
        there.numpy()
    there += torch.tensor(2.0)  # a single number may come from the CPU
    assert there.tolist() == [3.0] * 3


WAITS = {
    "item": lambda x: x.sum().item(),
    "condition": lambda x: bool((x > 0).all()),
    "mask": lambda x: x[x > 0],
    "writing by a mask": lambda x: x.index_put_((x > 0,), x.new_ones(1)),
    "nonzero": lambda x: x.nonzero(),
    "copy": lambda x: x.cpu(),
    "repetitions": lambda x: torch.repeat_interleave(x.long()),
}


@pytest.mark.parametrize("kind", WAITS)
def test_waiting_raises_where_it_must_not_happen(kind: str, device: torch.device) -> None:
    x = torch.ones(3, device=device)
    WAITS[kind](x)
    with (
        pytest.raises(RuntimeError, match="not permitted when stream is capturing"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        WAITS[kind](x)
    torch.cuda.set_sync_debug_mode("error")
    with pytest.raises(RuntimeError, match="synchronizing"):
        WAITS[kind](x)


SENT = (
    lambda x: torch.tensor([1.0], device=x.device),
    lambda x: x.new_tensor([1.0]),
    lambda x: torch.ones(3).to(x.device),
)


@pytest.mark.parametrize("made", SENT)
def test_a_graph_holds_nothing_of_the_cpu(made: object, device: torch.device) -> None:
    x = torch.ones(3, device=device)
    with pytest.raises(RuntimeError, match="capturing"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        made(x)  # type: ignore[operator]


def test_capturing_computes_nothing_and_each_replay_everything(device: torch.device) -> None:
    x, total, factor = torch.ones(3, device=device), torch.zeros(3, device=device), 2.0
    graph, before = torch.cuda.CUDAGraph(), torch.get_rng_state()
    with torch.cuda.graph(graph):
        assert torch.cuda.is_current_stream_capturing()
        noise = torch.randn(3, device=device)
        shown = factor * x.view(1, 3).sum(0)
        total += shown
    assert total.tolist() == [0.0] * 3
    assert torch.equal(torch.get_rng_state(), before)
    factor = 5.0  # a number of the program is frozen
    x.fill_(3.0)
    for count in (1, 2):
        graph.replay()
        assert shown.tolist() == [6.0] * 3
        assert total.tolist() == [6.0 * count] * 3
    torch.set_rng_state(before)
    assert not torch.equal(noise, torch.randn(3, device=device))
    assert torch.equal(noise, torch.randn(3, device=device))


def test_a_graph_draws_from_the_state_that_it_was_given(device: torch.device) -> None:
    generator = torch.cuda.default_generators[0]
    own = generator.clone_state()  # type: ignore[attr-defined]
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(own)
    with torch.cuda.graph(graph):
        outside = generator.graphsafe_get_state()
        generator.graphsafe_set_state(own)
        noise = torch.randn(3, device=device)
        generator.graphsafe_set_state(outside)
    expected = torch.randn(3, device=device)  # ``own`` is a copy of what this draws from
    graph.replay()
    assert torch.equal(noise, expected)
    graph.replay()
    assert torch.equal(noise, torch.randn(3, device=device))
