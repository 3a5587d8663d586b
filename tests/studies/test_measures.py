"""Degrees of maps between tori against maps of known degree, and neighbours against an oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from submission.data import from_arrays
from submission.errors import UsageError
from submission.latent import parse
from submission.models.vae import VAE
from submission.studies.measures import MEASURES, components, degree, exponents, winding_numbers

GRID = np.stack(np.meshgrid(*[2 * np.pi * np.arange(16) / 16] * 2, indexing="ij"), axis=-1)


@pytest.mark.parametrize(
    "matrix",
    [[[1, 0], [0, 1]], [[0, -1], [1, 0]], [[1, 1], [0, 1]], [[2, 0], [0, 1]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]],
)
def test_linear_maps_wind_as_their_matrix(matrix: list[list[int]]) -> None:
    wiggle = 0.4 * np.sin(GRID[..., ::-1] + 0.3) + 1.0
    np.testing.assert_array_equal(winding_numbers(GRID @ np.array(matrix).T + wiggle), matrix)


def test_a_torn_map_has_no_winding_numbers() -> None:
    angles = GRID.copy()
    angles[:8, :, 0] = 0.0
    angles[8:, :8, 0] *= 2
    assert winding_numbers(angles) is None


class Torus(nn.Module):
    """Reads two angles from the first four pixels: parameters of a posterior on T^2 that is centred there."""

    def __init__(self, matrix: list[list[int]]) -> None:
        super().__init__()
        self.matrix = torch.tensor(matrix, dtype=torch.float32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = 2 * images.flatten(1)[:, :4] - 1
        angles = torch.atan2(x[:, 1::2], x[:, ::2]) @ self.matrix.T
        centres = torch.stack([angles.cos(), angles.sin()], dim=-1).flatten(1)
        return torch.cat([centres, torch.zeros(len(x), 2)], dim=1)


@pytest.mark.parametrize("spec", ["T^2", "T^2(min_time=0.0235)"])
@pytest.mark.parametrize(("matrix", "found"), [([[0, 1], [1, 0]], -1), ([[1, 0], [0, 2]], 2), ([[1, 0], [1, 0]], 0)])
def test_the_degree_of_an_encoder_is_the_determinant(matrix: list[list[int]], found: int, spec: str) -> None:
    angles = GRID.reshape(-1, 2)
    pixels = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(-1, 2, 2)
    images = np.rint(127.5 * (pixels + 1)).astype(np.uint8)
    factors = np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"), axis=-1).reshape(-1, 2)
    dataset = from_arrays(images[..., None], factors, periodic=[True, True], layout="NHWC")
    model = VAE(Torus(matrix), parse(spec), nn.Identity(), (2, 2, 1))
    result = degree(model, dataset, dataset)
    assert result == {"degree": found, "captured": float(abs(found) == 1), "torn": 0.0}


@pytest.mark.parametrize("spec", ["R^2", "S^2", "S^1 x R^1", "T^3"])
def test_the_degree_needs_a_torus(spec: str) -> None:
    dataset = from_arrays(np.zeros((4, 2, 2, 1), np.uint8), np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), layout="NHWC")
    with pytest.raises(UsageError, match=r"T\^2"):
        MEASURES["degree"].require(parse(spec), dataset)
    MEASURES["degree"].require(parse("T^2"), dataset)


def test_exponents_are_those_that_the_prior_has_learned() -> None:
    images = from_arrays(np.zeros((4, 8, 8, 1), np.uint8), {"a": np.arange(4)})
    space = parse("ISA(3x2; p0=2.1, p=2.0, learn=true)")
    model = VAE(nn.Identity(), space, nn.Identity(), (8, 8, 1))
    assert exponents(model, images, images) == {f"exponent {number}": pytest.approx(2.0) for number in (1, 2, 3)}
    with torch.no_grad():
        space.raw_exponents.copy_(torch.tensor([1.0, -1.0, 0.0]))
    found = list(exponents(model, images, images).values())
    assert found == pytest.approx(sorted(space.coordinate_exponents()[::2].tolist()))
    assert found[0] < 2 < found[2]
    assert exponents(VAE(nn.Identity(), parse("R^6"), nn.Identity(), (8, 8, 1)), images, images) == {}


class Fixed(nn.Module):
    """The same encoder output for every image."""

    def __init__(self, *row: float) -> None:
        super().__init__()
        self.row = torch.tensor(row)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.row.expand(len(images), -1)


def test_components_are_counted_by_kind_where_their_kl_is_above_a_tenth_of_a_nat() -> None:
    images = from_arrays(np.zeros((5, 8, 8, 1), np.uint8), {"a": np.arange(5)})
    space = parse("R^3 x S^2(posterior=vmf) x S^2(posterior=vmf)")
    lines, spheres = [2.0, 1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 3.0, 1.0, 0.0, 0.0, -20.0]
    model = VAE(Fixed(*lines, *spheres), space, nn.Identity(), (8, 8, 1))
    statistics = space.posterior(torch.tensor([[*lines, *spheres]])).statistics()
    kappas = [float(statistics[f"concentration/{factor}"]) for factor in (1, 2)]
    nats = [kappa / np.tanh(kappa) - 1 - np.log(np.sinh(kappa) / kappa) for kappa in kappas]
    assert nats[1] < 0.1 < nats[0]
    assert components(model, images, images) == {
        "lines in use": 2.0,
        "KL of lines (nats)": pytest.approx(2.0**2 / 2 + 1.0**2 / 2, rel=1e-5),
        "S^2 in use": 1.0,
        "KL of S^2 (nats)": pytest.approx(sum(nats), rel=1e-4),
    }
