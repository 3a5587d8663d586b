"""Scores of the files that were scored wrongly are those of the files' own codes, or the files are refused.

The data set is pictures of 64 rows of 64 pixels: one stripe moves in the upper half, one in the lower half.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import submission
from submission.cli.main import run_program
from submission.data import GroundTruthDataset
from submission.data.user_data import from_arrays
from submission.evaluation.encoding.encoder import RepresentationError
from submission.progress import QUIET

SIDE = 64
FACTORS = np.stack(np.unravel_index(np.arange(8 * 6), (8, 6)), axis=1)
SCORED = {"metrics": ["mig", "sap"], "preset": "fast", "progress": QUIET}


def pictures() -> np.ndarray:
    """Images (48, 64, 64, 1)."""
    images = np.zeros((len(FACTORS), SIDE, SIDE, 1), np.uint8)
    for image, (upper, lower) in zip(images, FACTORS, strict=True):
        image[: SIDE // 2, 8 * upper : 8 * upper + 8] = 255
        image[SIDE // 2 :, 10 * lower : 10 * lower + 10] = 255
    return images


@pytest.fixture
def stripes() -> GroundTruthDataset:
    """The data set."""
    found = from_arrays(pictures(), FACTORS, ("upper", "lower"), name="stripes")
    assert isinstance(found, GroundTruthDataset)
    return found


class RowsThenPositions(nn.Module):
    """Rows through ``Linear(64, 64)`` and ``BatchNorm1d(64)``, whose channels are the rows; then two sums.

    The linear layer is the identity, and the normalisation keeps the first 32 channels: the first code is where the
    upper stripe is, the second its area, which never changes.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(SIDE, SIDE, bias=False), nn.BatchNorm1d(SIDE)
        self.dropout = nn.Dropout(dropout)
        place = torch.arange(SIDE, dtype=torch.float32) / SIDE
        self.readers = nn.Parameter(torch.stack([place, torch.ones(SIDE)], 1) / 256)
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(SIDE))
            self.norm.weight[SIDE // 2 :] = 0

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 2)."""
        return self.dropout(self.norm(self.linear(images.squeeze(1))).sum(1) @ self.readers)


def saved(module: nn.Module, path: Path) -> Path:
    """A file traced in the module's mode; ``.eval()`` after it, as many do."""
    example = torch.from_numpy(pictures()[:8]).movedim(3, 1) / 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(module.requires_grad_(False), example, check_trace=False)
        torch.jit.save(script.eval(), str(path))
    return path


def own_codes(path: Path) -> np.ndarray:
    """What ``torch.jit.load(file)(images)`` gives for the whole grid."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.jit.load(path)(torch.from_numpy(pictures()).movedim(3, 1) / 255).numpy()


def test_linear_and_batch_normalisation_of_equal_sizes(stripes: GroundTruthDataset, tmp_path: Path) -> None:
    path = saved(RowsThenPositions().eval(), tmp_path / "model.pt")
    expected = submission.score(own_codes(path), FACTORS, **SCORED).scores
    found = submission.evaluate(path, data=stripes, baselines=False, **SCORED).scores
    assert found == pytest.approx(expected, abs=1e-6)
    assert expected["mig"] > 0.3


@pytest.mark.filterwarnings("ignore")
def test_pytorch_s_frozen_graph_has_another_score(tmp_path: Path) -> None:
    """The fault that the score above would have: half of the columns are lost, not half of the rows."""
    path = saved(RowsThenPositions().eval(), tmp_path / "model.pt")
    images = torch.from_numpy(pictures()).movedim(3, 1) / 255
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(path).eval()))
    with torch.no_grad():
        for _ in range(3):
            codes = frozen(images).numpy()
    if np.allclose(codes, own_codes(path), atol=1e-5):
        pytest.skip("this PyTorch folds the pair on the right axis")
    wrong = submission.score(codes, FACTORS, **SCORED).scores
    assert abs(wrong["mig"] - submission.score(own_codes(path), FACTORS, **SCORED).scores["mig"]) > 0.05


class SidesOfTheUpperHalf(RowsThenPositions):
    """Two codes: where a stripe is in the left half of the rows that are kept, and where one is in the right half."""

    def __init__(self) -> None:
        super().__init__()
        left = torch.arange(SIDE) < SIDE // 2
        place = torch.arange(SIDE) % (SIDE // 2) / 64
        self.readers = nn.Parameter(torch.stack([place * left, place * ~left], 1) / 64)


def test_a_fold_on_the_wrong_axis_would_halve_the_score(tmp_path: Path) -> None:
    """Both factors are read by the file's own codes; columns lost instead of rows take one of them away."""
    factors = np.stack(np.unravel_index(np.arange(8 * 8), (8, 8)), axis=1)
    images = np.zeros((64, SIDE, SIDE, 1), np.uint8)
    for image, (left, right) in zip(images, factors, strict=True):
        image[: SIDE // 2, 4 * left : 4 * left + 4] = 255
        image[: SIDE // 2, 32 + 4 * right : 36 + 4 * right] = 255
    path = saved(SidesOfTheUpperHalf().eval(), tmp_path / "model.pt")
    data = from_arrays(images, factors, ("left", "right"), name="sides")
    found = submission.evaluate(path, data=data, baselines=False, metrics=["mig"], progress=QUIET).scores["mig"]
    images[:, :, SIDE // 2 :] = 0
    with torch.no_grad():
        codes = SidesOfTheUpperHalf().eval()(torch.from_numpy(images).movedim(3, 1).float() / 255)
    wrong = submission.score(codes.numpy(), factors, metrics=["mig"], progress=QUIET).scores["mig"]
    assert found > 0.99
    assert wrong == pytest.approx(found / 2, abs=0.01)


def test_a_file_traced_in_training_mode_is_refused(
    stripes: GroundTruthDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Batch statistics are baked in, whatever ``.eval()`` says afterwards."""
    path = saved(RowsThenPositions().train(), tmp_path / "model.pt")
    with pytest.raises(RepresentationError, match="depend on the other images in its batch"):
        submission.evaluate(path, data=stripes, baselines=False, **SCORED)
    np.savez(tmp_path / "stripes.npz", images=pictures(), factors=FACTORS)
    assert run_program("evaluate", [str(path), "--data", str(tmp_path / "stripes.npz"), "--metrics", "mig"]) == 1
    error = capsys.readouterr().err
    assert "call .eval() before torch.jit.trace" in error
    assert "scored in evaluation mode" not in error


def test_a_file_that_adds_noise_is_called_random_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = RowsThenPositions(dropout=0.3)
    module.dropout.train()
    module.norm.eval()
    path = saved(module, tmp_path / "model.pt")
    np.savez(tmp_path / "stripes.npz", images=pictures(), factors=FACTORS)
    words = ["--data", str(tmp_path / "stripes.npz"), "--metrics", "mig", "--preset", "fast", "--no-baselines"]
    assert run_program("evaluate", [str(path), *words]) == 0
    shown = capsys.readouterr()
    assert "random" in (shown.out + shown.err).lower()


def test_codes_on_bin_edges_score_by_the_era_s_edges() -> None:
    """Multiples of 1/40 in float32 lie on the edges of 20 bins, where numpy 1 and numpy 2 differ."""
    factors = np.stack(np.unravel_index(np.arange(40 * 3), (40, 3)), axis=1)
    codes = (np.random.RandomState(0).randint(0, 41, (120, 2)) / 40).astype(np.float32)
    scores = [
        submission.score(codes, factors, metrics=["mig"], era=era, progress=QUIET)["mig"]  # type: ignore[arg-type]
        for era in ("installed", "2019")
    ]
    assert scores[0] != scores[1]
