"""An evaluator that knows nothing of this package, written from the challenge's contract, scores an exported file.

It gives images as the kit does (NHWC → moveaxis → float32, a strided view), in the library's batches of 16 and 64 with
partial last ones, and asks the real disentanglement_lib. ``evaluate.py`` must say the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from submission import reference
from submission.cli.main import run_program
from submission.data import registry
from submission.data.dataset import Factor, GroundTruthDataset, Images, Indices

FAST = {
    "mig": {"num_train": 2000, "num_bins": 20},
    "factor_vae": {
        "num_train": 1000,
        "num_eval": 500,
        "num_variance_estimate": 2000,
        "batch_size": 64,
        "prune_threshold": 0.05,
    },
    "sap": {"num_train": 2000, "num_test": 1000, "continuous_factors": False},
    "irs": {"num_train": 2000, "num_bins": 20, "batch_size": 16},
    "dci": {"num_train": 2000, "num_test": 1000},
}
KEYS = {
    "mig": "discrete_mig",
    "factor_vae": "eval_accuracy",
    "sap": "SAP_score",
    "irs": "IRS",
    "dci": "disentanglement",
}


class Bars(GroundTruthDataset):
    """A grid of bars: height, position, shade; the channels are shifted copies."""

    def __init__(self, name: str, root: Path) -> None:
        channels = 3 if name.endswith("colour") else 1
        factors = (Factor("height", 3), Factor("position", 5), Factor("shade", 4))
        super().__init__(name, factors, (64, 64, channels))

    def images(self, indices: Indices) -> Images:
        """Pictures of the cells."""
        pictures = np.zeros((len(indices), *self.image_shape), np.uint8)
        for picture, (height, position, shade) in zip(pictures, self.factors(indices), strict=True):
            for channel in range(self.image_shape[2]):
                left = 4 + 10 * position + 3 * channel
                picture[10 : 25 + 15 * height, left : left + 8, channel] = 60 * (shade + 1)
        return pictures


class Net(nn.Module):
    """A small convolutional representation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, 4, 4, 4), nn.Linear(4 * 16 * 16, 5)

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 5)."""
        return 4 * torch.tanh(self.second(F.relu(self.first(images)).flatten(1)))


def kit_representation(path: Path, batches: set[int]) -> Callable[[npt.NDArray[np.floating]], npt.NDArray[np.float32]]:
    """The starter kit's way from an image array to codes."""
    model = torch.jit.load(str(path)).cpu()

    def represent(images: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        assert images.ndim == 4
        batches.add(len(images))
        with torch.no_grad():
            codes = model(torch.from_numpy(np.moveaxis(images, 3, 1)).float()).cpu().numpy()
        assert codes.ndim == 2
        return codes

    return represent


@pytest.fixture(params=["bars_grey", "bars_colour"])
def data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bars:
    """A data set that ``--data`` knows while the test lasts."""
    entry = registry.Entry("", "bars")
    monkeypatch.setattr(registry.Entry, "function", lambda self: lambda name, root: Bars(name, root))
    monkeypatch.setitem(registry.REGISTRY, request.param, entry)
    return Bars(request.param, Path())


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_same_scores(data: Bars, tmp_path: Path) -> None:
    torch.manual_seed(5)
    file, scores = tmp_path / "pytorch_model.pt", tmp_path / "scores.json"
    channels = data.image_shape[2]
    torch.jit.save(torch.jit.trace(Net(channels).eval(), torch.rand(3, channels, 64, 64)), str(file))
    arguments = [str(file), "--data", data.name, "--preset", "fast", "--no-baselines", "--json", str(scores)]
    assert run_program("evaluate", arguments) == 0
    ours = json.loads(scores.read_text())["columns"][file.name]["scores"]
    batches: set[int] = set()
    represent = kit_representation(file, batches)
    for name, settings in FAST.items():
        theirs = reference.score(name, data, represent, settings, 0)[KEYS[name]]
        tolerance = 0.002 if name == "dci" else 1e-6
        assert ours[name]["values"][KEYS[name]] == pytest.approx(float(theirs), abs=tolerance), name
    assert batches >= {16, 64, 8}
