"""Separated attribute predictability."""

from __future__ import annotations

import warnings

import numpy as np

from submission.metrics import sap


def test_many_classes_give_no_warning() -> None:
    """scikit-learn suspects a regression where more than half of the values occur once."""
    generator = np.random.RandomState(0)
    codes = generator.standard_normal((60, 2)).astype(np.float32)
    factors = np.arange(60)[:, None] % 40
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 <= sap(codes, factors, codes, factors).values["SAP_score"] <= 1
