"""Configurations that are damaged, endless or contradictory end in one line."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from submission.configuration import gin_folder, load
from submission.configuration.settings import Settings
from submission.errors import SubmissionError, UsageError

STEPS = "train.steps = 10"


def read(tmp_path: Path, content: str | bytes) -> Settings:
    """The settings in a gin file with this content."""
    path = tmp_path / "run.gin"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load([str(path)])


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbftrain.steps = 7\n").train.steps == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = %b\nb = %a\ntrain.steps = %a", r"a macro refers to itself .*%a → %b → %a — give one of them a value"),
        ("a = (1, %a)\ntrain.steps = %a", r"%a → %a"),
        (
            "a.b = 3\ntrain.steps = %a.b",
            r"the macro %a\.b .* has no value — a macro's name has no dots: use e\.g\. a_b",
        ),
        ("stepps = 3\ntrain.steps = %steps", r"the macro %steps .* has no value — did you mean stepps\?"),
        ("train.steps = %steps", r"the macro %steps .* has no value — bind steps = …"),
        ("import os\ntrain.steps = 1", r"imports os — remove the import: a configuration runs no code"),
        ("train.steps = " + "(" * 3000, r"is not gin"),
        ("train.steps = " + "[" * 500 + "]" * 500, r"run\.gin|train\.steps"),
        ("train.steps = " + "9" * 6000, r"run\.gin|train\.steps"),
    ],
)
def test_what_cannot_be_meant_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_macros_that_double_forty_times_are_refused(tmp_path: Path) -> None:
    lines = ["m0 = (1, 1)", *(f"m{k + 1} = (%m{k}, %m{k})" for k in range(40)), "objective.factor_betas = %m40", STEPS]
    with pytest.raises(UsageError, match=r"expand to more than 100,000 values"):
        read(tmp_path, "\n".join(lines))


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_pipes_and_long_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gin")
    with pytest.raises(SubmissionError, match=r"no configuration|not a regular file"):
        load([str(tmp_path / "pipe.gin")])
    with pytest.raises(SubmissionError, match="at most 1,048,576"):
        read(tmp_path, "# long\n" * 200_000)
    with pytest.raises(SubmissionError, match="not UTF-8 text"):
        read(tmp_path, b"train.steps = 3 # \xff")


@pytest.mark.parametrize(
    ("binds", "message"),
    [
        (["objective.beta = -1"], r"objective\.beta = -1 is negative"),
        (["objective.factor_betas = (1.0, -0.5)"], r"objective\.factor_betas = \(1\.0, -0\.5\) is negative"),
        (["objective.beta = @w/Linear()", "w/Linear.start = -1.0", "w/Linear.stop = 1.0"], r"objective\.beta = Linear"),
        (["objective.name = 'beta_tcvae'", "objective.gamma = -2"], r"objective\.gamma = -2 is negative"),
        (["objective.name = 'factor_vae'", "objective.gamma = -0.1"], r"objective\.gamma = -0\.1 is negative"),
        (["objective.name = 'capacity'", "objective.capacity = -3.0"], r"objective\.capacity = -3\.0 is negative"),
        (
            [
                "objective.beta = @w/Linear()", "w/Linear.start = 0.0", "w/Linear.stop = 1.0", "w/Linear.steps = 100",
                "w/Linear.fraction = 0.5",
            ],
            r"a linear schedule has steps = 100 and fraction = 0\.5 — give one of them",
        ),
    ],
)  # fmt: skip
def test_contradictory_settings_of_an_objective_are_refused(binds: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load([], [STEPS, *binds])


def test_a_schedule_in_updates_reads_back(tmp_path: Path) -> None:
    binds = ["objective.beta = @w/Linear()", "w/Linear.start = 0.0", "w/Linear.stop = 1.0", "w/Linear.steps = 100"]
    settings = load([], [STEPS, *binds])
    assert read(tmp_path, settings.gin()) == settings


def fuzz(tmp_path: Path, rounds: int, seed: int) -> int:
    """Load damaged configurations; how many were refused. Anything but a one-line error fails."""
    chance, refused = random.Random(seed), 0
    sources = [file.read_bytes() for file in sorted((gin_folder() / "models").rglob("*.gin"))] + [STEPS.encode()]
    pieces = [
        b"%",
        b"@",
        b"(",
        b")",
        b"\n",
        b"=",
        b"'",
        b"include ",
        b"\xff",
        b"\x00",
        b"1e999",
        b"None",
        b".",
        b"/",
        b"\t",
    ]
    for _ in range(rounds):
        text = bytearray(chance.choice(sources))
        for _ in range(chance.randrange(1, 5)):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randrange(4)] = chance.choice(pieces) + chance.randbytes(chance.randrange(2))
        try:
            read(tmp_path, bytes(text))
        except SubmissionError as error:
            refused += "\n" not in str(error)
    return refused


def test_damaged_configurations_are_refused_in_one_line(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 200, seed=0) > 100


@pytest.mark.slow
def test_many_damaged_configurations_are_refused_in_one_line(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 10_000, seed=1) > 5_000
