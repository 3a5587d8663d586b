"""What switches understand."""

from __future__ import annotations

import argparse

import pytest

from submission.cli import evaluate, likelihood, plot, report, sweep, train, udr
from submission.data import data_root


@pytest.mark.parametrize(("command", "called"), [(evaluate, "bf16"), (train, "bfloat16")])
def test_a_precision_has_two_names(command: object, called: str) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    assert {parser.parse_args(["--precision", name]).precision for name in ("bf16", "bfloat16")} == {called}
    assert parser.parse_args(["--precision=float32"]).precision == "float32"
    with pytest.raises(SystemExit):
        parser.parse_args(["--precision=half"])


@pytest.mark.parametrize("command", [evaluate, likelihood, plot, report, sweep, train, udr])
def test_help_names_the_folder_of_data_files_that_is_used(command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISENTANGLEMENT_LIB_DATA", raising=False)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    assert f"./{data_root()})" in parser.format_help()
