"""Parametrises every test that asks for ``case`` (and ``dispersion``) over the distributions in cases.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FALSE_ALARMS = 1e-3
"""Probability that any test of the whole suite fails on a correct program with fresh random numbers."""


def load_cases() -> list:
    """``CASES`` of the file beside this one; tests are no package to import from."""
    spec = importlib.util.spec_from_file_location("distribution_cases", Path(__file__).with_name("cases.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.CASES


CASES = load_cases()
STATISTICAL_TESTS = 3 * sum(len(case.dispersions) for case in CASES)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``case`` alone runs once per distribution; with ``dispersion`` once per ordinary value, too."""
    if "case" not in metafunc.fixturenames:
        return
    if "dispersion" in metafunc.fixturenames:
        pairs = [
            pytest.param(case, dispersion, id=f"{case.name}-{dispersion:g}")
            for case in CASES
            for dispersion in case.dispersions
        ]
        metafunc.parametrize(("case", "dispersion"), pairs)
    else:
        metafunc.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture
def false_alarm() -> float:
    """One statistical test's share of the suite's budget."""
    return FALSE_ALARMS / STATISTICAL_TESTS
