"""Every latent space by name; ``parse`` turns a spec string into one, ``register`` adds your own manifold."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import partial

from submission.distributions.closed_manifold import Manifold
from submission.errors import UsageError
from submission.latent import antipodal, euclidean, isa, projected, spheres, torus_of_revolution
from submission.latent.base import LatentSpace
from submission.latent.product import ProductSpace
from submission.latent.spec import FactorSpec, SpecError, factors
from submission.plugins import choices

SPACES: dict[str, Callable[[FactorSpec], LatentSpace]] = {
    "R": euclidean.build,
    "S": spheres.build_sphere,
    "T": spheres.build_torus,
    "RP": antipodal.build_projective,
    "SO": antipodal.build_rotations,
    "Torus": torus_of_revolution.build,
    "ISA": isa.build,
    "Ellipsoid": projected.build_ellipsoid,
    "Klein": projected.build_klein,
    "O": projected.build_orthogonal,
    "Stiefel": projected.build_stiefel,
    "SU": projected.build_special_unitary,
}
"""Name in a spec → builder of that factor; a new space is one new file and one line here."""
MOST_COMPONENTS, MOST_COLUMNS = 4096, 65536
"""Of a product: components, and columns that the encoder has to output."""


def register(manifold: Manifold) -> Manifold:
    """Make ``manifold`` a space that specs name, and return it.

    Raises:
        UsageError: if the name is not a word of letters, or is used by another manifold.

    Example:
        >>> import torch
        >>> ring = Manifold("Ring", 2, 1, lambda x: torch.nn.functional.normalize(x, dim=-1))
        >>> parse(register(ring).name + " x R^2")
        parse("Ring x R^2")
    """
    known = SPACES.get(manifold.name)
    own = isinstance(known, partial) and known.func is projected.build_registered
    if not re.fullmatch(r"[A-Za-z]+", manifold.name) or manifold.name == "x":
        raise UsageError(f"a manifold cannot be called {manifold.name!r}", "use letters only, and not x alone")
    if known is not None and not own:
        raise UsageError(f"the space {manifold.name} exists", "give the manifold another name")
    SPACES[manifold.name] = partial(projected.build_registered, manifold)
    return manifold


def parse(spec: str) -> LatentSpace:
    """The latent space that ``spec`` describes, e.g. ``S^10``, ``T^3 x R^4`` or ``ISA(5x4; p0=2.1, p=2.2)``.

    Raises:
        SpecError: with the spec and a caret below the offending character.
    """
    spaces = [build(factor) for factor in factors(spec)]
    if len(spaces) == 1:
        return spaces[0]
    components, columns = (
        sum(sizes) for sizes in zip(*((len(own.components), own.parameter_size) for own in spaces), strict=True)
    )
    if components > MOST_COMPONENTS or columns > MOST_COLUMNS:
        size = f"{components} components and {columns} encoder outputs"
        raise SpecError(spec, 0, f"a product of {size}", f"stay within {MOST_COMPONENTS} and {MOST_COLUMNS}")
    return ProductSpace(spaces)


def build(factor: FactorSpec) -> LatentSpace:
    """One factor of a spec as a space of its own."""
    name = factor.name.text
    if name not in SPACES:
        raise factor.name.error(f"no space is called {name[:40]!r}", advice(name))
    return SPACES[name](factor)


def advice(name: str) -> str:
    """What was probably meant by an unknown name, or all names."""
    glued = re.match(rf"({'|'.join(sorted(SPACES, key=len, reverse=True))})(\d+)$", name)
    if glued and glued[1] in ("S", "T", "R", "RP"):
        return f'write "{glued[1]}^{glued[2]}"'
    if glued and glued[1] in ("SO", "SU", "O"):
        return f'write "{glued[1]}({glued[2]})"'
    alike = {known.lower(): known for known in SPACES}
    close = difflib.get_close_matches(name[:40].lower(), alike, 1)
    return f"did you mean {alike[close[0]]}?" if close else choices(SPACES)
