"""The names of the metrics."""

from __future__ import annotations

import importlib

from submission.errors import UsageError, did_you_mean
from submission.metrics.base import Metric

REGISTRY: dict[str, str] = {  # name -> module with METRIC (name:ATTRIBUTE for another attribute)
    "mig": "mig",
    "factor_vae": "factor_vae",
    "dci": "dci",
    "dci_fast": "dci:FAST",
    "sap": "sap",
    "irs": "irs",
    "beta_vae": "beta_vae",
    "modularity": "modularity",
    "unsupervised": "unsupervised",
    "infomec": "infomec",
    "mig_sup": "mig_sup",
    "jemmig": "jemmig",
    "dcimig": "dcimig",
    "med": "med",
    "dci_es": "dci_es",
    "periodic": "periodic",
    "downstream": "downstream",
    "downstream_logistic": "downstream:LOGISTIC",
    "downstream_reduced": "shifts",
    "downstream_strong": "shifts:STRONG",
    "fairness": "fairness",
}


def metric(name: str) -> Metric:
    """The metric called ``name`` in small or capital letters; an unknown name is a UsageError with the closest ones."""
    known = name.lower()
    if known not in REGISTRY:
        fix = did_you_mean(known, REGISTRY, f"choose from {', '.join(REGISTRY)}")
        raise UsageError(f"there is no metric named {name!r}", fix)
    module, _, attribute = REGISTRY[known].partition(":")
    return getattr(importlib.import_module(f"submission.metrics.{module}"), attribute or "METRIC")
