"""Layers between images and maps give what PyTorch's own give, with the same gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from submission.models import maps as maps_module
from submission.models.maps import FromImages, Maps, ToImages
from submission.models.networks import networks
from submission.models.plain import plain

LAST = torch.channels_last


def test_numbers_become_maps_that_lie_channels_last() -> None:
    maps, numbers = Maps(1, (4, 3, 2)), torch.randn(5, 24)
    assert torch.equal(maps(numbers), nn.Unflatten(1, (4, 3, 2))(numbers))
    assert maps(numbers).is_contiguous(memory_format=LAST)
    several = torch.randn(2, 5, 24)
    assert torch.equal(torch.vmap(maps)(several), torch.stack([maps(each) for each in several]))


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_of_images_lie_channels_last(channels: int) -> None:
    layer = FromImages(channels, 8, 4, 2, 1)
    images = torch.randn(5, channels, 12, 10)
    found = layer(images)
    assert found.is_contiguous(memory_format=LAST)
    torch.testing.assert_close(found, plain(layer)(images))
    assert type(plain(layer)) is nn.Conv2d
    assert type(plain(ToImages(4, 1, 4, 2, 1))) is nn.ConvTranspose2d
    assert type(plain(Maps(1, (4, 3, 2)))) is nn.Unflatten
    assert plain(layer).weight is layer.weight


def test_all_maps_of_the_encoder_lie_channels_last() -> None:
    encoder, layouts = networks("conv").encoder((64, 64, 1), 3), []
    for layer in encoder.children():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, __, maps: layouts.append(maps.is_contiguous(memory_format=LAST)))
    encoder(torch.rand(2, 1, 64, 64))
    assert layouts == [True] * 4


def gradients(layer: nn.Module, maps: Tensor, outer: Tensor) -> tuple[Tensor, ...]:
    """Images, and gradients in maps, weight and bias."""
    maps = maps.detach().requires_grad_()
    images = layer(maps)
    return (images, *torch.autograd.grad(images, [maps, *layer.parameters()], outer))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(4, 2, 1), (4, 2, 0), (3, 3, 1), ((2, 6), (2, 3), (0, 2)), (6, 2, 3), (1, 1, 0), (5, 1, 2)],
)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("layout", [LAST, torch.contiguous_format])
def test_images_and_gradients_are_those_of_the_transposed_convolution(
    kernel: int, stride: int, padding: int, channels: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    layer = ToImages(6, channels, kernel, stride, padding)
    maps = torch.randn(2 * maps_module.TOGETHER + 1, 6, 5, 7).contiguous(memory_format=layout)
    outer = torch.randn_like(layer(maps))
    own = nn.ConvTranspose2d(6, channels, kernel, stride, padding).double()  # type: ignore[arg-type]
    own.load_state_dict(layer.state_dict())
    expected = gradients(own, maps.double(), outer.double())
    found = gradients(layer, maps, outer)
    assert "Transposed" in type(layer(maps).grad_fn).__name__
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("options", [{"stride": 3}, {"output_padding": 1, "stride": 2}, {"dilation": 2}, {"groups": 2}])
def test_other_geometry_is_left_to_pytorch(options: dict[str, int]) -> None:
    layer = ToImages(4, 2, 4, **options)  # type: ignore[arg-type]
    own = nn.ConvTranspose2d(4, 2, 4, **options)  # type: ignore[arg-type]
    own.load_state_dict(layer.state_dict())
    maps = torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(layer(maps), own(maps))


def test_a_whole_batch_of_none_is_none() -> None:
    assert ToImages(4, 1, 4, 2, 1)(torch.zeros(0, 4, 8, 8)).shape == (0, 1, 16, 16)


def test_many_seeds_and_traces_take_pytorchs_own_way() -> None:
    layer, several = ToImages(4, 1, 4, 2, 1), torch.randn(2, 3, 4, 8, 8)
    expected = torch.stack([layer(maps) for maps in several])
    torch.testing.assert_close(torch.vmap(layer)(several), expected)
    with torch.no_grad(), pytest.warns(DeprecationWarning, match=r"torch.jit"):
        traced = torch.jit.trace(layer, several[0])
    assert "conv_transpose2d" in str(traced.inlined_graph) or "_convolution" in str(traced.inlined_graph)
    torch.testing.assert_close(traced(several[0]), expected[0])
