"""Several runs: sweeps and their statistics, the leaderboard, methods compared, seeds that agree."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from submission.studies.engines import LocalEngine, RayEngine, SlurmEngine
    from submission.studies.runner import Place, Status, status, sweep
    from submission.studies.study import Method, Study, Trial

LOCATIONS = {
    "LocalEngine": "engines",
    "Method": "study",
    "Place": "runner",
    "RayEngine": "engines",
    "SlurmEngine": "engines",
    "Status": "runner",
    "Study": "study",
    "Trial": "study",
    "status": "runner",
    "sweep": "runner",
}
__all__ = [
    "LocalEngine",
    "Method",
    "Place",
    "RayEngine",
    "SlurmEngine",
    "Status",
    "Study",
    "Trial",
    "status",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; training and evaluation are loaded only by those who run studies."""
    import importlib

    if name not in LOCATIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{LOCATIONS[name]}"), name)
