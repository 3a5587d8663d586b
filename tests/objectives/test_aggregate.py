"""log q(z) of a batch, computed in slabs of rows."""

from __future__ import annotations

import pytest
import torch

from submission import acceleration
from submission.objectives import aggregate
from tests.objectives.aggregate_cases import evaluate, problem


@pytest.mark.parametrize("spec", ["R^3", "S^2 x R^1", "T^2"])
def test_slabs_change_neither_value_nor_gradient(spec, monkeypatch):
    monkeypatch.setattr(acceleration, "accelerators", dict)
    given = problem(spec, images=10)
    whole = evaluate(spec, *given)
    monkeypatch.setitem(aggregate.TABLE_ENTRIES, "cpu", 60)
    for slab, reference in zip(evaluate(spec, *given), whole, strict=True):
        torch.testing.assert_close(slab, reference)
