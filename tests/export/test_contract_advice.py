"""Advice for files that fail says what about them is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from submission.errors import SubmissionError
from submission.export.contract import run_checked
from submission.export.formats import reason
from submission.export.torchscript import load_torchscript, traced

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::torch.jit.TracerWarning")


class FixedBatch(nn.Module):
    """A module whose trace has the number of images baked in."""

    def forward(self, images: Tensor) -> Tensor:
        """Codes (n, 64)."""
        return images.reshape(int(images.shape[0]), 64)


def file(module: nn.Module, example: Tensor) -> nn.Module:
    """The traced module as it is read."""
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(module.eval(), example, check_trace=False), buffer)
    return torch.jit.load(io.BytesIO(buffer.getvalue()))


LINEAR = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision(kind: torch.dtype) -> None:
    module = file(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).to(kind), torch.rand(2, 1, 8, 8, dtype=kind))
    with pytest.raises(SubmissionError, match=rf"its weights are {str(kind)[6:]}: convert it with \.float\(\)"):
        run_checked(module, torch.rand(5, 1, 8, 8), "file")


@pytest.mark.parametrize("size", [1, 3, 16, 64])
def test_a_baked_batch_size(size: int) -> None:
    module = file(FixedBatch(), torch.rand(size, 1, 8, 8))
    with pytest.raises(SubmissionError, match=f"it takes batches of {size} only: trace it without a fixed batch size"):
        run_checked(module, torch.rand(5, 1, 8, 8), "file")


def test_other_channels_and_other_sizes() -> None:
    coloured = file(nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten()), torch.rand(2, 3, 8, 8))
    with pytest.raises(SubmissionError, match="it takes images of 3 channels"):
        run_checked(coloured, torch.rand(5, 1, 8, 8), "file")
    with pytest.raises(SubmissionError, match="export the representation for this data set's image shape"):
        run_checked(file(LINEAR, torch.rand(2, 1, 8, 8)), torch.rand(5, 1, 9, 9), "file")


def test_names_with_letters_beyond_ascii_in_scripted_code(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(renamed(traced(LINEAR.eval(), (1, 8, 8))))
    with pytest.raises(SubmissionError, match="use ASCII names only"):
        load_torchscript(path)


def renamed(content: bytes) -> bytes:
    """The archive with a non-ASCII name in its code."""
    import zipfile

    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for member in source.infolist():
            body = source.read(member)
            if member.filename.endswith(".py"):
                body = body.replace(b"_0", "größe".encode()).replace(b"return ", "größe = 1\n    return ".encode(), 1)
            archive.writestr(member.filename, body)
    return target.getvalue()


def test_the_reason_of_an_exporter_s_error_is_its_cause_without_colours() -> None:
    error = RuntimeError("\x1b[1mstep 3/3")
    error.__cause__ = ValueError("\x1b[96mno operator hypot\x1b[0m\nnext steps")
    assert reason(error) == "no operator hypot"
