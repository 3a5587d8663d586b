"""Every latent space in every export mode as every format."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from submission.errors import SubmissionError
from submission.export.formats import FORMATS, write_format
from submission.export.parity import TOLERANCE, largest_difference
from submission.export.representation import Representation
from submission.latent import parse
from submission.models.vae import build

SPECS = (
    "R^3",
    "S^2",
    "S^1",
    "T^2",
    "RP^2",
    "SO(3)",
    "Torus(R=2, r=1)",
    "ISA(2x2; p0=2.1, p=2.2)",
    "S^2 x R^1",
    "Torus(R=2, r=1) x T^1",
)
PROJECTED = ("Ellipsoid(2, 1, 1)", "Klein", "O(3)", "Stiefel(3, 2)", "SU(2)", "Klein x R^1")
"""Spaces whose other modes are these with another scale."""
CASES = [(spec, mode) for spec in SPECS for mode in parse(spec).export_modes if mode != "sample"]
CASES += [(spec, mode) for spec in PROJECTED for mode in ("ambient", "intrinsic")]
NO_ONNX = ("O(3)", "Stiefel(3, 2)")
"""ONNX has no singular value decomposition."""
SHAPE = (1, 8, 8)
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


@pytest.mark.parametrize("name", ["pt2", "onnx", "safetensors"])
@pytest.mark.parametrize(("spec", "mode"), CASES)
def test_each_space_mode_and_format_gives_the_encoder_s_codes(spec: str, mode: str, name: str, tmp_path: Path) -> None:
    if any(importlib.util.find_spec(package) is None for package in FORMATS[name].needs):
        pytest.skip(f"{name} needs {FORMATS[name].needs}")
    torch.manual_seed(0)
    representation = Representation.of(build("mlp_small", parse(spec), (8, 8, 1)), mode)
    if name == "onnx" and spec in NO_ONNX:
        with pytest.raises(SubmissionError, match=r"cannot export as onnx: .*svd"):
            write_format(name, representation, SHAPE, tmp_path)
        return
    read = FORMATS[name].read(write_format(name, representation, SHAPE, tmp_path), representation)
    if read is None:
        pytest.skip("the reader is not installed")
    assert largest_difference(representation, read, SHAPE, (1, 5)) <= TOLERANCE
