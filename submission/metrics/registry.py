"""The metrics by name."""

from __future__ import annotations

import importlib
import math

from submission.errors import UsageError, did_you_mean
from submission.metrics.base import Metric
from submission.plugins import choices

REGISTRY: dict[str, str | Metric] = {  # name -> module:attribute of its Metric; of one's own, the Metric itself
    "mig": "information_gaps:MIG",
    "factor_vae": "fixed_factor:FACTOR_VAE",
    "dci": "tree_importances:DCI",
    "dci_fast": "tree_importances:DCI_FAST",
    "sap": "single_code_prediction:SAP",
    "irs": "intervention_robustness:IRS",
    "beta_vae": "fixed_factor:BETA_VAE",
    "modularity": "modularity:MODULARITY",
    "unsupervised": "code_dependence:UNSUPERVISED",
    "infomec": "information_scores:INFOMEC",
    "mig_sup": "information_gaps:MIG_SUP",
    "jemmig": "information_gaps:JEMMIG",
    "dcimig": "information_gaps:DCIMIG",
    "med": "information_gaps:MED",
    "dci_es": "probe_capacity:DCI_ES",
    "periodic": "angular_error:PERIODIC",
    "mig_chen": "posterior_gap:MIG_CHEN",
    "d_lsbd": "symmetry:D_LSBD",
    "downstream": "prediction:DOWNSTREAM",
    "downstream_logistic": "prediction:DOWNSTREAM_LOGISTIC",
    "downstream_reduced": "shifted_prediction:DOWNSTREAM_REDUCED",
    "downstream_strong": "shifted_prediction:DOWNSTREAM_STRONG",
    "fairness": "forced_factor:FAIRNESS",
}

TITLES = {
    "mig": "MIG",
    "factor_vae": "FactorVAE",
    "dci": "DCI",
    "sap": "SAP",
    "irs": "IRS",
    "beta_vae": "BetaVAE",
    "infomec": "InfoMEC",
    "mig_sup": "MIG-sup",
    "jemmig": "JEMMIG",
    "dcimig": "DCIMIG",
    "dci_es": "DCI-ES",
    "mig_chen": "MIG (Chen et al.)",
    "d_lsbd": "D_LSBD",
}
"""What papers call the metrics, where that is not the name here."""


def title(name: str) -> str:
    """What papers call the metric ``name``; a metric of one's own keeps its name."""
    return TITLES.get(name, name)


def metric_of(quantity: str) -> Metric | None:
    """The metric that ``quantity`` begins with, as in ``mig by block, untrained``; None for other quantities."""
    found = quantity.partition(",")[0].removesuffix(" by block")
    return metric(found) if found in REGISTRY else None


def bounds(quantity: str) -> tuple[float, float]:
    """Lowest and highest possible value of a metric's quantity; infinite for other quantities."""
    found = metric_of(quantity)
    return found.range if found else (-math.inf, math.inf)


def registered(name: str) -> str:
    """``name`` as the registry may have it: as it is, as for a metric of one's own, or in lower case."""
    return name if name in REGISTRY else name.lower()


def metric(name: str) -> Metric:
    """The metric called ``name``, in lower or upper case.

    Raises:
        UsageError: no metric has this name; the message has the closest ones.
    """
    known = registered(name)
    if known not in REGISTRY:
        fix = did_you_mean(known, REGISTRY, choices(REGISTRY))
        raise UsageError(f"there is no metric named {name!r}", fix)
    entry = REGISTRY[known]
    if isinstance(entry, Metric):
        return entry
    module, _, attribute = entry.partition(":")
    found: Metric = getattr(importlib.import_module(f"submission.metrics.{module}"), attribute)
    return found
