"""Disentangled representations with structured latent spaces: train, export, score, compare, submit.

>>> import submission
>>> submission.parse_space("S^10 x R^2")
parse("S^10 x R^2")

The public functions are listed in ``__all__`` and explained in docs/api.md; ``submission.metrics`` has the metrics as
functions of arrays, ``submission.plots`` the figures. docs/architecture.md is the map of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.api import (
        compare,
        estimate_likelihood,
        evaluate,
        export_run,
        load_data,
        load_run,
        parse_space,
        score,
        train,
        write_report,
    )

__version__ = "0.4.0"
__all__ = [
    "compare",
    "estimate_likelihood",
    "evaluate",
    "export_run",
    "load_data",
    "load_run",
    "parse_space",
    "score",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """A public function; its module is imported when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from submission import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
