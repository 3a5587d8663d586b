"""Encoders and pictures of others, from their files to a table of several, by the commands alone."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from submission.cli.main import main
from submission.run import ScoreFile

FACTORS = np.stack(np.unravel_index(np.arange(8 * 6), (8, 6)), axis=1)
MIXING = np.random.RandomState(0).randn(16 * 16, 3).astype(np.float32) / 16
IMAGES = np.zeros((len(FACTORS), 16, 16), np.uint8)
for picture, (row, column) in zip(IMAGES, FACTORS, strict=True):
    picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 4] = 255
FAST = ["--metrics", "mig", "--preset", "fast", "--no-baselines"]


class Mixed(nn.Module):
    """Codes that mix all pixels."""

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 3)."""
        return images.flatten(1) @ torch.from_numpy(MIXING)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a folder of PNGs and their factors, the same as an archive, and a TorchScript file."""
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(f"pictures/{number:03d}.PNG")
    with Path("pictures/factors.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "row", "column"])
        rows.writerows([f"{number:03d}.PNG", *map(int, values)] for number, values in enumerate(FACTORS))
    np.savez("pictures.npz", images=IMAGES, factors=FACTORS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Mixed(), torch.rand(3, 1, 16, 16)), "model.PT")
    return tmp_path


def onnx_file(path: str, shape: list[int | str], channels_last: bool) -> None:
    """The same codes as ONNX; flattening is the same in either arrangement of one channel."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Reshape", ["images", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "mixing"], ["codes"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([-1, 256]), "shape"),
        numpy_helper.from_array(MIXING, "mixing"),
    ]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    codes = helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "mixed", [given], [codes], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def score_of(*words: str) -> float:
    """The MIG that ``evaluate`` writes."""
    assert main(["evaluate", *words, *FAST, "--json", "scores.json"]) == 0
    return ScoreFile.read(Path("scores.json")).headlines()["mig"]


def test_onnx_files_of_either_arrangement_score_as_torchscript(place: Path) -> None:
    expected = score_of("model.PT", "--data", "pictures.npz")
    for name, shape, last in (
        ("first.onnx", ["n", 1, 16, 16], False),
        ("last.ONNX", ["n", 16, 16, 1], True),
        ("seven.onnx", [7, 16, 16, 1], True),
    ):
        onnx_file(name, shape, last)
        assert score_of(name, "--data", "pictures.npz") == pytest.approx(expected, abs=1e-6)


def test_a_folder_of_pictures_scores_as_the_archive(place: Path) -> None:
    assert score_of("model.PT", "--data", "./pictures") == score_of("model.PT", "--data", "pictures.npz")


def test_named_files_of_others_are_compared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx_file("last.onnx", ["n", 16, 16, 1], True)
    for name, file in (("theirs", "model.PT"), ("others", "last.onnx")):
        assert main(["evaluate", file, "--data", "pictures.npz", "--name", name, *FAST]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "--protocol", "fast"]) == 0
    shown = capsys.readouterr().out
    assert "theirs" in shown
    assert "others" in shown
    assert main(["compare", "runs/theirs", "runs/others", "--protocol", "fast"]) == 0
    shown = capsys.readouterr().out
    assert "theirs" in shown
    assert "others" in shown
