"""A stranger's file gets images and gives codes, and reaches nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from submission.errors import SubmissionError
from submission.export import engines
from submission.export.engines import IsolationError, Limits
from submission.export.isolated import IsolatedEncoder
from submission.export.parity import evaluator_images
from submission.export.torchscript import export_torchscript, load_torchscript
from submission.models.vae import VAE

SMALL = Limits(memory=2**30, seconds=60, threads=1)


def isolated(path: Path, limits: Limits = SMALL) -> IsolatedEncoder:
    """The encoder, or a skip where nothing isolates."""
    try:
        return IsolatedEncoder(path, limits)
    except IsolationError as error:
        pytest.skip(str(error))


def script(source: str, path: Path) -> Path:
    """A TorchScript file whose ``forward(self, images)`` is ``source``."""
    module = type("Foreign", (torch.jit.ScriptModule,), {})()
    module.define(source)
    torch.jit.save(module, str(path))
    return path


pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


def test_it_gives_the_same_codes(make_vae: Callable[..., VAE], tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    export_torchscript(make_vae(3), "mean", path)
    images = evaluator_images(5, (3, 64, 64))
    with isolated(path) as encode:
        assert encode.description.foreign == ()
        torch.testing.assert_close(encode(images), load_torchscript(path)(images), atol=1e-6, rtol=0)
        assert encode(images[:1]).shape == (1, 3)
        with pytest.raises(SubmissionError, match=r"fails on images of shape \(2, 1, 64, 64\)"):
            encode(evaluator_images(2, (1, 64, 64)))
        assert encode(images).shape == (5, 3)


def test_it_cannot_write_files(tmp_path: Path) -> None:
    """The same file run in this process does write."""
    target = tmp_path / "stolen"
    path = script(
        f"def forward(self, images):\n  torch.save(images, '{target}')\n  return images.flatten(1)\n", tmp_path / "m.pt"
    )
    with isolated(path) as encode:
        assert encode.description.files == ("aten::save",)
        assert encode(torch.rand(2, 1, 4, 4)).shape == (2, 16)
    assert not target.exists()
    with pytest.raises(SubmissionError, match=r"its code reads or writes files \(aten::save\)"):
        load_torchscript(path)
    load_torchscript(path, own=True)(torch.rand(2, 1, 4, 4))
    assert target.exists()


def test_it_cannot_read_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(64)))
    body = f"torch.from_file('{secret}', False, 16, dtype=torch.float32)"
    path = script(f"def forward(self, images):\n  return {body}.reshape(2, 8)\n", tmp_path / "m.pt")
    with isolated(path) as encode, pytest.raises(SubmissionError, match="No such file"):
        encode(torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize("place", ["/etc/passwd", "/etc/hostname", str(Path(__file__).resolve())])
def test_it_sees_no_settings_and_none_of_the_user_s_files(place: str) -> None:
    program = engines.bubblewrap()
    if program is None:
        pytest.skip("no bubblewrap")
    command = [program, *engines.NOTHING, *engines.system()]
    mounts = [part for path in engines.packages() for part in ("--ro-bind", path, path)]
    found = subprocess.run([*command, *mounts, "/usr/bin/env", "test", "-e", place], check=False)
    assert found.returncode == 1


def test_only_its_own_memory_can_be_written() -> None:
    program = engines.bubblewrap()
    if program is None:
        pytest.skip("no bubblewrap")
    tried = "for place in / /dev /dev/shm /usr /tmp; do touch $place/x 2>/dev/null && echo $place; done; true"
    command = [program, *engines.NOTHING, *engines.system(), *engines.READ_ONLY, "/bin/sh", "-c", tried]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["/tmp"]


def test_the_process_has_no_network() -> None:
    program = engines.bubblewrap()
    if program is None:
        pytest.skip("no bubblewrap")
    listing = ["/usr/bin/env", "cat", "/proc/net/dev"]
    found = subprocess.run(
        [program, *engines.NOTHING, *engines.system(), *listing], capture_output=True, text=True, check=True
    )
    assert [line.split(":")[0].strip() for line in found.stdout.splitlines()[2:]] == ["lo"]


@pytest.mark.system
def test_memory_and_time_are_bounded(tmp_path: Path) -> None:
    hungry = script("def forward(self, images):\n  return torch.ones(2, 1 << 30)\n", tmp_path / "hungry.pt")
    with isolated(hungry) as encode, pytest.raises(SubmissionError, match="allocate memory"):
        encode(torch.rand(2, 1, 4, 4))
    endless = "def forward(self, images):\n  while True:\n    images = images + 0\n  return images\n"
    with (
        isolated(script(endless, tmp_path / "endless.pt"), Limits(2**30, 2, 1)) as encode,
        pytest.raises(SubmissionError, match=r"endless\.pt was stopped"),
    ):
        encode(torch.rand(2, 1, 4, 4))


def test_files_other_than_torchscript_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"no")
    with pytest.raises(SubmissionError, match="truncated or not a torch archive"):
        isolated(tmp_path / "bad.pt")
    with pytest.raises(SubmissionError, match="does not exist"):
        isolated(tmp_path / "missing.pt")
