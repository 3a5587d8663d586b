"""Where a GPU gets its images from: their bits or bytes, unless the data set makes its floats in another way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from submission.data import GroundTruthDataset, ImageDataset, load
from submission.data.batches import ImageBatches
from submission.errors import UsageError
from submission.evaluation.encoding import encoder as module
from submission.evaluation.encoding.encoder import Encoder, untrained_convolutional
from submission.evaluation.targets import TargetOptions, open_encoder


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[ImageDataset], Encoder]:
    """An encoder that takes its images from a feed, as on a GPU."""

    def fed(dataset: ImageDataset, device: object) -> ImageBatches:
        return ImageBatches(dataset, torch.device("cpu"))

    def made(dataset: ImageDataset) -> Encoder:
        encoder = Encoder(untrained_convolutional(dataset.image_shape, 3, 0), "fresh", dataset.image_shape)
        monkeypatch.setattr(encoder, "device", SimpleNamespace(type="elsewhere"))
        return encoder

    monkeypatch.setattr(module, "ImageBatches", fed)
    return made


@pytest.mark.parametrize("name", ["dsprites_small", "turntable"])
def test_codes_of_cells_are_those_of_their_images(elsewhere: Callable[[ImageDataset], Encoder], name: str) -> None:
    dataset = load(name)
    cells = np.array([5, 0, len(dataset) - 1, 5])
    encoder = elsewhere(dataset)
    rows = encoder.rows(dataset)
    assert rows is not None
    plain = Encoder(untrained_convolutional(dataset.image_shape, 3, 0), "fresh", dataset.image_shape)
    assert plain.rows(dataset) is None
    np.testing.assert_allclose(rows(cells), plain(dataset.observations(cells)), atol=1e-6)


@pytest.mark.parametrize("options", [TargetOptions(device="cuda"), TargetOptions(precision="bf16")])
def test_an_isolated_file_takes_neither_device_nor_precision(options: TargetOptions, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"runs model\.pt on the CPU in float32"):
        open_encoder(tmp_path / "model.pt", load("dsprites_small"), replace(options, isolated=True))  # type: ignore[arg-type]


def test_floats_that_bytes_do_not_give_are_sent(elsewhere: Callable[[ImageDataset], Encoder]) -> None:
    class Dimmed(GroundTruthDataset):
        def images(self, indices: np.ndarray) -> np.ndarray:
            return np.ones((len(indices), *self.image_shape), np.uint8)

        def observations(self, indices: np.ndarray) -> np.ndarray:
            return 0.3 * super().observations(indices)

    dataset = Dimmed("dimmed", (), (64, 64, 1), 1)
    assert elsewhere(dataset).rows(dataset) is None


@pytest.mark.parametrize(("side", "images"), [(4, 64), (64, 64), (128, 16), (1024, 1)])
def test_large_images_are_encoded_in_smaller_batches(side: int, images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "verified", lambda *_: None)  # a fast path bounds its bytes
    convolution = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 4, 4), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    assert Encoder(convolution, "pooled", (side, side, 1)).batch_size == images
