"""What switches understand."""

from __future__ import annotations

import argparse

import pytest

from submission.cli import evaluate, train


@pytest.mark.parametrize(("command", "called"), [(evaluate, "bf16"), (train, "bfloat16")])
def test_a_precision_has_two_names(command: object, called: str) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    assert {parser.parse_args(["--precision", name]).precision for name in ("bf16", "bfloat16")} == {called}
    assert parser.parse_args(["--precision=float32"]).precision == "float32"
    with pytest.raises(SystemExit):
        parser.parse_args(["--precision=half"])
