"""Spaces given by their projection: geometry against closed forms, walks against exact spaces, spaces of one's own."""

from __future__ import annotations

import dataclasses
import math
import runpy
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn.functional import normalize

from submission.distributions import RotationBrownian, RotationUniform, SphereBrownian, SphereUniform
from submission.distributions.closed_manifold import Manifold, OnManifold, ProjectedUniform, ProjectedWalk
from submission.distributions.manifold_examples import ellipsoid, klein_bottle, polar, special_unitary, stiefel
from submission.errors import UsageError
from submission.latent import parse, register
from submission.latent.projected import ProjectedSpace

SPECS = ["Klein", "Ellipsoid(2,1,1)", "O(3)", "Stiefel(3,2)", "SU(2)"]


def direction(x: Tensor) -> Tensor:
    """S^d's projection."""
    return normalize(x, dim=-1)


def circles(x: Tensor) -> Tensor:
    """The flat torus' projection."""
    return normalize(x.unflatten(-1, (-1, 2)), dim=-1).flatten(-2)


KNOWN = [
    (Manifold("S", 3, 2, direction), 4 * math.pi, 2.0),
    (Manifold("S", 4, 3, direction), 2 * math.pi**2, 6.0),
    (Manifold("T", 4, 2, circles), 4 * math.pi**2, 0.0),
    (stiefel(3, 3), 32 * math.sqrt(2) * math.pi**2, 0.75),
    (special_unitary(), 2 * math.pi**2 * 2**1.5, 3.0),
]


@pytest.mark.parametrize(("manifold", "volume", "curvature"), KNOWN)
def test_volume_and_curvature_measured_from_the_projection_are_the_known_ones(
    manifold: Manifold, volume: float, curvature: float
) -> None:
    """Volumes within five of the errors that they state."""
    bare = dataclasses.replace(manifold, volume=None, scalar_curvature=None)
    assert abs(math.log(bare.measured_volume / volume)) < 5 * bare.volume_error + 0.01
    assert bare.volume_error < 0.1
    assert bare.mean_curvature == pytest.approx(curvature, abs=1e-3)
    assert bare.curvature_deviation < 1e-3
    if manifold.volume is not None:
        assert manifold.volume == pytest.approx(volume)
        assert manifold.mean_curvature == curvature


@pytest.mark.parametrize("manifold", [ellipsoid((2.0, 1.0, 1.5)), klein_bottle()])
def test_given_curvatures_are_those_of_gauss(manifold: Manifold) -> None:
    assert callable(manifold.scalar_curvature)
    points = manifold.pool[:16]
    bare = dataclasses.replace(manifold, scalar_curvature=None)
    torch.testing.assert_close(manifold.scalar_curvature(points), bare.measured_curvature, atol=1e-3, rtol=1e-3)


def test_areas_of_ellipsoids() -> None:
    """Of the sphere, and of a spheroid: 2πa²(1 + c/(a e)·asin e), e² = 1 − a²/c²."""
    assert ellipsoid((1.0, 1.0, 1.0)).volume == pytest.approx(4 * math.pi)
    e = math.sqrt(1 - 1 / 4)
    assert ellipsoid((1.0, 1.0, 2.0)).volume == pytest.approx(2 * math.pi * (1 + 2 / e * math.asin(e)))


def test_gauss_and_bonnet_on_the_klein_bottle() -> None:
    """The integral of curvature is 2π times an Euler number of 0."""
    manifold = klein_bottle()
    curvature = manifold.curvature(manifold.pool)
    assert abs(curvature.mean()) < 4 * curvature.std() / math.sqrt(len(curvature))


@pytest.mark.parametrize("manifold", [ellipsoid((2.0, 1.0, 1.5)), klein_bottle(), stiefel(3, 2), special_unitary()])
def test_projections_find_the_nearest_point_and_have_its_derivative(manifold: Manifold) -> None:
    off = (manifold.pool[:20] + 0.1 * torch.randn(20, manifold.ambient, dtype=torch.float64)).requires_grad_()
    nearest = manifold.project(off)
    assert OnManifold(manifold).check(nearest).all()
    distance = (off - nearest).norm(dim=-1)
    others = (off[:, None] - manifold.project(nearest[:, None] + 0.02 * torch.randn(20, 50, manifold.ambient))).norm(
        dim=-1
    )
    assert (others >= distance[:, None] - 1e-6).all()
    assert torch.autograd.gradcheck(manifold.project, (off[:3],), atol=1e-3, rtol=1e-3)


def test_polar_factors_have_gradients_where_singular_values_are_equal() -> None:
    matrix = torch.eye(3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(polar, (matrix,))


@pytest.mark.parametrize("time", [0.05, 0.2])
def test_walks_are_the_exact_motion_within_their_error(time: float) -> None:
    """E cos r on S² is exp(−t); KL is the exact one's within its next order."""
    manifold, t = KNOWN[0][0], torch.tensor(time, dtype=torch.float64)
    centre = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    walk = ProjectedWalk(manifold, centre, t, steps=40)
    z = walk.rsample((20000,))[:, 2]
    assert z.mean().item() == pytest.approx(math.exp(-time), abs=5 * z.std().item() / math.sqrt(20000) + time / 40)
    exact = kl_divergence(SphereBrownian(centre, t), SphereUniform(2))
    given = dataclasses.replace(manifold, volume=4 * math.pi)
    found = kl_divergence(ProjectedWalk(given, centre, t), ProjectedUniform(given))
    assert found.item() == pytest.approx(exact.item(), abs=0.1 * time**2)


def test_orthogonal_matrices_agree_with_rotations() -> None:
    """O(3) has two pieces: log 2 more; Frobenius times are the same."""
    manifold, t = stiefel(3, 3), torch.tensor(0.3, dtype=torch.float64)
    walk = ProjectedWalk(manifold, torch.eye(3, dtype=torch.float64).flatten(), t, steps=40)
    rotation = RotationBrownian(torch.eye(4, dtype=torch.float64)[0], t)
    exact = kl_divergence(rotation, RotationUniform()) + math.log(2)
    assert kl_divergence(walk, ProjectedUniform(manifold)).item() == pytest.approx(exact.item(), abs=0.01)
    trace = walk.rsample((20000,))[:, [0, 4, 8]].sum(-1)
    expected = rotation.rsample_matrix((20000,)).diagonal(dim1=-2, dim2=-1).sum(-1)
    assert trace.mean().item() == pytest.approx(expected.mean().item(), abs=0.03)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("size", [0.0, 1.0, 1e30])
def test_values_and_gradients_are_finite(spec: str, size: float) -> None:
    space = parse(spec)
    assert isinstance(space, ProjectedSpace)
    parameters = (size * torch.randn(20, space.parameter_size)).requires_grad_()
    posterior = space.posterior(parameters)
    z = posterior.rsample()
    kl = posterior.kl(z)
    assert z.shape == (20, space.ambient_size)
    assert kl.shape == (20, 1)
    assert (kl > 0.49 * space.manifold.dimension).all()
    (gradient,) = torch.autograd.grad(kl.sum() + space.decoder_input(z).sin().sum(), parameters)
    for values in (z, kl, gradient, *(space.representation(parameters, mode) for mode in space.export_modes)):
        assert values.isfinite().all()


@pytest.mark.parametrize("spec", SPECS)
def test_spaces_export_and_traverse(spec: str) -> None:
    space = parse(spec)
    assert isinstance(space, ProjectedSpace)
    assert repr(space) == f'parse("{space.spec}")'
    assert parse(space.spec).spec == space.spec
    parameters = torch.randn(5, space.parameter_size)
    for mode in space.export_modes:
        assert space.representation(parameters, mode).shape == (5, space.width(mode))
    path = space.traversal(parameters[:1], 0, 6)
    steps = (path[1:] - path[:-1]).norm(dim=-1)
    assert OnManifold(space.manifold).check(path).all()
    assert (steps > 0.2 * space.manifold.radius).all()
    codes = space.scale("ambient") * space.prior_sample((5000,))
    assert codes.square().mean().item() == pytest.approx(1, abs=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(lambda given: space.representation(given, "ambient"), parameters[:2])
    torch.testing.assert_close(traced(parameters), space.representation(parameters, "ambient"))


def test_long_walks_are_uniform() -> None:
    """Against the given samplers: first and second moments of an ellipsoid and of the Klein bottle."""
    for manifold in (ellipsoid((1.5, 1.0, 1.0)), klein_bottle()):
        walks = dataclasses.replace(manifold, uniform=None).pool
        for power in (1, 2):
            found, expected = walks.pow(power), manifold.pool.pow(power)
            error = ((found.var(0) + expected.var(0)) / len(found)).sqrt()
            assert ((found.mean(0) - expected.mean(0)).abs() < 4.5 * error + 0.02 * manifold.radius**power).all()


def test_no_density_is_a_sentence() -> None:
    space = parse("Klein")
    posterior = space.posterior(torch.zeros(2, space.parameter_size))
    with pytest.raises(UsageError, match="random walks on Klein have no known density"):
        posterior.log_prob(posterior.rsample())


def test_a_manifold_of_ones_own_in_ten_lines() -> None:
    def project(x: Tensor) -> Tensor:
        return direction(x)

    register(Manifold("Globe", ambient=3, dimension=2, project=project))
    space = parse("Globe(steps=5) x R^2")
    posterior = space.posterior(torch.randn(4, space.parameter_size))
    assert space.spec == "Globe(steps=5) x R^2"
    assert posterior.kl(posterior.rsample()).shape == (4, 3)
    register(Manifold("Globe", ambient=3, dimension=2, project=project, volume=4 * math.pi))  # again: replaced
    for name in ("S", "Klein", "My sphere", "x"):
        with pytest.raises(UsageError):
            register(Manifold(name, 3, 2, project))


def test_a_wrong_dimension_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"trace 2\.\d\d, not the dimension 1|trace 1\.\d\d, not the dimension 1"):
        _ = Manifold("Globe", 3, 1, direction).measured_curvature


TIMES = runpy.run_path(str(Path(__file__).resolve().parents[2] / "scripts" / "longest_times.py"))["CASES"]


@pytest.mark.parametrize("name", TIMES)
def test_up_to_the_longest_time_the_expansion_is_the_exact_divergence(name: str) -> None:
    manifold, exact = TIMES[name]
    times = manifold.longest_time * torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    found = manifold.short_time_divergence(times, manifold.mean_curvature)
    torch.testing.assert_close(found, torch.stack([exact(time) for time in times]), atol=0.01, rtol=0)
    assert found[-1].item() == pytest.approx(manifold.dimension / 2, abs=0.01)
    assert exact(torch.tensor(50.0, dtype=torch.float64)) < 0.02 + math.log(2) * (name == "O(3)")


@pytest.mark.parametrize("turns", [5, 20])
def test_a_curve_much_longer_than_its_radius_has_posteriors(turns: int) -> None:
    """(t, turns·t) on the flat torus: its times reach far beyond its squared radius, to 100 times that at most."""

    def project(x: Tensor) -> Tensor:
        angle = torch.linspace(0, 2 * math.pi, 100 * turns, dtype=x.dtype)
        curve = torch.stack([angle.cos(), angle.sin(), (turns * angle).cos(), (turns * angle).sin()], -1)
        return curve[torch.cdist(x.reshape(-1, 4), curve).argmin(-1)].view(x.shape)

    length = 2 * math.pi * math.hypot(1, turns)
    space = ProjectedSpace("Winding", Manifold("Winding", 4, 1, project, length, 0.0))
    raw = torch.tensor([[0.0, 0.0, 0.0, 1.0, 100.0]])
    posterior = space.posterior(raw)
    time = min(length**2 / (2 * math.pi * math.e**2), 200.0)
    assert posterior.statistics()["time"].item() == pytest.approx(time, rel=0.01)
    expected = math.log(length) - 0.5 * (1 + math.log(2 * math.pi * time))
    assert posterior.kl(posterior.rsample()).item() == pytest.approx(expected, abs=0.01)
