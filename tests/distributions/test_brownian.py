"""Brownian motion on S^d, T^k, RP^d and SO(3) against 30-digit references, closed forms and the papers' tables."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import kl_divergence

from submission.distributions import (
    ProjectiveBrownian,
    ProjectiveUniform,
    RotationBrownian,
    RotationUniform,
    SphereBrownian,
    SphereUniform,
    TorusBrownian,
    matrix_to_quaternion,
    nearest_rotation,
    quaternion_to_matrix,
)
from submission.distributions.sphere_tables import sphere_tables

REFERENCES = json.loads(Path(__file__).with_name("brownian_references.json").read_text())
DIVERGENCES, DENSITIES = REFERENCES["divergences"], REFERENCES["densities"]
LAWS = {"sphere": (SphereBrownian, SphereUniform), "projective": (ProjectiveBrownian, ProjectiveUniform)}


def pole(dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The first axis of R^{dim + 1}."""
    return torch.eye(dim + 1, dtype=dtype)[0]


def column(name: str, rows: list[dict[str, str]]) -> Tensor:
    """One reference column as float64."""
    return torch.tensor([float(row[name]) for row in rows], dtype=torch.float64)


def times_of(rows: list[dict[str, str]], dtype: torch.dtype = torch.float64) -> Tensor:
    """The rows' times, which gradients may flow to."""
    return column("t", rows).to(dtype).requires_grad_()


@pytest.mark.parametrize("dim", sorted({row["d"] for row in DIVERGENCES}))
@pytest.mark.parametrize("name", LAWS)
def test_kl_and_its_slope_match_the_references(dim: int, name: str) -> None:
    rows = [row for row in DIVERGENCES if row["d"] == dim]
    distribution, uniform = LAWS[name]
    time = times_of(rows)
    kl = kl_divergence(distribution(pole(dim), time), uniform(dim))
    (slope,) = torch.autograd.grad(kl.sum(), time)
    expected, expected_slope = column(f"{name}_kl", rows), column(f"{name}_slope", rows)
    assert torch.allclose(kl.detach(), expected, rtol=1e-6, atol=1e-12)
    assert torch.allclose(slope, expected_slope, rtol=2e-5, atol=1e-10)
    single = kl_divergence(distribution(pole(dim, torch.float32), times_of(rows, torch.float32)), uniform(dim))
    assert torch.allclose(single.detach().double(), expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("dim", sorted({row["d"] for row in DENSITIES}))
def test_log_density_matches_the_references(dim: int) -> None:
    rows = [row for row in DENSITIES if row["d"] == dim]
    angle = column("r", rows)
    points = torch.zeros(len(rows), dim + 1, dtype=torch.float64)
    points[:, 0], points[:, 1] = angle.cos(), angle.sin()
    q = SphereBrownian(pole(dim), times_of(rows))
    difference = q.log_prob(points) + q.log_volume - column("log_relative", rows)
    assert (difference.abs() <= 1e-6 * column("log_relative", rows).abs().clamp(min=1.0)).all()


def test_every_dimension_has_its_tables() -> None:
    """1e-6 against the short-time expansion at t = 1e-5 and the first eigenspace at d t = 20, for d up to 64."""
    for dim in (1, 2, 9, 32, 64):
        time = torch.tensor([1e-5, 20.0 / dim], dtype=torch.float64)
        short = SphereBrownian(pole(dim), time, kl="short_time")
        near, far = kl_divergence(SphereBrownian(pole(dim), time), SphereUniform(dim))
        assert near.item() == pytest.approx(short.divergence_from_uniform()[0].item(), rel=1e-6)
        assert far.item() == pytest.approx(0.5 * (dim + 1) * math.exp(-20.0), rel=0.1)


@pytest.mark.parametrize("dim", [0, 65, 1000])
def test_a_dimension_without_tables_is_an_error(dim: int) -> None:
    with pytest.raises(ValueError, match="S\\^1 to S\\^64"):
        sphere_tables(dim)


@pytest.mark.parametrize(("dim", "time"), [(10, 0.1), (10, 0.3), (20, 0.1), (20, 1.0)])
def test_mean_cosine_is_exact_where_the_walk_misses(dim: int, time: float) -> None:
    n, exact = 40000, math.exp(-0.5 * dim * time)
    error = {}
    for sampler in ("exact", "walk"):
        z = SphereBrownian(pole(dim), torch.tensor(time, dtype=torch.float64), sampler).sample((n,))[:, 0]
        error[sampler] = (z.mean().item() - exact) / (z.std().item() / math.sqrt(n))
    assert abs(error["exact"]) < 4.5
    assert error["walk"] > 8.0  # the table of E cos r for L = 5: always too close to the centre


def test_the_literal_step_is_not_brownian_motion() -> None:
    q = SphereBrownian(pole(10), torch.tensor(0.1, dtype=torch.float64), "walk", step="literal")
    assert q.sample((20000,))[:, 0].mean().item() == pytest.approx(0.785, abs=0.005)


def test_mean_cosine_has_the_analytic_gradient_in_time_and_centre() -> None:
    n, dim = 20000, 10
    for value in (1e-4, 0.05, 0.4):
        time = torch.full((n,), value, dtype=torch.float64, requires_grad=True)
        loc = pole(dim).repeat(n, 1).requires_grad_()
        z = SphereBrownian(loc, time).rsample()
        by_time, by_loc = (
            torch.autograd.grad(z[:, 0].sum(), time, retain_graph=True)[0],
            torch.autograd.grad(z[:, 1].sum(), loc)[0][:, 1],
        )
        decay = math.exp(-0.5 * dim * value)
        for slopes, exact in ((by_time, -0.5 * dim * decay), (by_loc, decay)):
            assert abs(slopes.mean().item() - exact) < 4.5 * slopes.std().item() / math.sqrt(n)


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_gradients_in_the_centre_are_right_and_no_longer_than_the_costs(dim: int) -> None:
    """E f of spherical harmonics of degree 1 and 2 in closed form; at fixed noise S² would have no variance."""
    n, time = 20000, 0.3
    a, b = torch.randn(2, dim + 1, dtype=torch.float64)
    centre = torch.nn.functional.normalize(torch.randn(dim + 1, dtype=torch.float64), dim=0)
    loc = centre.repeat(n, 1).requires_grad_()
    z = SphereBrownian(loc, torch.tensor(time, dtype=torch.float64)).rsample()
    z.retain_grad()
    ((z @ a).square() + z @ b).sum().backward()
    assert z.grad is not None
    assert loc.grad is not None
    flat = torch.eye(dim + 1, dtype=torch.float64) - torch.outer(centre, centre)
    slopes = loc.grad @ flat
    assert bool((slopes.norm(dim=-1) <= z.grad.norm(dim=-1) * (1 + 1e-12)).all())
    exact = flat @ (2 * math.exp(-(dim + 1) * time) * (a @ centre) * a + math.exp(-0.5 * dim * time) * b)
    assert bool(((slopes.mean(0) - exact).abs() < 4.5 * slopes.std(0) / math.sqrt(n) + 1e-12).all())


@pytest.mark.parametrize("dim", [2, 3, 10, 64])
def test_the_radius_moves_by_minus_half_the_score(dim: int) -> None:
    """dr/dt = -F_t / p = -½ ∂ log p_t / ∂r, because the heat equation makes F_t half the flux through the sphere r."""
    time = (10 ** torch.linspace(-5, math.log10(8 / dim), 400, dtype=torch.float64)).requires_grad_()
    q = SphereBrownian(pole(dim), time)
    z = q.rsample()
    angle = torch.atan2(torch.linalg.vector_norm(z[:, 1:], dim=-1), z[:, 0])
    (speed,) = torch.autograd.grad(angle.sum(), time)
    angle = angle.detach().requires_grad_()
    point = torch.cat([angle.cos()[:, None], angle.sin()[:, None], torch.zeros(400, dim - 1, dtype=torch.float64)], -1)
    (score,) = torch.autograd.grad(q.log_prob(point).sum(), angle)
    scale = 0.5 * angle.detach() / time.detach()
    assert ((speed + 0.5 * score).abs() < 2e-4 * scale.maximum(score.abs()) + 1e-6).all()


PAPER_TABLE = [
    (2, 0.3, 1.04857, -0.0015, -0.0015),
    (10, 0.01, 12.09137, 0.0014, 0.30),
    (10, 0.1, 2.45777, 0.147, 3.15),
    (10, 0.3, 0.28118, 1.33, 10.3),
    (20, 0.1, 1.52109, 1.40, 29.9),
    (20, 0.3, 0.02608, 10.9, 96.4),
]


@pytest.mark.parametrize(("dim", "time", "exact", "short", "paper"), PAPER_TABLE)
def test_the_printed_divergences_miss_by_as_much_as_is_known(
    dim: int, time: float, exact: float, short: float, paper: float
) -> None:
    t = torch.tensor(time, dtype=torch.float64)
    values = {
        kl: SphereBrownian(pole(dim), t, kl=kl).divergence_from_uniform().item()
        for kl in ("exact", "short_time", "paper")
    }
    assert values["exact"] == pytest.approx(exact, abs=6e-6)
    assert values["short_time"] - values["exact"] == pytest.approx(short, rel=0.05)
    assert values["paper"] - values["exact"] == pytest.approx(paper, rel=0.05)


def test_torus_kl_at_short_times_has_log_two_pi_per_circle() -> None:
    t = torch.tensor([1e-3, 2e-3], dtype=torch.float64)
    q = TorusBrownian(torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64), t)
    expected = (-0.5 * (2 * math.pi * t).log() - 0.5 + math.log(2 * math.pi)).sum()
    assert q.circles.divergence_from_uniform().sum().item() == pytest.approx(expected.item(), rel=1e-7)


def test_one_time_serves_all_circles() -> None:
    loc = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(3, 4)
    one, two = (TorusBrownian(loc, torch.full((3, size), 0.2)) for size in (1, 2))
    assert one.batch_shape == two.batch_shape == (3,)
    assert torch.equal(one.log_prob(loc), two.log_prob(loc))


def test_projective_divergence_is_the_spheres_less_log_two_at_short_times() -> None:
    t = torch.tensor([1e-5, 1e-3], dtype=torch.float64)
    sphere = kl_divergence(SphereBrownian(pole(3), t), SphereUniform(3))
    projective = kl_divergence(ProjectiveBrownian(pole(3), t), ProjectiveUniform(3))
    assert torch.allclose(sphere - projective, torch.full((2,), math.log(2.0), dtype=torch.float64), atol=1e-6)


def test_projective_density_is_even() -> None:
    q = ProjectiveBrownian(pole(3), torch.tensor([0.01, 0.3, 3.0], dtype=torch.float64)[:, None])
    z = SphereUniform(3, dtype=torch.float64).sample((50,))
    assert torch.allclose(q.log_prob(z), q.log_prob(-z), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("distribution", [SphereUniform(4, dtype=torch.float64), RotationUniform(dtype=torch.float64)])
def test_uniform_samples_have_the_uniform_second_moment(distribution: SphereUniform) -> None:
    z = distribution.sample((20000,))
    size = z.shape[-1]
    assert torch.allclose(z.T @ z / len(z), torch.eye(size, dtype=z.dtype) / size, atol=0.01)
    cosine = stats.beta(0.5, 0.5 * (size - 1))
    assert stats.kstest(z[:, 0].square().numpy(), cosine.cdf).pvalue > 1e-4


def test_quaternions_and_matrices_convert_both_ways() -> None:
    quaternion = torch.cat([RotationUniform(dtype=torch.float64).sample((500,)), torch.eye(4, dtype=torch.float64)])
    matrix = quaternion_to_matrix(quaternion)
    back = matrix_to_quaternion(matrix)
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64), atol=1e-12)
    assert torch.allclose((back * quaternion).sum(-1).abs(), torch.ones(504, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(quaternion_to_matrix(back), matrix, atol=1e-12)


def test_the_nearest_rotation_beats_every_other_also_for_negative_determinants() -> None:
    matrix = torch.randn(40, 3, 3, dtype=torch.float64)
    nearest = nearest_rotation(matrix)
    assert torch.allclose(torch.linalg.det(nearest), torch.ones(40, dtype=torch.float64))
    others = quaternion_to_matrix(RotationUniform(dtype=torch.float64).sample((20000,)))
    best = torch.einsum("nij,mij->nm", matrix, others).amax(-1)
    assert (torch.einsum("nij,nij->n", matrix, nearest) >= best).all()
    assert (torch.linalg.det(matrix) < 0).any()


def test_rotation_time_is_that_of_a_walk_in_the_matrices() -> None:
    """Many small steps in R^9, projected onto SO(3), end where ``RotationBrownian`` says."""
    n, time, steps = 4000, 1.0, 100
    matrix = torch.eye(3).repeat(n, 1, 1)
    for _ in range(steps):
        matrix = nearest_rotation(matrix + math.sqrt(time / steps) * torch.randn(n, 3, 3))
    walked = matrix.diagonal(dim1=-2, dim2=-1).sum(-1)
    q = RotationBrownian.from_matrix(torch.eye(3), torch.tensor(time))
    exact = q.rsample_matrix((n,)).diagonal(dim1=-2, dim2=-1).sum(-1)
    assert stats.ks_2samp(walked.numpy(), exact.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("options", [{"sampler": "exakt"}, {"step": "square"}, {"kl": "approx"}])
def test_an_unknown_name_is_an_error_that_lists_the_known(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="use one of"):
        SphereBrownian(pole(2), torch.tensor(0.1), **options)


def test_time_must_be_positive() -> None:
    with pytest.raises(ValueError, match="time"):
        SphereBrownian(pole(2), torch.tensor(-0.1), validate_args=True)


def test_samples_stay_on_the_sphere_in_float32() -> None:
    time = torch.from_numpy(np.logspace(-12, 4, 500)).float()
    z = SphereBrownian(pole(10, torch.float32), time).sample((20,))
    assert torch.allclose(torch.linalg.vector_norm(z, dim=-1), torch.ones(20, 500), atol=1e-5)
