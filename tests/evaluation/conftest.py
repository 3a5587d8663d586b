"""A small grid of pictures that ``--data`` knows, exported representations of it, and the same codes as a table."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from submission.data import Factor, GroundTruthDataset, registry
from submission.data.dataset import Images, Indices


class Stripes(GroundTruthDataset):
    """A stripe: position, width, shade."""

    def __init__(self) -> None:
        factors = (Factor("position", 6), Factor("width", 3), Factor("shade", 4))
        super().__init__("stripes", factors, (64, 64, 1))

    def images(self, indices: Indices) -> Images:
        """Pictures of the cells."""
        pictures = np.zeros((len(indices), *self.image_shape), np.uint8)
        for picture, (position, width, shade) in zip(pictures, self.factors(indices), strict=True):
            picture[:, 8 * position : 8 * position + 5 * (width + 1)] = 60 * (shade + 1)
        return pictures


class Columns(nn.Module):
    """Codes read off the pixels; ``fault`` is what is wrong with the module."""

    def __init__(self, fault: str = "", scale: float = 1.0) -> None:
        super().__init__()
        self.fault, self.scale = fault, scale
        self.mixing = nn.Parameter(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 4)."""
        codes = self.scale * images[:, 0, 3, ::8] @ self.mixing
        if self.fault == "nan":
            return codes / (codes - codes)
        if self.fault == "fixed batch":
            return codes[:2]
        if self.fault == "batch statistics":
            return codes - codes.mean(0)
        if self.fault == "flat":
            return codes.flatten()
        if self.fault == "sampled":
            return codes + 0.1 * torch.randn_like(codes)
        return 0 * codes + 0.3 if self.fault == "constant" else codes


@pytest.fixture
def stripes(monkeypatch: pytest.MonkeyPatch) -> Stripes:
    """The data set, known as ``stripes`` while the test lasts."""
    entry = registry.Entry("", "stripes")
    monkeypatch.setattr(registry.Entry, "function", lambda self: lambda name, root: Stripes())
    monkeypatch.setitem(registry.REGISTRY, "stripes", entry)
    return Stripes()


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """``export(fault="", scale=1.0, name="model.pt", training=False)``: a TorchScript file."""

    def write(fault: str = "", scale: float = 1.0, name: str = "model.pt", training: bool = False) -> Path:
        path = tmp_path / name
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
            module = torch.jit.trace(Columns(fault, scale).eval(), torch.rand(3, 1, 64, 64), check_trace=False)
            torch.jit.save(module.train(training), str(path))
        return path

    return write


@pytest.fixture
def codes(stripes: Stripes, tmp_path: Path) -> Path:
    """The codes of ``Columns()`` for the whole grid, as a table."""
    images = torch.from_numpy(stripes.observations(np.arange(len(stripes)))).movedim(3, 1)
    with torch.no_grad():
        table = Columns()(images).numpy()
    path = tmp_path / "codes.npz"
    np.savez(path, codes=table, factor_sizes=np.array(stripes.factor_sizes))
    return path
