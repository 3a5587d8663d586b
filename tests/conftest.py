"""One thread per worker, fixed seeds, and the places where real data may be."""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read at import; threads of several workers wait for each other
os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # the same for the programs that tests start: see cli.main.share_cores

import numpy as np
import pytest
import torch
from PIL import Image

from tests.registries import put_back

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SUBMISSION_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


gc.disable()
os.fsync = lambda _: None  # no test cuts the power, and the disk takes milliseconds; processes of tests do wait for it


def pytest_collection_finish() -> None:
    """From here on garbage is collected, but not looked for in modules and tests: a third of the time went there."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def deterministic() -> None:
    """Every test starts from the same generators."""
    torch.set_num_threads(1)
    torch.default_generator.manual_seed(0)  # torch.manual_seed notes the stack for GPUs, which takes milliseconds
    np.random.seed(0)  # the reference metrics draw from the global generator


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """No test sees what another one registered or imported by name."""
    with put_back():
        yield


@pytest.fixture
def blank_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures, for tests that are about other things: drawing all of a report takes seconds."""
    dot = io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "PNG")
    monkeypatch.setattr("submission.report.pictures.drawn", lambda draw, kind, dpi: (dot.getvalue(),) * 2)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the project; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data at {SHARED} (set SUBMISSION_SHARED_DATA)")
    return SHARED
