"""The layer of sparse images against float64, and who gets the ordinary one instead."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission.latent.base import LatentSpace
from submission.models import sparse
from submission.models.networks import NETWORKS, networks
from submission.models.plain import plain
from submission.models.sparse import Kernel, SparseInputLinear
from submission.models.vae import build
from submission.native import library
from submission.native.sparse import entries, multiply, transposed

needs_kernel = pytest.mark.skipif(library("sparse") is None, reason="the C kernel was not built")
SIZES = [(1, 16, 32), (70, 100, 33), (33, 37, 7), (64, 1, 1), (17, 300, 96), (0, 20, 40), (300, 64, 64)]


def matrix(rows: int, columns: int, density: float) -> Tensor:
    """Positive and negative values at random places."""
    return torch.randn(rows, columns) * (torch.rand(rows, columns) < density)


def bars(rows: int, columns: int, lit: float) -> Tensor:
    """Rows in which one stretch of about that share is lit, from anywhere on."""
    places = torch.arange(columns) - torch.randint(columns, (rows, 1))
    return ((places >= 0) & (places < lit * columns)).float()


def spans(matrix: Tensor, size: int = 64) -> tuple[Tensor, ...]:
    """Its columns in groups of 64."""
    return matrix.split(size, dim=1)


def by_kernel(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The kernel's outputs, however dense the images are."""
    found = entries(images, 1.0, changes=True)
    assert found is not None
    outputs: Tensor = Kernel.apply(weight, bias, images, torch.float32, *found)
    return outputs


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch sizes that the kernel was used for."""
    seen: list[int] = []
    apply = Kernel.apply

    def counted(weight: Tensor, bias: Tensor | None, images: Tensor, *others: Any) -> Tensor:
        seen.append(len(images))
        outputs: Tensor = apply(weight, bias, images, *others)
        return outputs

    monkeypatch.setattr(Kernel, "apply", counted)
    return seen


@needs_kernel
@pytest.mark.parametrize("density", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients_agree_with_float64(
    size: tuple[int, int, int], density: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sparse.MOST, torch.float32, 1.0)
    n, inputs, outputs = size
    images, outer = matrix(n, inputs, density), torch.randn(n, outputs)
    weight, bias = torch.randn(outputs, inputs, requires_grad=True), torch.randn(outputs, requires_grad=True)
    exact = [each.detach().double().requires_grad_() for each in (weight, bias)]
    value, reference = by_kernel(images, weight, bias), F.linear(images.double(), *exact)
    found = torch.autograd.grad(value, (weight, bias), outer)
    expected = torch.autograd.grad(reference, exact, outer.double())
    sums = torch.cat([span.cumsum(1) for span in spans(exact[0])], 1)
    changes = torch.cat([span - F.pad(span[:, 1:], (0, 1)) for span in spans(images.double())], 1)
    torch.testing.assert_close(F.linear(changes, sums, exact[1]), reference)  # what the kernel adds up
    scale = F.linear(changes.abs(), sums.abs(), exact[1].abs())
    assert ((value - reference).abs() <= 1e-6 * scale + 1e-30).all()
    assert ((found[0] - expected[0]).abs() <= 1e-6 * outer.double().abs().t() @ images.double().abs()).all()
    torch.testing.assert_close(found[1].double(), expected[1], rtol=1e-5, atol=1e-5)


@needs_kernel
def test_it_does_without_a_bias_and_takes_any_strides() -> None:
    images = matrix(70, 50, 0.1)
    weight = torch.randn(50, 40).t().requires_grad_()
    value = by_kernel(images, weight, None)
    torch.testing.assert_close(value, images @ weight.t())
    (gradient,) = torch.autograd.grad(value.sum(), weight)  # of an expanded number, whose strides are 0
    torch.testing.assert_close(gradient, images.sum(0).expand(40, 50))


@needs_kernel
def test_pixels_that_are_never_lit_have_no_gradient_at_all() -> None:
    images, outer = matrix(100, 60, 0.05), torch.randn(100, 45)
    images[:, 10:20] = 0
    outer[3] = float("inf")  # times nothing
    weight = torch.randn(45, 60, requires_grad=True)
    (gradient,) = torch.autograd.grad(by_kernel(images, weight, None), weight, outer)
    assert not gradient[:, 10:20].any()
    assert gradient[:, :10].any(0).all()


@needs_kernel
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.0, 1e-44])
def test_a_pixel_that_is_no_ordinary_number_shows_where_it_would(value: float) -> None:
    images, weight = matrix(66, 40, 0.1), torch.randn(35, 40)
    images[7, 5] = value
    found, expected = by_kernel(images, weight, None), images @ weight.t()
    torch.testing.assert_close(found[found.isfinite()], expected[expected.isfinite()])
    assert torch.equal(found.isfinite(), expected.isfinite())


@needs_kernel
def test_the_same_bits_on_any_number_of_threads() -> None:
    images, outer = matrix(90, 200, 0.05), torch.randn(90, 210)
    weight, bias = torch.randn(210, 200, requires_grad=True), torch.randn(210, requires_grad=True)
    results = []
    for threads in (1, 3, 50):
        torch.set_num_threads(threads)
        value = by_kernel(images, weight, bias)
        results.append((value, *torch.autograd.grad(value, (weight,), outer)))
    for other in results[1:]:
        assert all(torch.equal(first, second) for first, second in zip(results[0], other, strict=True))


@needs_kernel
@pytest.mark.parametrize("lit", [0.0, 0.03, 0.6])
@pytest.mark.parametrize("method", ["forward", "in_bfloat16"])
def test_even_images_go_to_the_kernel_and_back_as_suits_the_lit_pixels(
    method: str, lit: float, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, images, outer = SparseInputLinear(130, 30), bars(100, 130, lit), torch.randn(100, 30)
    multiplied = []
    monkeypatch.setattr(sparse, "multiply", lambda *given, **named: (multiplied.append(1), multiply(*given, **named)))
    outputs = getattr(layer, method)(images)
    outputs.float().backward(outer)
    assert calls == [100]
    assert len(multiplied) == (2 if lit < 0.05 else 1)
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if method == "forward" else {"rtol": 0.02, "atol": 0.2}
    torch.testing.assert_close(outputs.float(), F.linear(images, layer.weight, layer.bias), **tolerance)
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, outer.t() @ images, **tolerance)


@needs_kernel
def test_lists_hold_the_matrix_and_its_transpose() -> None:
    images = matrix(30, 45, 0.1)
    found = entries(images, 1.0)
    assert found is not None
    for lists, dense in ((found, images), (transposed(found, 45), images.t())):
        rows = torch.arange(len(dense)).repeat_interleave(lists.starts.diff())
        read = torch.zeros(dense.shape).index_put((rows, lists.places.long()), lists.values, accumulate=True)
        assert torch.equal(read, dense)


@needs_kernel
def test_few_changes_of_many_images_go_to_the_kernel_and_nothing_else(calls: list[int]) -> None:
    layer, images = SparseInputLinear(40, 30), matrix(100, 40, 0.03)
    torch.testing.assert_close(layer(images), F.linear(images, layer.weight, layer.bias))
    assert calls == [100]
    with torch.inference_mode():
        layer(images)
    assert calls.pop() == 100
    layer(matrix(100, 40, 0.5))
    layer(images[:10])
    layer(images.t().contiguous().t())
    layer(images.clone().requires_grad_())
    layer(images.expand(2, 100, 40))
    with torch.autocast("cpu", torch.bfloat16):
        layer(images)
    copy.deepcopy(layer).double()(images.double())
    copy.deepcopy(layer).to("meta")(images.to("meta"))
    assert calls == [100]


@needs_kernel
def test_whoever_records_or_transforms_sees_an_ordinary_layer(calls: list[int]) -> None:
    layer, images = SparseInputLinear(40, 30), matrix(100, 40, 0.03)
    expected = F.linear(images, layer.weight, layer.bias)
    weights = {name: value.detach().expand(3, *value.shape) for name, value in layer.named_parameters()}
    batched = torch.func.vmap(lambda own, x: torch.func.functional_call(layer, own, (x,)))
    torch.testing.assert_close(batched(weights, images.expand(3, 100, 40)), expected.expand(3, 100, 30))
    torch.func.grad(lambda own: torch.func.functional_call(layer, own, (images,)).sum())(
        {name: value.detach() for name, value in layer.named_parameters()}
    )
    graphs = [
        str(torch.export.export(nn.Sequential(own), (images,)).graph) for own in (layer, plain(copy.deepcopy(layer)))
    ]
    assert graphs[0] == graphs[1]
    assert calls == []


@needs_kernel
@pytest.mark.parametrize("name", [name for name in NETWORKS if name.startswith("mlp")])
def test_a_model_learns_as_with_ordinary_layers(name: str, plain_space: LatentSpace, calls: list[int]) -> None:
    vae = build(name, plain_space, (20, 20, 1))
    ordinary = copy.deepcopy(vae)
    ordinary.encoder = nn.Sequential(*map(plain, ordinary.encoder.children()))
    assert not any(isinstance(layer, SparseInputLinear) for layer in ordinary.modules())
    ordinary.load_state_dict(vae.state_dict())
    images = (torch.rand(80, 1, 20, 20) < 0.03).float()
    for model in (vae, ordinary.double()):
        given = images.to(next(model.parameters()).dtype)
        F.binary_cross_entropy_with_logits(model.decode(model.encode(given)), given, reduction="sum").backward()
    assert calls == [80]
    for weight, exact in zip(vae.parameters(), ordinary.parameters(), strict=True):
        assert weight.grad is not None
        assert exact.grad is not None
        torch.testing.assert_close(
            weight.grad.double(), exact.grad, rtol=1e-4, atol=1e-5 * float(exact.grad.abs().max())
        )


def test_where_there_is_no_kernel_the_layer_is_an_ordinary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse, "library", lambda name: None)
    layer, images = SparseInputLinear(40, 30), matrix(100, 40, 0.03)
    assert torch.equal(layer(images), F.linear(images, layer.weight, layer.bias))


def test_weights_start_and_are_named_as_those_of_ordinary_layers() -> None:
    torch.manual_seed(5)
    encoder = networks("mlp_small").encoder((8, 8, 1), 3)
    torch.manual_seed(5)
    ordinary = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 3)
    )
    for (name, weight), (other, value) in zip(encoder.named_parameters(), ordinary.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(weight, value)


@needs_kernel
@pytest.mark.parametrize("density", [0.02, 0.5])
def test_bfloat16_outputs_come_from_the_float32_weights(density: float, calls: list[int]) -> None:
    layer, images = SparseInputLinear(60, 30), matrix(100, 60, density)
    outputs = layer.in_bfloat16(images)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), F.linear(images, layer.weight, layer.bias), rtol=0.02, atol=0.02)
    outputs.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32
    assert calls == ([100] if density < 0.05 else [])


def test_inputs_of_another_width_are_refused_as_by_an_ordinary_layer() -> None:
    layer = SparseInputLinear(40, 30)
    images = torch.zeros(100, 4000)
    images[:, 3000:3010] = 1
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layer(images)


def test_a_strided_bias_is_read_as_it_lies() -> None:
    layer, images = SparseInputLinear(200, 30), torch.zeros(100, 200)
    images[:, ::50] = 1
    shifted = torch.func.functional_call(layer, {"bias": torch.ones(1).expand(30)}, images)
    expected = images @ layer.weight.t() + 1
    torch.testing.assert_close(shifted, expected)


def test_transforms_of_something_else_leave_the_layer_alone() -> None:
    layer, images = SparseInputLinear(200, 30), torch.zeros(100, 200)
    images[:, ::50] = 1
    sums = torch.vmap(lambda extra: layer(images).sum() + extra)(torch.arange(3.0))
    torch.testing.assert_close(sums, layer(images).sum() + torch.arange(3.0))
