"""Every latent space by name, and ``parse``, which turns a spec string into one."""

from __future__ import annotations

from collections.abc import Callable

from submission.latent import antipodal, euclidean, isa, spheres, torus_of_revolution
from submission.latent.base import LatentSpace
from submission.latent.product import ProductSpace
from submission.latent.spec import FactorSpec, factors

SPACES: dict[str, Callable[[FactorSpec], LatentSpace]] = {
    "R": euclidean.build,
    "S": spheres.build_sphere,
    "T": spheres.build_torus,
    "RP": antipodal.build_projective,
    "SO": antipodal.build_rotations,
    "Torus": torus_of_revolution.build,
    "ISA": isa.build,
}
"""Name in a spec → builder of that factor; a new space is one new file and one line here."""


def parse(spec: str) -> LatentSpace:
    """The latent space that ``spec`` describes, e.g. ``S^10``, ``T^3 x R^4`` or ``ISA(5x4; p0=2.1, p=2.2)``.

    Raises:
        SpecError: with the spec and a caret below the offending character.
    """
    spaces = [build(factor) for factor in factors(spec)]
    return spaces[0] if len(spaces) == 1 else ProductSpace(spaces)


def build(factor: FactorSpec) -> LatentSpace:
    """One factor of a spec as a space of its own."""
    if factor.name.text not in SPACES:
        raise factor.name.error(f"no space is called {factor.name.text!r}", f"choose one of {', '.join(SPACES)}")
    return SPACES[factor.name.text](factor)
