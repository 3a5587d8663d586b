"""What is particular to single spaces: evenness, angles, learned exponents, the two-term estimator, products."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from submission.errors import UsageError
from submission.latent import parse
from submission.latent.base import LatentSpace
from submission.latent.components import positive, unit
from submission.latent.estimators import add_score_terms
from submission.latent.families import NEARLY_UNIFORM, OneSidedClamp
from submission.latent.product import ProductSpace

Encode = Callable[..., tuple[LatentSpace, Tensor]]


@pytest.mark.parametrize("spec", ["RP^1", "RP^3", "SO(3)"])
def test_decoder_and_export_are_even(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    z = space.posterior(parameters).rsample()
    torch.testing.assert_close(space.decoder_input(z), space.decoder_input(-z))
    torch.testing.assert_close(space.posterior(parameters).log_prob(z), space.posterior(parameters).log_prob(-z))
    flipped = parameters * torch.tensor([-1.0] * (space.parameter_size - 1) + [1.0])
    for mode in ("ambient", "intrinsic", "mean", "mean_scaled"):
        torch.testing.assert_close(space.representation(parameters, mode), space.representation(flipped, mode))


def test_projective_features_keep_distances() -> None:
    x, y = unit(torch.randn(2, 10, 5, dtype=torch.float64))
    space = parse("RP^4")
    products = (space.decoder_input(x) * space.decoder_input(y)).sum(-1)
    torch.testing.assert_close(products, (x * y).sum(-1).square())


def test_so3_decoder_sees_rotation_matrices_and_exports_rotation_vectors() -> None:
    half = torch.tensor(0.35, dtype=torch.float64)
    quaternion = torch.stack([half.cos(), torch.zeros_like(half), torch.zeros_like(half), half.sin()])
    parameters = torch.cat([-quaternion, torch.zeros(1)])[None]
    space = parse("SO(3)")
    turn = [[math.cos(0.7), -math.sin(0.7), 0], [math.sin(0.7), math.cos(0.7), 0], [0, 0, 1]]
    matrix = space.decoder_input(quaternion[None]).view(3, 3)
    torch.testing.assert_close(matrix, torch.tensor(turn, dtype=torch.float64))
    vector = space.representation(parameters, "intrinsic")
    torch.testing.assert_close(vector, torch.tensor([[0.0, 0.0, 0.7]], dtype=torch.float64))


def test_a_circle_is_one_angle() -> None:
    angles = torch.tensor([[0.3, -2.0, 3.1]], dtype=torch.float64)
    circles = torch.stack([angles.cos(), angles.sin()], -1).flatten(-2)
    parameters = torch.cat([5 * circles, torch.zeros(1, 3)], -1)
    space = parse("T^3")
    torch.testing.assert_close(space.representation(parameters, "intrinsic"), angles)
    assert [block.topology for block in space.blocks("intrinsic")] == ["circle"] * 3
    assert space.width("intrinsic") == 3
    assert space.width("ambient") == 6


def test_a_sphere_is_its_hyperspherical_angles() -> None:
    first, second, third = torch.rand(3, 20, dtype=torch.float64) * torch.tensor([[3.1], [3.1], [6.2]]) - torch.tensor(
        [[0.0], [0.0], [3.1]]
    )
    columns = [
        first.cos(),
        first.sin() * second.cos(),
        first.sin() * second.sin() * third.cos(),
        first.sin() * second.sin() * third.sin(),
    ]
    parameters = torch.stack([*columns, torch.zeros_like(first)], -1)
    codes = parse("S^3").representation(parameters, "intrinsic")
    torch.testing.assert_close(codes, torch.stack([first, second, third], -1))


def test_samples_of_manifolds_are_not_recorded_into_graphs(encode: Encode) -> None:
    space, parameters = encode("S^2(posterior=vmf)")

    def representation(given: Tensor) -> Tensor:
        return space.representation(given, "sample")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(UsageError, match="export ambient, intrinsic or mean"):
            torch.jit.trace(representation, parameters)


def test_embedded_torus_has_its_two_angles_in_the_documented_columns() -> None:
    tube, axis = torch.tensor(0.4, dtype=torch.float64), torch.tensor(-2.0, dtype=torch.float64)
    parameters = torch.stack([tube.cos(), tube.sin(), axis.cos(), axis.sin(), 0 * tube])[None]
    space = parse("Torus(R=3, r=0.5)")
    x, y, z = space.representation(parameters, "mean")[0]
    torch.testing.assert_close((torch.hypot(x, y) - 3).square() + z.square(), torch.tensor(0.25, dtype=torch.float64))
    torch.testing.assert_close(space.representation(parameters, "intrinsic"), torch.stack([tube, axis])[None])
    codes = space.scale("ambient") * space.prior_sample((40000,))
    assert codes.var(0).mean().item() == pytest.approx(1, abs=0.02)


def test_torus_walks_once_around() -> None:
    space = parse("T^2")
    path = space.traversal(torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]]), 0, 4)
    expected = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 1], [-1, 0, 0, 1], [0, -1, 0, 1]])
    torch.testing.assert_close(path, expected, atol=1e-6, rtol=0)


def test_exponents_start_at_two_and_are_learned() -> None:
    space = parse("ISA(2x3; learn=true)")
    assert space.spec == "ISA(2x3; p0=2.1, p=2, learn=true)"
    (raw,) = space.parameters()
    torch.testing.assert_close(space.prior.exponents, torch.full((2,), 2.0))
    (gradient,) = torch.autograd.grad(space.prior_log_prob(torch.randn(50, 6)).sum(), raw)
    assert (gradient != 0).all()
    assert not list(parse("ISA(2x3)").parameters())


@pytest.mark.parametrize("components", ["coordinates", "subspaces"])
def test_isa_components_add_up_to_the_joint_density(components: str) -> None:
    space = parse(f"ISA(2x3+2; p0=2.1, p=1.7, components={components})")
    z = space.prior_sample((30,))
    assert space.prior_log_prob(z).shape == (30, 8 if components == "coordinates" else 3)
    torch.testing.assert_close(space.prior_log_prob(z).sum(-1), space.prior.log_prob(z))
    assert [(block.start, block.stop) for block in space.blocks("mean")] == [(0, 3), (3, 6), (6, 8)]


def test_isa_with_exponents_two_is_a_gaussian_space_of_half_the_variance() -> None:
    space, flat = parse("ISA(2x2; p0=2, p=2)"), parse("R^4")
    assert space.scale("mean_scaled") == pytest.approx(math.sqrt(2))
    z = torch.randn(10, 4)
    expected = flat.prior_log_prob(z * math.sqrt(2)) + math.log(2) / 2
    torch.testing.assert_close(space.prior_log_prob(z), expected)


def test_two_term_posteriors_give_unbiased_gradients_inside_a_product() -> None:
    """Compared with implicit gradients of the same distributions, over the concentrations of both factors."""
    results = []
    for gradient in ("implicit", "two_term"):
        space = parse(f"S^4(posterior=vmf, gradient={gradient}) x T^1(posterior=vmf, gradient={gradient})")
        parameters = torch.ones(20000, space.parameter_size, dtype=torch.float64, requires_grad=True)
        posterior = space.posterior(parameters)
        z = posterior.rsample()
        cost = add_score_terms(posterior, z, z[:, 0] * z[:, 5] + z[:, 1])
        (slopes,) = torch.autograd.grad(cost.sum(), parameters)
        results.append((slopes.mean(0), slopes.var(0) / len(slopes)))
    (implicit, first), (two_term, second) = results
    assert ((implicit - two_term).abs() < 4.5 * (first + second).sqrt() + 1e-9).all()
    assert implicit[[5, 8]].abs().min() > 0.01


@pytest.mark.parametrize(
    "factor", ["S^2", "S^3(posterior=vmf)", "S^2(posterior=vmf, gradient=two_term)", "SO(3)", "T^1"]
)
def test_equal_factors_in_a_row_are_what_each_is_alone(factor: str) -> None:
    """Their distributions are evaluated as one."""
    space, alone = parse(f"{factor} x {factor} x {factor} x S^4 x {factor}"), parse(factor)
    assert isinstance(space, ProductSpace)
    assert [count for _, count in space.groups] == [3, 1, 1]
    parameters = torch.randn(6, space.parameter_size, requires_grad=True)
    posterior = space.posterior(parameters)
    z = posterior.rsample()
    cost = torch.randn(6)
    width = alone.parameter_size
    for index, column in ((0, 0), (1, 1), (2, 2), (4, -1)):
        start = index * width if index < 4 else space.parameter_size - width
        single = alone.posterior(parameters[:, start : start + width])
        block = space.components[column]
        own = z[:, block.start : block.stop]
        torch.testing.assert_close(posterior.log_prob(z)[:, [column]], single.log_prob(own))
        torch.testing.assert_close(posterior.kl(z)[:, [column]], single.kl(own))
        for name, values in single.statistics().items():
            torch.testing.assert_close(posterior.statistics()[f"{name}/{index}"], values)
        gradients = [
            torch.autograd.grad(add_score_terms(q, draw, cost).sum(), parameters, retain_graph=True, allow_unused=True)[
                0
            ]
            if add_score_terms(q, draw, cost).requires_grad
            else torch.zeros_like(parameters)
            for q, draw in ((posterior, z), (single, own))
        ]
        torch.testing.assert_close(*(gradient[:, start : start + width] for gradient in gradients))


def test_samples_of_equal_factors_are_those_of_their_laws() -> None:
    space = parse("S^2(posterior=vmf) x S^2(posterior=vmf)")
    parameters = torch.tensor([[3.0, 0.0, 0.0, 2.0, 0.0, -1.0, 0.0, 0.0]]).expand(20_000, -1)
    means = space.posterior(parameters).rsample().unflatten(-1, (2, 3)).mean(0)
    kappa = parse("S^2(posterior=vmf)").posterior(torch.tensor([[1.0, 0.0, 0.0, 2.0], [1.0, 0.0, 0.0, 0.0]]))
    lengths = [1 / math.tanh(k) - 1 / k for k in kappa.distribution.concentration.flatten().tolist()]  # type: ignore[attr-defined]
    expected = torch.tensor([[lengths[0], 0.0, 0.0], [0.0, -lengths[1], 0.0]])
    torch.testing.assert_close(means, expected, atol=0.02, rtol=0)


def test_products_keep_each_factors_kl_and_scale() -> None:
    space = parse("S^2 x S^3")
    parameters = torch.randn(4, space.parameter_size)
    posterior = space.posterior(parameters)
    alone = [parse("S^2").posterior(parameters[:, :4]), parse("S^3").posterior(parameters[:, 4:])]
    z = posterior.rsample()
    expected = torch.cat([alone[0].kl(z[:, :3]), alone[1].kl(z[:, 3:])], -1)
    torch.testing.assert_close(posterior.kl(z), expected)
    assert space.scale("mean_scaled") == (math.sqrt(3), 2.0)
    assert [part.factor for part in space.components] == [0, 1]


def test_isa_kl_at_samples_is_unbiased_for_the_closed_form_where_there_is_one() -> None:
    """Exponents 2: KL(N(μ, σ²) ‖ N(0, ½)) = log(1/(σ√2)) + σ² + μ² − ½ per coordinate."""
    space = parse("ISA(2x2; p0=2, p=2)")
    parameters = torch.randn(1, 8, dtype=torch.float64).expand(20000, -1)
    posterior = space.posterior(parameters)
    estimates = posterior.kl(posterior.rsample())
    mean, scale = space.representation(parameters[:1], "mean")[0], posterior.statistics()["scale"]
    expected = -torch.log(scale * math.sqrt(2)) + scale.square() + mean.square() - 0.5
    error = estimates.std(0) / math.sqrt(len(estimates))
    assert ((estimates.mean(0) - expected).abs() < 4.5 * error).all()


def test_repeated_factors_have_different_names() -> None:
    assert [part.name for part in parse("S^2 x S^2").components] == ["0:S^2", "1:S^2"]


def test_positive_is_anchored_and_stays_inside() -> None:
    raw = torch.tensor([-1e30, 0.0, 1e30], dtype=torch.float64, requires_grad=True)
    values = positive(raw, 1e-5, 10.0, 0.1)
    torch.testing.assert_close(values.detach(), torch.tensor([1e-5, 0.1, 10.0], dtype=torch.float64))
    (slope,) = torch.autograd.grad(values.log().sum(), raw)
    assert slope.tolist() == pytest.approx([0, 1, 0])


def test_unit_vectors_for_every_finite_input() -> None:
    raw = torch.tensor([[0.0, 0.0], [1e-20, 0.0], [3e38, -3e38], [3.0, 4.0]])
    points = unit(raw)
    torch.testing.assert_close(points.norm(dim=-1), torch.ones(4))
    torch.testing.assert_close(points[3], torch.tensor([0.6, 0.8]))


@pytest.mark.parametrize(
    "spec",
    ["S^1", "S^2", "S^10", "S^64", "T^3", "RP^2", "RP^3", "RP^20", "SO(3)", "Torus", "Torus(R=10, r=1)"]
    + [f"S^{d}(posterior={name})" for d in (1, 2, 40) for name in ("vmf", "power_spherical")],
)
def test_dispersion_stops_where_the_posterior_is_nearly_uniform(spec: str) -> None:
    space = parse(spec).double()
    count = len(space.components)
    raw = torch.randn(500, space.parameter_size, dtype=torch.float64)
    raw[:, -count:] = 60.0 * (1 if "time" in space.posterior(raw).statistics() else -1)
    posterior = space.posterior(raw)
    kl = posterior.kl(posterior.rsample()).mean(0)
    assert ((kl > 0.8 * NEARLY_UNIFORM) & (kl < 1.2 * NEARLY_UNIFORM)).all()


@pytest.mark.parametrize(
    "spec",
    ["S^2(min_time=0.02)", "T^2(min_time=0.02)", "RP^3(min_time=0.02)", "SO(3; min_time=0.02)", "Torus(min_time=0.02)"],
)
def test_times_stay_above_the_option_min_time(spec: str) -> None:
    family = parse(spec).family
    raw = torch.linspace(-600.0, 0.0, 50, dtype=torch.float64).requires_grad_()
    time = family.dispersion(raw)
    assert float(time.detach().min()) == pytest.approx(0.02, rel=1e-6)
    assert float(time.detach()[-1]) == pytest.approx(family.initial)
    sharper, broader = (torch.autograd.grad((sign * time).sum(), raw, retain_graph=True)[0] for sign in (1, -1))
    assert sharper[0] == 0  # a descent step that would go below the bound
    assert broader[0] < -1e-3  # one that leads back


def test_one_least_time_explains_the_kls_that_never_vary_in_the_paper() -> None:
    """Pérez Rey et al. (2020), Table 2: S² 3.45, RP³ 3.70, flat torus 6.42 less the log 2π that it lost."""
    for spec, printed in (("S^2", 3.45), ("RP^3", 3.70), ("T^2", 6.42 - math.log(2 * math.pi))):
        space = parse(f"{spec}(min_time=0.0235)").double()
        raw = torch.full((1, space.parameter_size), -60.0, dtype=torch.float64)
        posterior = space.posterior(raw)
        assert float(posterior.kl(posterior.rsample()).sum()) == pytest.approx(printed, abs=0.012)


def test_the_same_time_and_the_programs_radii_explain_the_papers_torus_in_space() -> None:
    """Pérez Rey et al. (2020), Table 1: 6.57 ± 0.01, without log 2π and with 8πRr for the area 4π²Rr."""
    space = parse("Torus(R=3, r=0.6, min_time=0.0235)").double()
    raw = torch.linspace(-1, 1, 4 * space.parameter_size, dtype=torch.float64).view(4, -1)
    raw[:, -1] = -60.0
    posterior = space.posterior(raw)
    kl = posterior.kl(posterior.rsample()).sum(-1)
    printed = kl + math.log(2 * math.pi) + math.log(8 * math.pi) - math.log(4 * math.pi**2)
    assert (printed - 6.57).abs().max() < 0.02


@pytest.mark.parametrize("above", [True, False])
def test_only_what_leads_away_from_the_limit_passes_there(above: bool) -> None:
    sign = 1.0 if above else -1.0
    values = torch.tensor([1.0, 2.0, 2.0, 5.0, 5.0]).mul(sign).requires_grad_()
    clamped = OneSidedClamp.apply(values, 2.0 * sign, above)
    assert clamped.tolist() == [sign, 2 * sign, 2 * sign, 2 * sign, 2 * sign]
    clamped.backward(torch.tensor([-1.0, -1.0, 1.0, -1.0, 1.0]) * sign)
    assert values.grad is not None
    assert values.grad.tolist() == [-sign, 0.0, sign, 0.0, sign]
