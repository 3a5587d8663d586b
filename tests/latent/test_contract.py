"""What every latent space promises, whatever its topology, posterior and prior."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from submission.errors import UsageError
from submission.latent import parse
from submission.latent.base import LatentSpace, Posterior
from submission.latent.estimators import add_score_terms, normal_coordinates

EXACT = [
    "R^3", "S^1", "S^2", "S^3", "S^3(posterior=vmf)", "S^1(posterior=vmf)", "S^4(posterior=power_spherical)",
    "T^1", "T^3", "T^2(posterior=vmf)", "RP^1", "RP^3", "SO(3)", "S^2 x T^2 x R^2", "S^2 x S^2", "R^1 × SO(3)",
    "Torus",
]  # fmt: skip
"""Spaces whose sampler, density and KL belong to one distribution, with KL known exactly."""
SAMPLED = ["ISA(2x3)", "ISA(2x2; p0=1.5, p=1.8, components=subspaces)", "ISA(3+1; learn=true) x S^2"]
"""Spaces whose KL is estimated at the sample."""
LITERAL = [
    "S^3(sampler=walk, steps=5, step=sqrt, kl=short_time)", "S^3(posterior=vmf, gradient=two_term)",
    "T^2(sampler=walk, step=literal)", "RP^2(kl=paper)",
    "Torus(sampler=walk, steps=5)", "SO(3; sampler=walk, kl=short_time)",
]  # fmt: skip
"""The papers' approximations, by name: shapes and finiteness hold, agreement is not promised."""
CONSISTENT, EVERY = EXACT + SAMPLED, EXACT + SAMPLED + LITERAL
WALKS = ["Klein", "Ellipsoid(2,1,1)", "Ellipsoid(1.5,1)", "O(3)", "Stiefel(3,2)", "SU(2)", "Klein(steps=3) x R^2"]
"""Closed manifolds by their projection: random walks have no density, so no likelihood and no total correlation."""
DRAWS = 8000
ALARM = 4.5
"""Standard errors that raise the alarm: about one false alarm in 150,000 comparisons."""

Encode = Callable[..., tuple[LatentSpace, Tensor]]


def mean_and_error(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the first axis and its standard error."""
    return values.mean(0), values.std(0) / math.sqrt(len(values))


def moderate(space: LatentSpace, parameters: Tensor) -> Posterior:
    """A posterior that is neither flat nor a spike: half the random encoder output."""
    return space.posterior(parameters.detach() / 2)


@pytest.mark.parametrize("spec", EVERY + WALKS)
def test_columns_components_and_names_fit_together(spec: str) -> None:
    space = parse(spec)
    edges = [0, *(part.stop for part in space.components)]
    assert [part.start for part in space.components] == edges[:-1]
    assert edges[-1] == space.ambient_size
    assert len({part.name for part in space.components}) == len(space.components)
    factors = [part.factor for part in space.components]
    assert factors == sorted(factors)
    assert parse(space.spec).spec == space.spec


@pytest.mark.parametrize("spec", EVERY)
def test_what_calls_itself_normal_is(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec, 5, torch.float64)
    posterior = space.posterior(parameters)
    z = posterior.rsample((2,))
    normal = normal_coordinates(posterior, z)
    if normal is None:
        return
    turns = 2 * math.pi * torch.arange(-4, 5, dtype=torch.float64)[:, None, None, None]
    images = torch.distributions.Normal(normal.mean, normal.scale).log_prob(normal.value + turns)
    wrapped = torch.logsumexp(images, 0)
    density = torch.where(torch.tensor(normal.circular), wrapped, images[4])
    parts = torch.stack([part.sum(-1) for part in density.split(normal.sizes, -1)], -1)
    torch.testing.assert_close(parts, posterior.log_prob(z))


@pytest.mark.parametrize("spec", EVERY + WALKS)
def test_what_is_not_a_number_stays_so(spec: str) -> None:
    """A diverged network is told by its loss, not by an error inside a table."""
    space = parse(spec)
    posterior = space.posterior(torch.full((3, space.parameter_size), float("nan")))
    assert bool(posterior.kl(posterior.rsample()).isnan().any())


@pytest.mark.parametrize("spec", EVERY + WALKS)
def test_shapes_and_types(spec: str, dtype: torch.dtype, encode: Encode) -> None:
    space, parameters = encode(spec, 5, dtype)
    posterior, count = space.posterior(parameters), len(space.components)
    z = posterior.rsample()
    results = {
        (5, space.ambient_size): z,
        (5, count): posterior.kl(z),
        (2, 3, 5, space.ambient_size): posterior.rsample((2, 3)),
        (4, 3, space.ambient_size): space.prior_sample((4, 3)),
        (4, 3, count): space.prior_log_prob(space.prior_sample((4, 3))),
        (5, space.decoder_size): space.decoder_input(z),
    }
    if spec not in WALKS:
        results[5, 5, count] = posterior.log_prob(z[:, None])
    for shape, result in results.items():
        assert (result.shape, result.dtype) == (shape, dtype)
    for values in posterior.statistics().values():
        assert values.ndim == 1
        assert not values.requires_grad
    assert add_score_terms(posterior, z, torch.ones(5, dtype=dtype)).tolist() == [1.0] * 5


@pytest.mark.parametrize("spec", EVERY)
def test_table_of_pairs_has_each_images_own_density_on_its_diagonal(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    posterior = space.posterior(parameters)
    z = posterior.rsample((2,))
    table = posterior.log_prob(z[:, :, None])
    torch.testing.assert_close(table.diagonal(dim1=1, dim2=2).movedim(-1, 1), posterior.log_prob(z))


@pytest.mark.parametrize("spec", EVERY + WALKS)
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e3, 1e30])
def test_values_and_gradients_are_finite_for_every_finite_output(
    spec: str, size: float, dtype: torch.dtype, encode: Encode
) -> None:
    space, parameters = encode(spec, 200, dtype)
    parameters = (parameters.detach().sign() * size).requires_grad_()
    posterior = space.posterior(parameters)
    z = posterior.rsample()
    kl = posterior.kl(z)
    density = kl if spec in WALKS else posterior.log_prob(z)
    (gradient,) = torch.autograd.grad(density.sum() + kl.sum() + space.decoder_input(z).sum(), parameters)
    for values in (z, density, kl, gradient, *(space.representation(parameters, mode) for mode in space.export_modes)):
        assert values.isfinite().all()


def mixture(space: LatentSpace, posterior: Posterior) -> tuple[Tensor, Tensor]:
    """Draws (2·DRAWS, 1, ambient_size), half from the prior, half from q, and their weights q/(½p + ½q) ≤ 2.

    The weights' mean is one, and weighted means are means under q, where sampler and density belong to one
    distribution.
    """
    z = torch.cat([space.prior_sample((DRAWS, 1)), posterior.rsample((DRAWS,))]).detach()
    log_ratio = space.prior_log_prob(z).sum(-1) - posterior.log_prob(z).sum(-1)
    return z, 2 * torch.sigmoid(-log_ratio).detach()


@pytest.mark.parametrize("spec", CONSISTENT)
def test_density_integrates_to_one(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec, 1)
    _, weights = mixture(space, moderate(space, parameters))
    prior, own = weights[:DRAWS], weights[DRAWS:]
    error = torch.sqrt((prior.var() + own.var()) / (4 * DRAWS))
    assert abs(weights.mean() - 1) < ALARM * error + 1e-9


@pytest.mark.parametrize("spec", CONSISTENT)
def test_samples_follow_the_density(spec: str, encode: Encode) -> None:
    """Features and their squares have the same means over samples as over the reweighted mixture."""
    space, parameters = encode(spec, 1)
    posterior = moderate(space, parameters)
    mean, error = mean_and_error(both_powers(space.decoder_input(posterior.rsample((DRAWS,)))))
    z, weights = mixture(space, posterior)
    expected, doubt = mean_and_error(weights[..., None] * both_powers(space.decoder_input(z)))
    assert ((mean - expected).abs() < ALARM * (error.square() + doubt.square()).sqrt() + 1e-9).all()


def both_powers(values: Tensor) -> Tensor:
    """Columns and their squares, without history."""
    return torch.cat([values, values.square()], -1).detach()


@pytest.mark.parametrize("spec", EXACT)
def test_kl_is_the_mean_log_ratio(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec, 2)
    posterior = space.posterior(parameters)
    z = posterior.rsample((DRAWS,))
    mean, error = mean_and_error((posterior.log_prob(z) - space.prior_log_prob(z)).detach())
    assert ((mean - posterior.kl(z[0]).detach()).abs() < ALARM * error + 1e-6).all()


@pytest.mark.parametrize("spec", EXACT + WALKS)
def test_gradient_of_kl_agrees_with_finite_differences(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec, 2)
    z = space.prior_sample((2,))
    assert torch.autograd.gradcheck(lambda given: space.posterior(given).kl(z), parameters, eps=1e-5, rtol=1e-3)


@pytest.mark.parametrize("spec", CONSISTENT)
def test_gradients_through_samples_agree_with_the_score_function(spec: str, encode: Encode) -> None:
    """∇E f(z) through samples against E f(z)·∇log q(z), f a random function of z."""
    space, parameters = encode(spec, 1)
    given = (parameters.detach() / 2).expand(DRAWS, -1).clone().requires_grad_()
    direction = torch.randn(space.decoder_size, dtype=torch.float64)
    posterior = space.posterior(given)
    z = posterior.rsample()
    values = torch.sin(space.decoder_input(z) @ direction)
    (own,) = torch.autograd.grad(values.sum(), given, retain_graph=True)
    score = (values.detach() * posterior.log_prob(z.detach()).sum(-1)).sum()
    (expected,) = torch.autograd.grad(score, given)
    (mean, error), (target, doubt) = mean_and_error(own), mean_and_error(expected)
    assert ((mean - target).abs() < ALARM * (error.square() + doubt.square()).sqrt() + 1e-7).all()


@pytest.mark.parametrize("spec", EVERY + WALKS)
def test_export_is_laid_out_deterministic_and_blind_to_the_batch(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    for mode in space.export_modes:
        blocks = space.blocks(mode)
        edges = [0, *(block.stop for block in blocks)]
        assert [block.start for block in blocks] == edges[:-1]
        codes = space.representation(parameters, mode)
        assert codes.shape == (5, space.width(mode))
        if mode != "sample":
            rows = torch.cat([space.representation(parameters[index : index + 1], mode) for index in range(5)])
            torch.testing.assert_close(codes, rows)


@pytest.mark.parametrize("spec", WALKS)
def test_walks_stay_on_the_manifold_around_their_centre(spec: str, encode: Encode) -> None:
    """Samples stay where they are if projected, and their mean moves to the centre as the time goes to zero."""
    space, parameters = encode(spec, 4)
    first = parse(spec.partition(" x ")[0])  # whose last parameter is the time
    small = parameters.detach().clone()
    small[:, first.parameter_size - 1] = -50.0
    columns = slice(first.ambient_size)
    centre = space.representation(small, "mean")[:, columns]
    z = space.posterior(small).rsample((200,))[..., columns]
    assert (z - centre).abs().amax() < 0.2
    assert (z.mean(0) - centre).abs().amax() < 0.01


@pytest.mark.parametrize("spec", WALKS)
def test_what_needs_a_density_raises_where_there_is_none(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    posterior = space.posterior(parameters)
    with pytest.raises(UsageError, match=r"random walks on .+ have no known density"):
        posterior.log_prob(posterior.rsample())


@pytest.mark.parametrize("spec", EVERY)
def test_mean_is_the_posteriors_centre_as_an_ambient_point(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    centre = space.representation(parameters, "mean")
    density = space.posterior(parameters).log_prob(centre).sum(-1)
    around = space.posterior(parameters).rsample((50,))
    assert (density >= space.posterior(parameters).log_prob(around).sum(-1) - 1e-9).all()


@pytest.mark.parametrize("spec", EVERY + WALKS)
def test_export_can_be_traced_and_runs_on_other_batch_sizes(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    for mode in space.export_modes:
        if mode == "sample":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # tracing itself is deprecated, the format is not
            traced = torch.jit.trace(Exported(space, mode).eval(), parameters[:2].detach())
        torch.testing.assert_close(traced(parameters), space.representation(parameters, mode))


class Exported(nn.Module):
    """Just enough of a module to trace a representation."""

    def __init__(self, space: LatentSpace, mode: str) -> None:
        super().__init__()
        self.space, self.mode = space, mode

    def forward(self, parameters: Tensor) -> Tensor:
        """The representation of an encoder's output."""
        return self.space.representation(parameters, self.mode)


@pytest.mark.parametrize("spec", EVERY)
def test_a_traversal_moves_one_component_from_its_centre(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec, 1)
    centre = space.representation(parameters, "mean").detach()
    for index, part in enumerate(space.components):
        path = space.traversal(parameters, index, 6).detach()
        assert path.shape == (6, space.ambient_size)
        still = torch.ones(space.ambient_size, dtype=torch.bool)
        still[part.start : part.stop] = False
        torch.testing.assert_close(path[:, still], centre.expand(6, -1)[:, still])
        steps = (path[1:] - path[:-1]).norm(dim=-1)
        assert (steps > 1e-3).all()
        assert torch.allclose(steps, steps[:1].expand(5))
        assert space.prior_log_prob(path).isfinite().all()


@pytest.mark.parametrize("spec", ["S^1", "S^4", "S^10(posterior=vmf)", "T^3", "RP^3", "SO(3)", "R^3", "S^2 x R^2"])
def test_scaled_codes_have_unit_variance_under_the_prior(spec: str) -> None:
    """Random directions make the encoder's centres uniform; RP^d's squares fall short of one by 1/(d+1)."""
    space = parse(spec)
    parameters = torch.randn(20000, space.parameter_size)
    for mode in {"ambient", "mean_scaled"} - ({"mean_scaled"} if spec in ("RP^3", "SO(3)") else set()):
        variance = space.representation(parameters, mode).var(0)
        assert ((variance - 1).abs() < (0.3 if spec == "RP^3" else 0.06)).all()


@pytest.mark.parametrize("spec", ["S^2", "T^3", "RP^3", "SO(3)", "ISA(5x4)", "S^1 x S^8(posterior=vmf)"])
def test_raw_and_scaled_means_differ_by_the_recorded_scale(spec: str, encode: Encode) -> None:
    space, parameters = encode(spec)
    scale = space.scale("mean_scaled")
    factors = scale if isinstance(scale, tuple) else (scale,) * (space.components[-1].factor + 1)
    columns = [factors[part.factor] for part in space.components for _ in range(part.start, part.stop)]
    raw, scaled = space.representation(parameters, "mean"), space.representation(parameters, "mean_scaled")
    torch.testing.assert_close(raw * torch.tensor(columns, dtype=raw.dtype), scaled)
