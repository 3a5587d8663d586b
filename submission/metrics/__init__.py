"""Disentanglement metrics as functions of arrays.

>>> import numpy as np
>>> from submission.metrics import mig
>>> factors = np.stack(np.meshgrid(range(3), range(4), indexing="ij"), axis=-1).reshape(-1, 2)
>>> mig(factors.astype(np.float32), factors)
Scores(discrete_mig=1, details: mutual_information (2, 2), gap (2,))

Every function takes codes (N, D) and factors (N, K) first and returns ``Scores``; ``mig_chen`` takes posteriors and
``udr`` several models in place of codes. ``metric(name)`` is a metric with the published settings, which draws its
points from a sampler (``submission.metrics.sampling``). The modules of this package are named after what they hold,
not after one function, so that no function hides a module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.metrics.agreement import udr
    from submission.metrics.angular_error import periodic
    from submission.metrics.base import Metric, Scores
    from submission.metrics.code_dependence import unsupervised
    from submission.metrics.fixed_factor import beta_vae, factor_vae
    from submission.metrics.forced_factor import fairness
    from submission.metrics.information_gaps import dcimig, jemmig, med, mig, mig_sup
    from submission.metrics.information_scores import infomec
    from submission.metrics.intervention_robustness import irs
    from submission.metrics.modularity import modularity_explicitness
    from submission.metrics.posterior_gap import mig_chen
    from submission.metrics.prediction import downstream
    from submission.metrics.probe_capacity import dci_es
    from submission.metrics.registry import metric
    from submission.metrics.shifted_prediction import downstream_reduced, downstream_strong
    from submission.metrics.single_code_prediction import sap
    from submission.metrics.symmetry import d_lsbd
    from submission.metrics.tree_importances import dci

HOME = {  # public name -> module
    "Metric": "base",
    "Scores": "base",
    "beta_vae": "fixed_factor",
    "d_lsbd": "symmetry",
    "dci": "tree_importances",
    "dci_es": "probe_capacity",
    "dcimig": "information_gaps",
    "downstream": "prediction",
    "downstream_reduced": "shifted_prediction",
    "downstream_strong": "shifted_prediction",
    "factor_vae": "fixed_factor",
    "fairness": "forced_factor",
    "infomec": "information_scores",
    "irs": "intervention_robustness",
    "jemmig": "information_gaps",
    "med": "information_gaps",
    "metric": "registry",
    "mig": "information_gaps",
    "mig_chen": "posterior_gap",
    "mig_sup": "information_gaps",
    "modularity_explicitness": "modularity",
    "periodic": "angular_error",
    "sap": "single_code_prediction",
    "udr": "agreement",
    "unsupervised": "code_dependence",
}

__all__ = [
    "Metric",
    "Scores",
    "beta_vae",
    "d_lsbd",
    "dci",
    "dci_es",
    "dcimig",
    "downstream",
    "downstream_reduced",
    "downstream_strong",
    "factor_vae",
    "fairness",
    "infomec",
    "irs",
    "jemmig",
    "med",
    "metric",
    "mig",
    "mig_chen",
    "mig_sup",
    "modularity_explicitness",
    "periodic",
    "sap",
    "udr",
    "unsupervised",
]


def __getattr__(name: str) -> Any:
    """A public name, whose module is imported when it is first asked for."""
    if name not in HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return list(__all__)
