"""The real disentanglement_lib imports without TensorFlow, and leaves no trace in anybody else's modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gin
import numpy as np
import pytest

from submission import reference
from submission.errors import SubmissionError, UsageError
from submission.evaluation.representation import require_reference, true_factor_baseline
from submission.metrics.sampling import CodeGrid

needed = pytest.mark.skipif(not reference.installed(), reason=f"disentanglement_lib: {reference.INSTALL}")
SETTINGS = {"num_train": 200, "batch_size": 16, "num_bins": 5}


@needed
def test_nothing_global_changes() -> None:
    before = sys.modules["gin"]
    np.random.seed(5)
    expected = np.random.RandomState(5).rand()
    given = require_reference(true_factor_baseline(CodeGrid.of("grid", (3, 4))))
    assert reference.score("mig", given.dataset, given.encode, SETTINGS, 0)["discrete_mig"] > 0.5
    assert sys.modules["gin"] is before is gin
    assert not [name for name in sys.modules if name.startswith(("tensorflow", "gin.tf"))]
    assert np.random.rand() == expected
    with pytest.raises(ValueError, match="No configurable"):
        gin.query_parameter("mig.num_train")


@needed
def test_importing_the_room_does_not_import_the_package() -> None:
    code = (
        "import sys, submission.reference; print([m for m in sys.modules if m.startswith(('disent', 'gin', 'absl'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_where_it_is_not_installed_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference.compatibility, "installed", lambda: False)
    reference.module.cache_clear()
    with pytest.raises(SubmissionError, match=r"pip install --no-deps disentanglement-lib==1\.5"):
        reference.module("evaluation.metrics.mig")


@needed
def test_every_metric_and_data_set_is_where_we_say() -> None:
    for found in reference.METRICS.values():
        assert callable(getattr(reference.module(f"evaluation.metrics.{found.module}"), found.function))
    for module, kind, _ in reference.DATA_SETS.values():
        assert isinstance(getattr(reference.module(f"data.ground_truth.{module}"), kind), type)


@needed
def test_its_data_sets_are_read_from_the_folder_asked_for(tmp_path: Path) -> None:
    """Cars3D with one car: elevation varies fastest in the original, images shrink from 128 to 64."""
    from scipy.io import savemat

    meshes = np.zeros((128, 128, 3, 24, 4), np.uint8)
    meshes[..., :] = np.arange(4) * 20
    (tmp_path / "cars").mkdir()
    savemat(tmp_path / "cars" / "car.mat", {"im": meshes})
    variable = os.environ.get("DISENTANGLEMENT_LIB_DATA")
    cars = reference.load_data("cars3d", tmp_path)
    assert os.environ.get("DISENTANGLEMENT_LIB_DATA") == variable
    images = cars.sample_observations_from_factors(np.array([[2, 5, 0], [3, 0, 0]]), np.random.RandomState(0))
    assert images.shape == (2, 64, 64, 3)
    assert images.mean(axis=(1, 2, 3)) * 255 == pytest.approx([40, 60])


@needed
def test_its_data_sets_can_be_scored_by_either_program() -> None:
    data = reference.load_data("dummy_data", Path())
    scores = reference.score("mig", data, lambda images: images[:, 0, :3, 0], SETTINGS, 0)
    assert 0 <= scores["discrete_mig"] < 0.1


@needed
def test_mistakes_are_one_line(tmp_path: Path) -> None:
    grid = CodeGrid.of("grid", (3, 4))
    given = require_reference(true_factor_baseline(grid))
    with pytest.raises(SubmissionError, match="mig fails on this input"):
        reference.score("mig", given.dataset, lambda codes: codes[:, :1], SETTINGS, 0)
    with pytest.raises(UsageError, match="no metric 'migg'"):
        reference.score("migg", given.dataset, given.encode, SETTINGS, 0)
    with pytest.raises(UsageError, match="did you mean cars3d"):
        reference.load_data("cars3", tmp_path)
    with pytest.raises(SubmissionError, match="cannot read shapes3d"):
        reference.load_data("shapes3d", tmp_path)
