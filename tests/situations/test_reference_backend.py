"""disentanglement_lib as a backend: the time that it takes is announced, and what is finished is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from submission.cli.evaluate import SECONDS_PER_VALUE, announce
from submission.evaluation import make_plan
from submission.evaluation import scoring as scoring_module
from submission.evaluation.api import EvaluationInterrupted, score_target
from submission.evaluation.codes import codes_from_arrays
from submission.evaluation.targets import Target, TargetOptions, codes_target

GRID = np.stack(np.unravel_index(np.arange(6 * 3 * 40), (6, 3, 40)), axis=1)


def target() -> Target:
    """The true factors of a grid as codes."""
    return codes_target(codes_from_arrays(GRID + 0.0, GRID), TargetOptions(data="grid"))


def test_the_expected_time_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    announce(make_plan("challenge", ("mig", "dci"), "installed", "disentanglement_lib", 0, 2, None), target())
    minutes = round(2 * (6 + 3 + 40) * SECONDS_PER_VALUE / 60)
    error = capsys.readouterr().err
    assert f"about {minutes} min for dci of each column" in " ".join(error.split())
    assert "Ctrl-C keeps finished metrics" in " ".join(error.split())
    announce(make_plan("challenge", ("mig",), "installed", "disentanglement_lib", 0, 1, None), target())
    announce(make_plan("challenge", ("dci",), "installed", "submission", 0, 1, None), target())
    assert capsys.readouterr().err == ""


def test_the_first_column_is_finished_before_the_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the third metric of all leaves the two of the first column."""
    calls: list[str] = []
    whole = scoring_module.attempt

    def interrupted(*given: Any) -> Any:
        calls.append("")
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*given)

    monkeypatch.setattr(scoring_module, "attempt", interrupted)
    with pytest.raises(EvaluationInterrupted) as caught:
        score_target(make_plan("fast", ("mig", "sap"), "installed", "submission", 0, 1, None), target())
    assert set(caught.value.results.scores) == {"mig", "sap"}
