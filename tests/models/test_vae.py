"""The networks have the papers' sizes, fit any image, and train."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from submission.errors import UsageError
from submission.latent.base import LatentSpace
from submission.models.networks import NETWORKS, networks
from submission.models.vae import VAE, build


def shapes(module: nn.Module) -> list[tuple[int, ...]]:
    """Weight shapes in order."""
    return [tuple(parameter.shape) for name, parameter in module.named_parameters() if name.endswith("weight")]


def test_mlp_has_the_sizes_of_stuehmer_et_al(plain_space: LatentSpace) -> None:
    vae = build("mlp", plain_space, (64, 64, 1))
    assert shapes(vae.encoder) == [(1200, 4096), (1200, 1200), (3, 1200)]
    assert shapes(vae.decoder) == [(1200, 6), (1200, 1200), (1200, 1200), (4096, 1200)]
    assert [type(m) for m in vae.encoder.modules() if not list(m.parameters())] == [nn.Flatten, nn.ReLU, nn.ReLU]
    assert sum(isinstance(m, nn.Tanh) for m in vae.decoder.modules()) == 3


@pytest.mark.parametrize(("name", "hidden"), [("mlp_sphere", (2, 2)), ("mlp_diffusion", (3, 2)), ("mlp_512", (3, 2))])
def test_mlps_of_papers_have_their_hidden_layers(name: str, hidden: tuple[int, int], plain_space: LatentSpace) -> None:
    vae = build(name, plain_space, (28, 28, 1))
    assert (len(shapes(vae.encoder)) - 1, len(shapes(vae.decoder)) - 1) == hidden
    assert [sum(isinstance(m, nn.ReLU) for m in side.modules()) for side in (vae.encoder, vae.decoder)] == [*hidden]


def test_layers_of_the_delta_vae_s_program_have_512_units(plain_space: LatentSpace) -> None:
    vae = build("mlp_512", plain_space, (28, 28, 1))
    assert [rows for rows, _ in shapes(vae.encoder)[:-1]] == [512, 512, 512]
    assert [rows for rows, _ in shapes(vae.decoder)] == [512, 512, 784]


def test_conv_has_the_sizes_of_disentanglement_lib(plain_space: LatentSpace) -> None:
    vae = build("conv", plain_space, (64, 64, 3))
    assert shapes(vae.encoder) == [(32, 3, 4, 4), (32, 32, 4, 4), (64, 32, 2, 2), (64, 64, 2, 2), (256, 1024), (3, 256)]
    decoder = [(256, 6), (1024, 256), (64, 64, 4, 4), (64, 32, 4, 4), (32, 32, 4, 4), (32, 3, 4, 4)]
    assert shapes(vae.decoder) == decoder
    assert all(not p.any() for name, p in vae.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("image_shape", [(64, 64, 1), (64, 64, 3), (28, 28, 1), (48, 80, 3)])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_image_passes_there_and_back_at_any_batch_size(
    name: str, image_shape: tuple[int, int, int], plain_space: LatentSpace
) -> None:
    height, width, channels = image_shape
    vae = build(name, plain_space, image_shape)
    images = torch.rand(5, height, width, channels).movedim(3, 1)  # not contiguous, as the evaluator sends them
    parameters = vae.encode(images)
    assert parameters.shape == (5, 3)
    torch.testing.assert_close(vae.encode(images[:2]), parameters[:2])
    output = vae.decode(parameters)
    assert output.shape == images.shape
    output.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in vae.parameters())


def test_expected_images_are_pictures(plain_space: LatentSpace) -> None:
    z = 100 * torch.randn(4, 3)
    for likelihood in ("bernoulli", "gaussian"):
        images = build("mlp_small", plain_space, (8, 8, 1), likelihood).expected_images(z)
        assert images.min() >= 0
        assert images.max() <= 1


def test_errors_for_unknown_names_list_the_known_ones(plain_space: LatentSpace) -> None:
    with pytest.raises(UsageError, match=r"unknown networks 'mpl'.*mlp"):
        networks("mpl")
    with pytest.raises(UsageError, match="unknown likelihood 'poisson'"):
        VAE(nn.Identity(), plain_space, nn.Identity(), (8, 8, 1), "poisson")
    with pytest.raises(UsageError, match="variance"):
        build("mlp_small", plain_space, (8, 8, 1), "gaussian", 0.0)
