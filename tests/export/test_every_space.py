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
)
TOGETHER = " x ".join(SPECS)
"""Side by side: one exported program has every space's codes, each in columns of its own."""
PROJECTED = ("Ellipsoid(2, 1, 1)", "Klein", "SU(2)")
NO_ONNX = ("O(3)", "Stiefel(3, 2)")
"""ONNX has no singular value decomposition."""
ALL = (*SPECS, TOGETHER, *PROJECTED, *NO_ONNX)
CASES = [(spec, mode, "safetensors") for spec in ALL for mode in parse(spec).export_modes if mode != "sample"]
CASES += [
    *((TOGETHER, "intrinsic", name) for name in ("pt2", "onnx")),
    (TOGETHER, "ambient", "onnx"),
    *(("S^2", "mean_scaled", name) for name in ("pt2", "onnx")),  # other modes times a constant
    *((spec, "intrinsic", "onnx") for spec in PROJECTED),  # computes what other modes do
    *((spec, "intrinsic", "pt2") for spec in ("SU(2)", *NO_ONNX)),  # where ONNX, which is made from it, cannot be
    *((spec, "ambient", "onnx") for spec in NO_ONNX),
]
SHAPE = (1, 8, 8)
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


@pytest.mark.parametrize(
    ("spec", "mode", "name"),
    [pytest.param(*case, marks=[pytest.mark.system] if case[2] == "onnx" else []) for case in CASES],
)
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
