"""Options of data sets: a value of another type, or a reserved name, is refused in one line."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from submission.cli.main import main
from submission.data import load, load_with_options
from submission.data.options import describe, fits
from submission.data.registry import REGISTRY
from submission.errors import UsageError
from submission.progress import QUIET


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("turntable", {"color": "false"}, "turntable cannot have color='false' — it takes True or False"),
        ("turntable", {"color": 1}, "turntable cannot have color=1 — it takes True or False"),
        ("turntable", {"objects": "a"}, "turntable cannot have objects='a' — it takes a whole number"),
        ("turntable", {"objects": 2.0}, "turntable cannot have objects=2.0 — it takes a whole number"),
        ("turntable", {"objects": True}, "turntable cannot have objects=True — it takes a whole number"),
        ("torus_pictures", {"discount": "x"}, "torus_pictures cannot have discount='x' — it takes a finite number"),
        ("torus_pictures", {"discount": float("nan")}, "torus_pictures cannot have discount=nan — it takes a finite"),
        ("sprites_torus", {"scale": 10**400}, "it takes a finite number"),
        ("mnist", {"split": 3}, "mnist cannot have split=3 — it takes text in quotes"),
        ("mnist", {"split": ("a", "b")}, "it takes text in quotes"),
        ("shapes3d", {"literal": "no"}, "shapes3d cannot have literal='no' — it takes True or False"),
        ("mnist", {"seed": -1}, "mnist cannot have seed=-1 — give a number from 0 to 4294967295"),
        ("turntable", {"root": 1}, "turntable has no option 'root' — it has objects"),
        ("turntable", {"name": "x"}, "turntable has no option 'name'"),
        ("turntable", {"progress": 3}, "turntable has no option 'progress'"),
    ],
)
def test_another_type_or_name_is_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_with_options(name, None, QUIET, options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", ["color=false", "root=1", "name=x", "progress=3", "objects='a'", "seed=-1"])
def test_the_command_says_so_too(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", "turntable", "--option", option]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_values_that_mean_the_same_are_taken() -> None:
    dataset = load("sprites_torus", positions=np.int64(1), orientations=4, scale=1)
    assert dataset.factor_sizes == (4, 1, 1)


def test_tuples_are_checked_item_by_item() -> None:
    assert fits(tuple[int, ...], (1, 2))
    assert not fits(tuple[int, ...], (1, "2"))
    assert not fits(tuple[int, ...], 1)
    assert describe(tuple[int, ...]) == "a tuple, each item a whole number"


@pytest.mark.parametrize("name", REGISTRY)
def test_every_option_has_a_type_that_is_checked(name: str) -> None:
    for parameter in REGISTRY[name].options().values():
        assert parameter.annotation in ("bool", "int", "float", "str")
        assert parameter.default is not inspect.Parameter.empty
