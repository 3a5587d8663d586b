"""ONNX models of strangers: no other file is read, and nothing of theirs reaches the terminal raw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from submission.errors import SubmissionError
from submission.export.foreign import OnnxModule

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write_model(path: Path, location: str) -> None:
    """A model whose weights, called by an escape sequence, are in another file."""
    from onnx import TensorProto, helper

    weights = TensorProto(name="\x1b[2Jw", data_type=TensorProto.FLOAT, dims=[1, 4])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 2, 2])
    codes = helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["n", 4])
    nodes = [helper.make_node("Flatten", ["images"], ["f"]), helper.make_node("Add", ["f", weights.name], ["codes"])]
    graph = helper.make_graph(nodes, "graph", [images], [codes], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("place", ["notes.bin", "../home/notes.bin", "absolute"])
def test_weights_in_other_files_are_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for folder in ("home", "here"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path / "here")
    location = str(tmp_path / "home" / "notes.bin") if place == "absolute" else place
    write_model(tmp_path / "here" / "model.onnx", location)
    with pytest.raises(SubmissionError, match="cannot be loaded as ONNX") as caught:
        OnnxModule(tmp_path / "here" / "model.onnx", (2, 2, 1))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert capfd.readouterr().err == ""
