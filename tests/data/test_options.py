"""Options of data sets: a value of another type, or a reserved name, is refused in one line."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from submission.cli.main import main
from submission.data import data_sets_kept, from_arrays, load, load_with_options, unpickling_allowed
from submission.data.registry import REGISTRY, Entry
from submission.errors import SubmissionError, UsageError
from submission.options import accepts
from submission.progress import QUIET


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("turntable", {"color": "false"}, "turntable cannot have color='false' — it takes True or False"),
        ("turntable", {"color": 1}, "turntable cannot have color=1 — it takes True or False"),
        ("turntable", {"objects": "a"}, "turntable cannot have objects='a' — it takes a whole number"),
        ("turntable", {"objects": 2.0}, "turntable cannot have objects=2.0 — it takes a whole number"),
        ("turntable", {"objects": True}, "turntable cannot have objects=True — it takes a whole number"),
        ("torus_pictures", {"discount": "x"}, "torus_pictures cannot have discount='x' — it takes a number"),
        (
            "torus_pictures",
            {"discount": float("nan")},
            "cannot have discount=nan — give a finite number",
        ),
        ("sprites_torus", {"scale": 10**400}, "give a finite number"),
        ("mnist", {"split": 3}, "mnist cannot have split=3 — it takes a quoted string"),
        ("mnist", {"split": ("a", "b")}, "it takes a quoted string"),
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
def test_the_command_has_the_same_error(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", "turntable", "--option", option]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_values_that_mean_the_same_are_taken() -> None:
    dataset = load("sprites_torus", positions=np.int64(1), orientations=4, scale=1)
    assert dataset.factor_sizes == (4, 1, 1)


def test_a_data_set_of_ones_own_has_the_name_under_which_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run records it; with another name its images would not be found again."""
    images = np.zeros((4, 8, 8), np.uint8)
    monkeypatch.setitem(REGISTRY, "my_dots", Entry(lambda name, root: from_arrays(images, range(4)), "dots"))
    assert load("my_dots").name == "my_dots"


def test_tuples_are_checked_item_by_item() -> None:
    assert accepts(tuple[int, ...], (1, 2))
    assert not accepts(tuple[int, ...], (1, "2"))
    assert not accepts(tuple[int, ...], 1)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_option_has_a_type_that_is_checked(name: str) -> None:
    for parameter in REGISTRY[name].options().values():
        assert parameter.annotation in ("bool", "int", "float", "str")
        assert parameter.default is not inspect.Parameter.empty


@pytest.mark.parametrize("command", ["data info", "data show", "train --config demo --data"])
def test_a_reader_that_unpickles_must_be_allowed_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """disentanglement_lib's own readers unpickle; neither a name nor a configuration alone is enough for them."""
    name = "dlib:dsprites_full"
    assert main([*command.split(), name]) != 0
    line = capsys.readouterr().err.splitlines()[-1]
    assert "unpickles files: that can run any code — use dsprites_full, or allow it with --allow-unpickling" in line


def test_allowing_to_unpickle_ends_with_its_block() -> None:
    refusal = pytest.raises(UsageError, match="unpickles files")
    with unpickling_allowed(), pytest.raises(SubmissionError) as caught:
        load("dlib:no_such_set")
    assert "unpickles files" not in str(caught.value)
    with refusal:
        load("dlib:no_such_set")


def test_data_sets_are_loaded_once_in_a_block_that_keeps_them() -> None:
    first = load("torus_pictures", simple=True)
    with data_sets_kept():
        second = load("torus_pictures", simple=True)
        assert load("torus_pictures", simple=True) is second
        assert load("torus_pictures", simple=False) is not second
    assert second is not first
    assert load("torus_pictures", simple=True) is not second
