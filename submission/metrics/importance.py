"""Disentanglement and completeness from a matrix of importances, as DCI defines them.

Eastwood and Williams, "A framework for the quantitative evaluation of disentangled representations", ICLR 2018. With
R[i, k] >= 0 the importance of code i for factor k, and the entropies' bases K and D,

    disentanglement = sum_i rho_i (1 - H_K(R[i] / sum R[i])),   rho_i = sum_k R[i, k] / sum R,
    completeness    = sum_k rho_k (1 - H_D(R[:, k] / sum R[:, k])).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
OFFSET = 1e-11  # disentanglement_lib adds it to importances before taking entropies


def disentanglement_per_code(importance: Matrix) -> npt.NDArray[np.float64]:
    """1 - normalised entropy of each row (D,) of importances (D, K)."""
    from scipy.stats import entropy

    rows: npt.NDArray[np.float64] = 1.0 - entropy(importance.T + OFFSET, base=importance.shape[1])
    return rows


def disentanglement(importance: Matrix) -> float:
    """How few factors each code serves, averaged with the codes' importance as weight, from importances (D, K)."""
    weights = importance.sum(axis=1) if importance.sum() > 0 else np.ones(len(importance))
    return max(0.0, float(np.sum(disentanglement_per_code(importance) * weights / weights.sum())))


def completeness(importance: Matrix) -> float:
    """How few codes serve each factor, averaged with the factors' importance as weight, from importances (D, K).

    A single code is complete: 1.
    """
    return disentanglement(importance.T) if len(importance) > 1 else 1.0
