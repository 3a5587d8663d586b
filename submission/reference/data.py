"""disentanglement_lib's own data classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from submission.errors import SubmissionError, UsageError, did_you_mean
from submission.reference.compatibility import data_under, reload

DATA_SETS: dict[str, tuple[str, str, dict[str, Any]]] = {  # name -> module, class, arguments
    "dsprites_full": ("dsprites", "DSprites", {"latent_factor_indices": [1, 2, 3, 4, 5]}),
    "dsprites_noshape": ("dsprites", "DSprites", {"latent_factor_indices": [2, 3, 4, 5]}),
    "color_dsprites": ("dsprites", "ColorDSprites", {"latent_factor_indices": [1, 2, 3, 4, 5]}),
    "noisy_dsprites": ("dsprites", "NoisyDSprites", {"latent_factor_indices": [1, 2, 3, 4, 5]}),
    "scream_dsprites": ("dsprites", "ScreamDSprites", {"latent_factor_indices": [1, 2, 3, 4, 5]}),
    "smallnorb": ("norb", "SmallNORB", {}),
    "cars3d": ("cars3d", "Cars3D", {}),
    "mpi3d_toy": ("mpi3d", "MPI3D", {"mode": "mpi3d_toy"}),
    "mpi3d_realistic": ("mpi3d", "MPI3D", {"mode": "mpi3d_realistic"}),
    "mpi3d_real": ("mpi3d", "MPI3D", {"mode": "mpi3d_real"}),
    "shapes3d": ("shapes3d", "Shapes3D", {}),
    "dummy_data": ("dummy_data", "DummyData", {}),
}


def load_data(name: str, root: Path) -> Any:
    """disentanglement_lib's ``GroundTruthData`` object called ``name``, read from files under ``root``.

    It unpickles the metadata of dSprites: open only files from a source you trust.

    Raises:
        SubmissionError: no such name, the package is not installed, or its reader fails.
    """
    if name not in DATA_SETS:
        fix = did_you_mean(name, DATA_SETS, f"choose from {', '.join(DATA_SETS)}")
        raise UsageError(f"disentanglement_lib has no data set named {name!r}", fix)
    file, kind, arguments = DATA_SETS[name]
    loaded = reload(f"data.ground_truth.{file}", root)
    try:
        with data_under(root):
            return getattr(loaded, kind)(**arguments)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SubmissionError(
            f"disentanglement_lib cannot read {name} under {root}: {error}", "check the files, or use our own reader"
        ) from error
