"""disentanglement_lib's own metrics, run as its evaluator runs them."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from submission.errors import SubmissionError, UsageError
from submission.reference.compatibility import gin, module

Encode = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]  # images (n, height, width, channels) → codes (n, D)

HISTOGRAM = ("discretizer.discretizer_fn = @histogram_discretizer",)
BOOSTING = ("predictor.predictor_fn = @gradient_boosting_classifier",)
LOGISTIC = ("predictor.predictor_fn = @logistic_regression_cv",)
DOWNSTREAM = "compute_downstream_task"
ELSEWHERE = {"num_bins": "discretizer.num_bins", "prune_threshold": "prune_dims.threshold"}


@dataclass(frozen=True)
class Reference:
    """Where a metric is in disentanglement_lib: module, function, name in gin, and bindings it cannot do without."""

    module: str
    function: str
    configurable: str
    bindings: tuple[str, ...] = ()


METRICS: dict[str, Reference] = {
    "mig": Reference("mig", "compute_mig", "mig", HISTOGRAM),
    "factor_vae": Reference("factor_vae", "compute_factor_vae", "factor_vae_score"),
    "dci": Reference("dci", "compute_dci", "dci"),
    "sap": Reference("sap_score", "compute_sap", "sap_score"),
    "irs": Reference("irs", "compute_irs", "irs", HISTOGRAM),
    "beta_vae": Reference("beta_vae", "compute_beta_vae_sklearn", "beta_vae_sklearn"),
    "modularity": Reference(
        "modularity_explicitness", "compute_modularity_explicitness", "modularity_explicitness", HISTOGRAM
    ),
    "unsupervised": Reference("unsupervised_metrics", "unsupervised_metrics", "unsupervised_metrics", HISTOGRAM),
    "downstream": Reference("downstream_task", DOWNSTREAM, "downstream_task", BOOSTING),
    "downstream_logistic": Reference("downstream_task", DOWNSTREAM, "downstream_task", LOGISTIC),
    "fairness": Reference("fairness", "compute_fairness", "fairness", BOOSTING),
}


def score(
    metric: str, dataset: Any, representation: Encode, settings: Mapping[str, Any], seed: int
) -> dict[str, float]:
    """Scores of a representation by disentanglement_lib's own code.

    ``mean_test_accuracy`` of a downstream task, which it has none of, is that of the last number of training points.

    Args:
        metric: one of ``METRICS``.
        dataset: anything with disentanglement_lib's ``GroundTruthData`` interface, e.g. one of our data sets.
        representation: images (n, height, width, channels) as the data set returns them → codes (n, D).
        settings: the metric's arguments by name; ``num_bins`` and ``prune_threshold`` go where gin would send them.
        seed: of the draws, and of numpy's global generator, from which some of its estimators draw.

    Raises:
        SubmissionError: the package is not installed, has no such metric, or crashes on this input.
    """
    if metric not in METRICS:
        raise UsageError(f"disentanglement_lib has no metric {metric!r}", f"it has {', '.join(METRICS)}")
    reference = METRICS[metric]
    function = getattr(module(f"evaluation.metrics.{reference.module}"), reference.function)
    with bound(reference, settings), seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: convergence, division by zero
        try:
            found = dict(function(dataset, representation, random_state=np.random.RandomState(seed)))
        except (ValueError, IndexError, ZeroDivisionError, AssertionError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise SubmissionError(
                f"disentanglement_lib's {metric} fails on this input: {reason}", "see docs/metrics.md on bad input"
            ) from error
    if reference.function == DOWNSTREAM:
        found["mean_test_accuracy"] = found[f"{settings['num_train'][-1]}:mean_test_accuracy"]
    return found


def arguments(metric: str) -> frozenset[str]:
    """Names of the settings that disentanglement_lib's ``metric`` takes."""
    found = METRICS[metric]
    function = getattr(module(f"evaluation.metrics.{found.module}"), found.function)
    bins = {"num_bins"} if found.bindings == HISTOGRAM else set()
    pruning = {"prune_threshold"} if metric == "factor_vae" else set()
    return frozenset(inspect.signature(function).parameters) | bins | pruning


@contextlib.contextmanager
def bound(reference: Reference, settings: Mapping[str, Any]) -> Iterator[None]:
    """Its gin configuration holds ``settings`` for a while."""
    lines = [f"{ELSEWHERE.get(key, f'{reference.configurable}.{key}')} = {value!r}" for key, value in settings.items()]
    private = gin()
    private.clear_config()
    private.parse_config([*reference.bindings, *lines])
    try:
        yield
    finally:
        private.clear_config()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """numpy's global generator starts from ``seed`` for a while."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
