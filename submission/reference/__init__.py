"""The real disentanglement_lib as an optional backend, and the one compatibility layer that lets it import.

``score`` runs its metrics, ``load_data`` opens its data sets, ``module`` imports any of its modules. Nothing happens
at import; see docs/decisions for why the package is optional.
"""

from submission.reference.compatibility import INSTALL, installed, module
from submission.reference.data import DATA_SETS, load_data
from submission.reference.metrics import METRICS, arguments, score

__all__ = ["DATA_SETS", "INSTALL", "METRICS", "arguments", "installed", "load_data", "module", "score"]
