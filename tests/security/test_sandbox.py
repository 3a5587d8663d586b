"""What the sandbox keeps from a file that attacks while it is loaded, and what it lets through."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from submission.api import export_run
from submission.errors import SubmissionError
from submission.export.engines import Limits
from submission.export.isolated import IsolatedEncoder, IsolatedModule
from submission.export.torchscript import load_torchscript
from submission.run import Run
from tests.security.attacks import ENDLESS, TOUCHING, write_attack
from tests.security.commands import INSIDE, Attack, children_that_name, isolating, model_of, untouched

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore:`torch.jit")]


@pytest.mark.parametrize("name", TOUCHING)
def test_each_sandbox_lets_no_file_reach_the_host(
    name: str, sandbox: str, attack: Attack, user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = model_of(attack(name))
    if name == "read":
        with pytest.raises(SubmissionError, match="interpreter"):
            IsolatedEncoder(path, Limits(2**31, 60, 1))
    else:
        with IsolatedEncoder(path, Limits(2**31, 60, 1)) as encode:
            assert encode(torch.rand(2, 1, 8, 8)).shape == (2, 4)
    assert untouched(user_file)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", ENDLESS)
def test_memory_and_time_are_bounded_while_loading(name: str, sandbox: str, attack: Attack) -> None:
    with pytest.raises(SubmissionError, match=r"was stopped in isolation|allocate memory|alloc|interpreter"):
        IsolatedEncoder(model_of(attack(name)), Limits(2 * 2**30, 2, 1))


@pytest.mark.parametrize("sandbox", ["bubblewrap", "container"], indirect=True)
def test_nothing_outlives_a_parent_that_was_killed(sandbox: str, attack: Attack) -> None:
    path = model_of(attack("loop"))
    other = {"bubblewrap": "container_engine", "container": "bubblewrap"}[sandbox]
    code = (
        "from pathlib import Path; from submission.export import engines; "
        f"engines.{other} = lambda: None; from submission.export.isolated import IsolatedEncoder; "
        f"IsolatedEncoder(Path({str(path)!r}))"
    )
    before = {*children_that_name(INSIDE)}
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 90
    while len({*children_that_name(INSIDE)} - before) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    started = {*children_that_name(INSIDE)} - before
    assert started
    time.sleep(3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while {*children_that_name(INSIDE)} & started and time.monotonic() < deadline + 30:
        time.sleep(0.2)
    assert not {*children_that_name(INSIDE)} & started


@isolating
def test_another_mode_takes_the_untrained_weights_out_of_the_sandbox(trained: Path, tmp_path: Path) -> None:
    files = []
    for isolated in (False, True):
        run = Run(shutil.copytree(trained, tmp_path / str(isolated)))
        export_run(run, mode="intrinsic", isolated=isolated)
        files.append(load_torchscript(run.untrained_file, own=True)(torch.ones(3, 1, 64, 64)))
    assert files[0].shape == (3, 1)
    torch.testing.assert_close(files[0], files[1], rtol=0, atol=0)


class Spy(torch.nn.Module):
    """An encoder."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Four pixels."""
        return images.flatten(1)[:, :4]


@isolating
def test_programs_of_other_formats_run_in_the_sandbox(tmp_path: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(Spy(), (torch.rand(2, 1, 8, 8),), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "model.pt2")
    images = torch.rand(3, 1, 8, 8)
    encode = IsolatedModule(tmp_path / "model.pt2", Limits(2**31, 60, 1), image_shape=(8, 8, 1))
    torch.testing.assert_close(encode(images), images.flatten(1)[:, :4])


@isolating
def test_a_file_that_writes_into_the_answer_is_refused_in_one_line(tmp_path: Path) -> None:
    """Inside, descriptor 3 is the pipe to this process."""
    path = write_attack("torch.save(torch.ones(3), '/proc/self/fd/3')", tmp_path / "model.pt", tmp_path)
    with pytest.raises(SubmissionError) as caught, IsolatedEncoder(path, Limits(2**31, 60, 1)) as encode:
        encode(torch.rand(2, 1, 8, 8))
    assert "\n" not in str(caught.value)
