"""The grammar of spec strings, and errors that point at the offending character."""

from __future__ import annotations

import re

import pytest

from submission.errors import UsageError
from submission.latent import parse
from submission.latent.spaces import SPACES


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        (" S^10 ", "S^10"),
        ("S ^ 6×S^8", "S^6 x S^8"),
        ("T^3 x R^4", "T^3 x R^4"),
        ("S^10(posterior=brownian, sampler=exact)", "S^10"),
        ("S^10(posterior=vmf,gradient=two_term)", "S^10(posterior=vmf, gradient=two_term)"),
        ("S^10(sampler=walk, steps=5, step=sqrt, kl=short_time)", "S^10(sampler=walk, kl=short_time)"),
        ("ISA(5x4; p0=2.1, p=2.2)", "ISA(5x4; p0=2.1, p=2.2)"),
        ("ISA(5x4)", "ISA(5x4; p0=2.1, p=2.2)"),
        ("ISA(2x4+2, learn=true)", "ISA(4+4+2; p0=2.1, p=2, learn=true)"),
        ("SO(3)", "SO(3)"),
        ("SO(3; sampler=walk)", "SO(3; sampler=walk)"),
        ("SO(3; min_time=0.1)", "SO(3; min_time=0.1)"),
        ("S^2(min_time=0.02, sampler=exact)", "S^2(min_time=0.02)"),
        ("Torus(min_time=1e-5)", "Torus"),
        ("S^2()", "S^2"),
        ("Torus(R=3, r=1) x S^1", "Torus(R=3) x S^1"),
        ("Torus", "Torus"),
        ("Ellipsoid(2,1, 1)", "Ellipsoid(2, 1, 1)"),
        ("Ellipsoid(2,1,1; steps=20) x R^2", "Ellipsoid(2, 1, 1; steps=20) x R^2"),
        ("Klein(R=3, r=1, steps=5)", "Klein(R=3, steps=5)"),
        ("SU(2)", "SU(2)"),
    ],
)
def test_specs_have_one_canonical_spelling(spec: str, canonical: str) -> None:
    assert parse(spec).spec == canonical
    assert parse(canonical).spec == canonical


@pytest.mark.parametrize(
    ("spec", "position", "message"),
    [
        ("", 0, "a space's name expected"),
        ("Q^3", 0, "no space is called 'Q'"),
        ("S^10 x Q^3", 7, "no space is called 'Q'"),
        ("S", 0, "S has no dimension"),
        ("S^", 2, "a dimension expected"),
        ("S^ten", 2, "the dimension of S is 'ten'"),
        ("S^-1", 2, "the dimension of S is '-1'"),
        ("S^65", 2, "from 1 to 64"),
        ("S^1000(posterior=vmf)", 2, "from 1 to 999"),
        ("S^6 S^8", 4, "'x' or '×' expected"),
        ("S^6xS^8", 3, "blanks are missing around the x"),
        ("S^2xT^3", 3, 'write "S^2 x T^3"'),
        ("S^6 xS^8", 4, "put blanks around the x"),
        ("S2", 0, 'write "S^2"'),
        ("SO3", 0, 'write "SO(3)"'),
        ("torus", 0, "did you mean Torus?"),
        ("Elipsoid(2,1,1)", 0, "did you mean Ellipsoid?"),
        ("Ellipsoid", 0, 'write "Ellipsoid(2,1,1)"'),
        ("Ellipsoid(20,1,1)", 10, "at most 10 times the shortest"),
        ("Klein(R=1, r=1)", 13, "1.5 to 10 times as wide"),
        ("O(3,2)", 2, "O takes 1 whole number"),
        ("Stiefel(2,3)", 10, "take k < n"),
        ("SU(3)", 3, 'write "SU(2)"'),
        ("S^6 x", 5, "a space's name expected"),
        ("S^10(posterier=vmf)", 5, "S has no option 'posterier'"),
        ("S^10(posterior=wmf)", 15, "choose one of brownian, vmf, power_spherical"),
        ("S^10(posterior=vmf, steps=3)", 20, "choose from posterior, gradient"),
        ("S^10(sampler=walk, steps=0)", 25, "from 1 to 1000"),
        ("S^10(steps=1.5)", 11, "whole number"),
        ("S^10(vmf)", 5, "write options as name=value"),
        ("S^10(posterior=vmf", 18, "expected"),
        ("S^10(posterior=)", 15, "the value of posterior expected"),
        ("S^10(kl=exact, kl=exact)", 15, "given twice"),
        ("R^10(posterior=vmf)", 5, "leave it out"),
        ("ISA", 0, "ISA takes one layout"),
        ("ISA(5x0)", 6, "a subspace's size is '0'"),
        ("ISA(2x3+q)", 8, "a subspace's size is 'q'"),
        ("ISA(5x4; p=-1)", 11, "between 0.5 and 4"),
        ("ISA(5x4; p=nan)", 11, "between 0.5 and 4"),
        ("ISA(5x4; p=3.5, learn=true)", 11, "between 1 and 3"),
        ("ISA(5x4; learn=yes)", 15, "choose one of false, true"),
        ("Torus(R=1, r=2)", 13, "make the circle 1.5 to 10 times as wide"),
        ("Torus(R=100, r=1)", 15, "R/r is 100"),
        ("SO(4)", 3, 'write "SO(3)"'),
        ("SO^3(3)", 3, "takes no ^dimension"),
    ],
)
def test_a_bad_spec_is_one_message_with_a_caret_below_the_culprit(spec: str, position: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(spec)
    first, shown, caret = str(caught.value).split("\n")
    assert message in first
    assert shown == f"  {spec}"
    assert caret == f"  {' ' * position}^"


def test_every_registered_space_refuses_an_unknown_option() -> None:
    samples = {"ISA": "ISA(2; quux=1)", "SO": "SO(3; quux=1)", "Torus": "Torus(quux=1)", "Klein": "Klein(quux=1)"}
    samples |= {"Ellipsoid": "Ellipsoid(2,1; quux=1)", "O": "O(2; quux=1)", "Stiefel": "Stiefel(2,1; quux=1)"}
    samples |= {"SU": "SU(2; quux=1)"}
    for name in SPACES:
        with pytest.raises(UsageError, match="quux"):
            parse(samples.get(name, f"{name}^2(quux=1)"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (" x ".join(["R^1000"] * 400), "more than 256 factors"),
        (" x ".join(["R^1000"] * 20), "20000 components"),
        ("S^2" + "(" * 3000, "expected, not '('"),
        ("S^2" + "(" * 8000, "8003 characters"),
        ("S^" + "9" * 3000, "whole number"),
        ("q" * 3000, "no space is called"),
    ],
)
def test_large_specs_are_one_short_message(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        parse(spec)
    lines = str(caught.value).split("\n")
    assert len(lines) == 3
    assert max(map(len, lines)) < 250
    assert lines[2].index("^") < len(lines[1]) + 1
