"""What torch.distributions promises of every distribution: validation, expansion, pickling, tracing, torch.func."""

from __future__ import annotations

import copy
import io
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.autograd import forward_ad
from torch.distributions import Distribution, constraints, kl_divergence, transform_to
from torch.func import grad, jacfwd, jacrev, vmap
from torch.nn.functional import normalize

from submission import distributions as package
from submission.distributions import (
    EmbeddedTorusBrownian,
    EmbeddedTorusUniform,
    IndependentSubspaces,
    PowerSpherical,
    ProjectiveBrownian,
    ProjectiveUniform,
    RotationBrownian,
    RotationUniform,
    SphereBrownian,
    SphereUniform,
    TorusBrownian,
    TorusUniform,
    VonMisesFisher,
)
from submission.distributions.closed_manifold import Manifold
from submission.distributions.manifold_examples import ellipsoid, klein_bottle, special_unitary, stiefel
from submission.distributions.torus_coordinates import point_of

Make = Callable[[], Distribution]


def units(*shape: int) -> Tensor:
    """Random unit vectors."""
    return normalize(torch.randn(shape, dtype=torch.float64), dim=-1)


def pairs(*shape: int) -> Tensor:
    """Random points of flat tori."""
    return units(*shape[:-1], shape[-1] // 2, 2).flatten(-2)


def numbers(*shape: int) -> Tensor:
    """Positive numbers between 0.3 and 1.3."""
    return 0.3 + torch.rand(shape, dtype=torch.float64)


def torus_points(*shape: int) -> Tensor:
    """Random points of the torus of radii (2, 1)."""
    return point_of(torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64), (2.0, 1.0))


pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # that forward mode scripts when it is first used

POSTERIORS: dict[type[Distribution], tuple[Callable[..., Tensor], int, str, int]] = {
    SphereBrownian: (units, 4, "time", 0),
    ProjectiveBrownian: (units, 4, "time", 0),
    RotationBrownian: (units, 4, "time", 0),
    TorusBrownian: (pairs, 4, "time", 2),
    EmbeddedTorusBrownian: (torus_points, 0, "time", 0),
    VonMisesFisher: (units, 4, "concentration", 0),
    PowerSpherical: (units, 4, "concentration", 0),
}
"""Class → sampler of centres, their columns (0: three), the other parameter and its columns (0: none)."""
UNIFORMS: dict[type[Distribution], dict[str, Any]] = {
    SphereUniform: {"dim": 3},
    ProjectiveUniform: {"dim": 3},
    RotationUniform: {},
    TorusUniform: {"circles": 2},
    EmbeddedTorusUniform: {},
}
EVERY = [*POSTERIORS, *UNIFORMS, IndependentSubspaces]


def parameters(kind: type[Distribution], *batch: int) -> dict[str, Tensor]:
    """Tensor parameters of a posterior."""
    draw, columns, name, width = POSTERIORS[kind]
    centre = draw(*batch, columns) if columns else draw(*batch)
    return {"loc": centre, name: numbers(*batch, *([width] if width else []))}


def example(kind: type[Distribution], *batch: int, **options: Any) -> Distribution:
    """A distribution of each kind in float64."""
    if kind in POSTERIORS:
        return kind(**parameters(kind, *batch), **options)
    if kind is IndependentSubspaces:
        exponents = torch.tensor([2.0, 1.6], dtype=torch.float64)
        return IndependentSubspaces([2, 3], exponents, 2.1, **options).expand(batch)
    return kind(**UNIFORMS[kind], batch_shape=batch, dtype=torch.float64, **options)


def test_every_public_distribution_is_here() -> None:
    public = {getattr(package, name) for name in package.__all__}
    assert {kind for kind in public if isinstance(kind, type) and issubclass(kind, Distribution)} == set(EVERY)


@pytest.mark.parametrize("kind", EVERY)
def test_supports_belong_to_the_class_and_hold_samples(kind: type[Distribution]) -> None:
    q = example(kind, 3)
    support: Any = q.support
    assert support.check(q.sample((5,))).all()
    assert not support.check(torch.full(q.event_shape, math.nan, dtype=torch.float64)).all()
    assert support.event_dim == kind.support.event_dim == len(q.event_shape)  # type: ignore[attr-defined]
    if "Torus" not in kind.__name__ or kind in (TorusUniform, TorusBrownian):
        assert not constraints.is_dependent(kind.support)
        raw = torch.randn(7, *q.event_shape, dtype=torch.float64)
        assert support.check(transform_to(support)(raw)).all()


@pytest.mark.parametrize("kind", EVERY)
def test_samples_are_validated(kind: type[Distribution]) -> None:
    q = example(kind, 3)
    good = q.sample()
    assert q.log_prob(good).shape == (3,)
    nan = good.clone()
    nan[0, 0] = math.nan
    wrong = [good[..., :-1], good.sum(-1), good[None].expand(2, 3, -1)[:, :2], nan]
    for value in wrong if kind is IndependentSubspaces else [*wrong, 0.4 * good]:
        with pytest.raises(ValueError, match=r"shape|support|value"):
            q.log_prob(value)
    unchecked = example(kind, 3, validate_args=False)
    assert unchecked.log_prob(0.9 * good).isfinite().all()


@pytest.mark.parametrize("kind", POSTERIORS)
def test_parameters_are_validated(kind: type[Distribution]) -> None:
    given = parameters(kind, 3)
    other = POSTERIORS[kind][2]
    for name, value in (("loc", 0.4 * given["loc"]), ("loc", given["loc"] * math.nan), (other, -given[other])):
        with pytest.raises(ValueError, match=name):
            kind(**given | {name: value})
        kind(**given | {name: value}, validate_args=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SphereUniform(-1),
        lambda: SphereUniform(0),
        lambda: ProjectiveUniform(2.5),  # type: ignore[arg-type]
        lambda: TorusUniform(0),
        lambda: EmbeddedTorusUniform((1.0, 2.0)),
        lambda: IndependentSubspaces([2], -1.0, 2.0),
        lambda: IndependentSubspaces([2], 2.0, -2.0),
        lambda: TorusBrownian(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.1])),
    ],
)
def test_other_arguments_are_validated(make: Make) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        make()


@pytest.mark.parametrize("kind", EVERY)
def test_expand_keeps_subclasses_and_values(kind: type[Distribution]) -> None:
    class Special(kind):  # type: ignore[misc,valid-type]
        pass

    q = example(kind, 3)
    q.__class__ = Special
    wide = q.expand((2, 3))
    assert type(wide) is Special
    assert wide.batch_shape == (2, 3)
    z = wide.sample((4,))
    assert z.shape == (4, 2, 3, *q.event_shape)
    torch.testing.assert_close(wide.log_prob(z), q.log_prob(z))
    torch.testing.assert_close(wide.entropy(), q.entropy().expand(2, 3))
    assert wide.expand((5, 2, 3)).batch_shape == (5, 2, 3)


@pytest.mark.parametrize("kind", EVERY)
def test_repr_shows_the_parameters(kind: type[Distribution]) -> None:
    text = repr(example(kind, 3))
    assert text.startswith(f"{kind.__name__}(")
    assert "tensor(" not in text
    assert all(f"{name}=" in text or f"{name}: " in text for name in UNIFORMS.get(kind, ()))


@pytest.mark.parametrize("kind", EVERY)
def test_pickles_and_copies_are_the_same(kind: type[Distribution]) -> None:
    q = example(kind, 3)
    z = q.sample()
    expected = q.log_prob(z), q.entropy()
    file = io.BytesIO()
    pickle.dump(q, file)
    file.seek(0)
    for again in (pickle.load(file), copy.deepcopy(q)):  # noqa: S301 (made three lines above)
        assert type(again) is kind
        torch.testing.assert_close((again.log_prob(z), again.entropy()), expected)


@pytest.mark.parametrize("kind", POSTERIORS)
def test_vmap_is_a_loop(kind: type[Distribution]) -> None:
    given = parameters(kind, 4)
    name = POSTERIORS[kind][2]
    z = kind(**given).sample()

    def evaluate(loc: Tensor, other: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        q = kind(loc, other, validate_args=False)
        return q.log_prob(value), q.entropy()

    if kind is EmbeddedTorusBrownian:
        pytest.skip("its density chooses between two formulas by the batch's shortest time")
    found = vmap(evaluate)(given["loc"], given[name], z)
    torch.testing.assert_close(found, evaluate(given["loc"], given[name], z))
    slopes = vmap(grad(lambda *x: evaluate(*x)[0], argnums=(0, 1, 2)))(given["loc"], given[name], z)
    inputs = [x.clone().requires_grad_() for x in (given["loc"], given[name], z)]
    torch.testing.assert_close(slopes, torch.autograd.grad(evaluate(*inputs)[0].sum(), inputs))


@pytest.mark.parametrize("kind", POSTERIORS)
def test_second_derivatives_of_torch_func_are_autograds(kind: type[Distribution]) -> None:
    given = parameters(kind)
    name = POSTERIORS[kind][2]
    other = given[name] if given[name].dim() else given[name][None]

    def entropy(x: Tensor) -> Tensor:
        return kind(given["loc"], x if given[name].dim() else x[0], validate_args=False).entropy()

    expected = torch.autograd.functional.hessian(entropy, other)
    torch.testing.assert_close(jacrev(jacrev(entropy))(other), expected)
    assert expected.abs().max() > 1e-3


def log_prob_of(kind: type[Distribution]) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """log_prob as a function of all its tensors, and values of them."""
    if kind in POSTERIORS:
        given = list(parameters(kind).values())
        return lambda *x: kind(*x[:2], validate_args=False).log_prob(x[2]), (*given, kind(*given).sample())
    if kind is IndependentSubspaces:
        exponents = torch.tensor([2.0, 1.6], dtype=torch.float64)

        def density(p: Tensor, z: Tensor) -> Tensor:
            return IndependentSubspaces([2, 3], p, 2.1, validate_args=False).log_prob(z)

        return density, (exponents, example(kind).sample())
    return lambda z: example(kind, validate_args=False).log_prob(z) + 0 * z.sum(), (example(kind).sample(),)


@pytest.mark.parametrize("kind", EVERY)
def test_forward_mode_of_densities_is_reverse_mode(kind: type[Distribution]) -> None:
    """First derivatives and all four orders of second ones."""
    function, given = log_prob_of(kind)
    every = tuple(range(len(given)))
    torch.testing.assert_close(jacfwd(function, every)(*given), jacrev(function, every)(*given))
    expected = jacrev(jacrev(function, every), every)(*given)
    for outer, inner in ((jacfwd, jacrev), (jacrev, jacfwd), (jacfwd, jacfwd)):
        torch.testing.assert_close(outer(inner(function, every), every)(*given), expected)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(x, torch.ones_like(x)) for x in given]
        tangent = forward_ad.unpack_dual(function(*duals)).tangent
    torch.testing.assert_close(tangent, sum(part.sum() for part in jacrev(function, every)(*given)))


@pytest.mark.parametrize("kind", POSTERIORS)
def test_forward_mode_of_entropies_is_reverse_mode(kind: type[Distribution]) -> None:
    loc, other = parameters(kind).values()

    def entropy(x: Tensor) -> Tensor:
        return kind(loc, x, validate_args=False).entropy()

    torch.testing.assert_close(jacfwd(entropy)(other), jacrev(entropy)(other))
    for outer, inner in ((jacfwd, jacrev), (jacrev, jacfwd), (jacfwd, jacfwd)):
        torch.testing.assert_close(outer(inner(entropy))(other), jacrev(jacrev(entropy))(other))


@pytest.mark.parametrize("kind", POSTERIORS)
def test_forward_mode_of_samples_is_reverse_mode(kind: type[Distribution]) -> None:
    given = tuple(parameters(kind).values())

    def sample(*x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return kind(*x, validate_args=False).rsample()

    expected = jacrev(sample, (0, 1))(*given)
    torch.testing.assert_close(jacfwd(sample, (0, 1), randomness="same")(*given), expected)
    second = jacrev(jacrev(sample, 1), 1)(*given)
    for outer, inner in ((jacfwd, jacrev), (jacfwd, jacfwd)):
        options = {"randomness": "same"} if inner is jacfwd else {}
        found = outer(inner(sample, 1, **options), 1, randomness="same")(*given)  # type: ignore[arg-type]
        torch.testing.assert_close(found, second)


@pytest.mark.parametrize(("kind", "message"), [(SphereBrownian, "third derivatives"), (RotationBrownian, "third")])
def test_forward_mode_raises_where_orders_end(kind: type[Distribution], message: str) -> None:
    loc, time = parameters(kind).values()

    def entropy(x: Tensor) -> Tensor:
        return kind(loc, x, validate_args=False).entropy()

    for last in (jacfwd, jacrev):
        with pytest.raises(NotImplementedError, match=message):
            last(jacfwd(jacfwd(entropy)))(time)


@pytest.mark.parametrize(
    "manifold", [stiefel(3, 2), stiefel(3, 3), special_unitary(), klein_bottle(), ellipsoid((2, 1, 1))]
)
def test_projections_have_forward_mode(manifold: Manifold) -> None:
    """Also under vmap; second derivatives agree with differences, or raise."""
    x = torch.randn(3, manifold.ambient, dtype=torch.float64) + 2 * manifold.pool[:3]
    for point in x:
        torch.testing.assert_close(jacfwd(manifold.project)(point), jacrev(manifold.project)(point))
    torch.testing.assert_close(vmap(jacrev(manifold.project))(x)[0], jacrev(manifold.project)(x[0]))
    inputs = x[:1].clone().requires_grad_()
    assert torch.autograd.gradcheck(manifold.project, (inputs,))
    if manifold.name.startswith(("Stiefel", "O(")):
        with pytest.raises(NotImplementedError, match="first derivatives only"):
            torch.autograd.functional.hessian(lambda z: manifold.project(z).sum(), x[0])
    elif manifold.name != "Klein":  # whose Gauss–Newton steps end at 1e−6
        assert torch.autograd.gradgradcheck(manifold.project, (inputs,))


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # of torch's own gamma sampler
@pytest.mark.parametrize("kind", POSTERIORS)
def test_samples_have_gradients_under_vmap(kind: type[Distribution]) -> None:
    given = parameters(kind, 6)
    name = POSTERIORS[kind][2]

    def cost(loc: Tensor, other: Tensor) -> Tensor:
        return kind(loc, other, validate_args=False).rsample().sum()

    slopes = vmap(grad(cost, argnums=(0, 1)), randomness="different")(given["loc"], given[name])
    assert [part.shape for part in slopes] == [given["loc"].shape, given[name].shape]
    assert all(part.isfinite().all() and (part != 0).any() for part in slopes)


@pytest.mark.parametrize("kind", POSTERIORS)
@pytest.mark.parametrize("method", ["log_prob", "entropy", "rsample"])
def test_graphs_can_be_traced(kind: type[Distribution], method: str) -> None:
    first, second = parameters(kind, 3), parameters(kind, 3)
    name = POSTERIORS[kind][2]
    z = kind(**first).sample()

    def evaluate(loc: Tensor, other: Tensor, value: Tensor) -> Tensor:
        q = kind(loc, other, validate_args=False)
        result: Tensor = q.log_prob(value) if method == "log_prob" else getattr(q, method)()
        return result

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(evaluate, (first["loc"], first[name], z), check_trace=False)
    for given in (first, second):
        inputs = given["loc"], given[name], kind(**given).sample()
        found = traced(*inputs)
        if method == "rsample":
            assert found.shape == given["loc"].shape
            assert kind(**given).support.check(found).all()  # type: ignore[union-attr]
        else:
            torch.testing.assert_close(found, evaluate(*inputs))


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in (EmbeddedTorusBrownian,)])
def test_moments_are_those_of_samples(kind: type[Distribution]) -> None:
    q, count = example(kind), 40000
    if kind.__name__.startswith(("Projective", "Rotation")):
        with pytest.raises(NotImplementedError):
            _ = q.mean  # points up to sign have none
        return
    z = q.sample((count,))
    bound = stats.norm.isf(1e-6) * z.std(0) / math.sqrt(count)
    assert ((z.mean(0) - q.mean).abs() <= bound).all()
    spread = (z - q.mean).square()
    assert ((spread.mean(0) - q.variance).abs() <= stats.norm.isf(1e-6) * spread.std(0) / math.sqrt(count)).all()
    if hasattr(q, "covariance_matrix"):
        torch.testing.assert_close(torch.cov(z.mT), q.covariance_matrix, atol=0.02, rtol=0)


@pytest.mark.parametrize("first", [SphereBrownian, PowerSpherical, VonMisesFisher, SphereUniform])
def test_divergence_to_von_mises_fisher_is_that_of_samples(first: type[Distribution]) -> None:
    p, q, count = example(first), example(VonMisesFisher), 40000
    z = p.sample((count,))
    ratio = p.log_prob(z) - q.log_prob(z)
    bound = stats.norm.isf(1e-6) * ratio.std().item() / math.sqrt(count)
    assert kl_divergence(p, q).item() == pytest.approx(ratio.mean().item(), abs=bound)


def test_divergence_to_itself_is_zero() -> None:
    q = example(VonMisesFisher, 4)
    torch.testing.assert_close(kl_divergence(q, q), torch.zeros(4, dtype=torch.float64))
