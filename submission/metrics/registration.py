"""Metrics by name, made from functions of arrays.

A function's parameters say what it takes: settings of the same names, and of the sampler ``seed``, ``factor_sizes``,
``cycles`` (which factors are periodic) and ``continuous``. A function with a parameter ``blocks`` has a variant by
block; one with a parameter ``continuous`` has a form for real-valued factors.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from submission.errors import SubmissionError
from submission.metrics.base import Blocks, InterventionSampler, Metric, Sampler, Scores, interventions

DRAWN = ("num_train", "num_test", "batch_size")
"""Settings of the draws, which functions of arrays do not have."""
OF_SAMPLERS = {"seed": "seed", "factor_sizes": "factor_sizes", "cycles": "periodic", "continuous": "continuous"}
"""Parameters that have the value of a sampler's attribute."""


def of_points(function: Callable[..., Scores], *, settings: Any, **about: Any) -> Metric:
    """A metric from ``function(codes, factors, ...)`` of ``settings.num_train`` random points.

    Args:
        function: codes (N, D), factors (N, K) and further parameters by name → scores.
        settings: a dataclass with ``num_train``, ``batch_size`` and what ``function`` takes.
        about: the other attributes of the ``Metric``.
    """

    def score(sampler: Sampler, chosen: Any, blocks: Blocks | None = None) -> Scores:
        given = arguments(function, about["name"], sampler, chosen, blocks)
        return function(*sampler.points(chosen.num_train, chosen.batch_size), **given)

    return registered(function, score, settings, about)


def of_train_test(function: Callable[..., Scores], *, settings: Any, **about: Any) -> Metric:
    """A metric from ``function(codes, factors, test_codes, test_factors, ...)`` of training and test points.

    Args:
        function: as for ``of_points``, with test points after the training points.
        settings: a dataclass with ``num_train``, ``num_test``, ``batch_size`` and what ``function`` takes.
        about: the other attributes of the ``Metric``.
    """

    def score(sampler: Sampler, chosen: Any, blocks: Blocks | None = None) -> Scores:
        given = arguments(function, about["name"], sampler, chosen, blocks)
        train, test = sampler.train_test(chosen.num_train, chosen.num_test, chosen.batch_size)
        return function(*train, *test, **given)

    return registered(function, score, settings, about)


def of_interventions(function: Callable[..., Scores], *, settings: Any, blocks: bool = False, **about: Any) -> Metric:
    """A metric from ``function(sampler, settings)``, or ``function(sampler, settings, blocks)``, on a full grid."""

    def score(sampler: Sampler, chosen: Any, *joined: Blocks) -> Scores:
        refuse_continuous(sampler, about["name"])
        grid: InterventionSampler = interventions(sampler, about["name"])
        return function(grid, chosen, *joined)

    return Metric(settings=settings, score=score, block_score=score if blocks else None, full_grid=True, **about)


def registered(
    function: Callable[..., Scores], score: Callable[..., Scores], settings: Any, about: dict[str, Any]
) -> Metric:
    """The metric, if ``function`` takes all its settings."""
    known = inspect.signature(function).parameters
    unknown = [name for name in names_of(settings) if name not in known and name not in DRAWN]
    if unknown:
        raise TypeError(f"{about['name']} has settings that its function does not take: {', '.join(unknown)}")
    return Metric(settings=settings, score=score, block_score=score if "blocks" in known else None, **about)


def arguments(
    function: Callable[..., Scores], metric: str, sampler: Sampler, settings: Any, blocks: Blocks | None
) -> dict[str, Any]:
    """What ``function`` takes by name of the sampler and the settings."""
    known = inspect.signature(function).parameters
    if "continuous" not in known:
        refuse_continuous(sampler, metric)
    offered = {name: getattr(sampler, attribute) for name, attribute in OF_SAMPLERS.items()} | {
        name: getattr(settings, name) for name in names_of(settings) if name not in DRAWN
    }
    offered |= {} if blocks is None else {"blocks": blocks}
    return {name: value for name, value in offered.items() if name in known}


def refuse_continuous(sampler: Sampler, metric: str) -> None:
    """SubmissionError if a factor has real values, for a metric that compares classes."""
    if any(sampler.continuous):
        names = [name for name, real in zip(sampler.factor_names, sampler.continuous, strict=True) if real]
        raise SubmissionError(
            f"{metric} has no form for real-valued factors ({', '.join(names)})",
            "choose mig, sap, dci or infomec, or give the factor as classes",
        )


def names_of(settings: Any) -> tuple[str, ...]:
    """The settings' names."""
    return tuple(field.name for field in dataclasses.fields(settings))
