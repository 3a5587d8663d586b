"""Files that attack while they are loaded, by ``__setstate__``, against every command that takes a file or a run."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from submission.cli.main import door, main
from submission.errors import SubmissionError
from submission.export import engines
from submission.export.archive import read_archive
from submission.export.engines import IsolationError, Limits
from submission.export.isolated import IsolatedEncoder
from submission.files import write_json

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
isolating = pytest.mark.skipif(
    engines.bubblewrap() is None and engines.container_engine() is None, reason="nothing isolates here"
)
SECRET = b"0123456789"
TOUCHING = ("write", "overwrite", "read")
ENDLESS = ("memory", "loop")


def attacking(body: str, result: str = "images.flatten(1)[:, :4]") -> str:
    """The source of a module that runs ``body`` while it is loaded."""
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    return f"""
class Attack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.data = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self) -> Tuple[Tensor, bool]:
        return self.data, False

    @torch.jit.export
    def __setstate__(self, state: Tuple[Tensor, bool]) -> None:
{indented}
        self.data = state[0]
        self.training = False

    def forward(self, images: Tensor) -> Tensor:
        return {result}
"""


def bodies(target: Path) -> dict[str, str]:
    """Attack → what runs while the file is loaded; ``target`` is a file of the user's."""
    return {
        "write": f"torch.save(torch.ones(3), {str(target.parent / 'written')!r})",
        "overwrite": f"torch.save(torch.ones(3), {str(target)!r})",
        "read": f"print(torch.from_file({str(target)!r}, False, 4, dtype=torch.uint8))",
        "memory": "x = [torch.rand(1 << 27)]\nfor i in range(100):\n    x.append(x[-1] + 1)\nprint(x[-1].sum())",
        "loop": "i = 0\nwhile i >= 0:\n    i = (i + 1) % 1000",
    }


def write_attack(body: str, path: Path, scratch: Path) -> Path:
    """A TorchScript file with that ``body``; its source must be a file, which PyTorch reads."""

    source = scratch / f"{path.stem}_source.py"
    head = "from __future__ import annotations\nfrom typing import Tuple\nimport torch\nfrom torch import Tensor, nn\n"
    source.write_text(head.replace("from __future__ import annotations\n", "") + attacking(body))
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: torch.nn.Module = module.Attack()
    torch.jit.save(torch.jit.script(made), str(path))
    return path


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """A file of the user's."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "notes.txt"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def attack(tmp_path: Path, user_file: Path) -> Callable[[str], Path]:
    """``attack(name)``: the path of a run folder whose model is that attack."""

    def make(name: str) -> Path:
        run = tmp_path / "run"
        (run / "representation" / "results").mkdir(parents=True)
        write_json(run / "meta.json", {"dataset": {"name": "dsprites_small"}, "representation": {"mode": "mean"}})
        write_attack(bodies(user_file)[name], run / "representation" / "pytorch_model.pt", tmp_path)
        return run

    return make


def model_of(run: Path) -> Path:
    """The run's TorchScript file."""
    return run / "representation" / "pytorch_model.pt"


SCORING = ["--metrics", "mig", "--preset", "fast", "--no-baselines"]
COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "check FILE": lambda run: ["check", str(model_of(run))],
    "check RUN": lambda run: ["check", str(run)],
    "evaluate FILE": lambda run: ["evaluate", str(model_of(run)), "--data", "dsprites_small", *SCORING],
    "evaluate RUN": lambda run: ["evaluate", str(run), *SCORING],
}


def untouched(user_file: Path) -> bool:
    """Whether the user's folder is as it was."""
    return user_file.read_bytes() == SECRET and [*user_file.parent.iterdir()] == [user_file]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", TOUCHING)
def test_a_file_that_touches_files_is_not_loaded_without_isolation(
    name: str, command: str, attack: Callable[[str], Path], user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMANDS[command](attack(name))) == 1
    assert untouched(user_file)
    shown = capfd.readouterr()
    assert "reads or writes files (aten::" in shown.err + shown.out
    assert all(str(byte) not in shown.out.split() for byte in SECRET[:4])


@isolating
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", TOUCHING)
def test_isolated_files_reach_nothing_on_the_host(
    name: str, command: str, attack: Callable[[str], Path], user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main([*COMMANDS[command](attack(name)), "--isolated"])
    assert untouched(user_file)
    shown = capfd.readouterr()
    assert "Traceback" not in shown.err
    assert all(str(byte) not in shown.out.split() for byte in SECRET[:4])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_warns_of_a_program(
    command: str, tmp_path: Path, user_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    (run / "representation" / "results").mkdir(parents=True)
    write_json(run / "meta.json", {"dataset": {"name": "dsprites_small"}, "representation": {"mode": "mean"}})
    write_attack("pass", model_of(run), tmp_path)
    assert main(COMMANDS[command](run)) in (0, 1)
    assert "pytorch_model.pt is a program and runs with your rights: use --isolated" in capsys.readouterr().err


@isolating
@pytest.mark.parametrize("name", ENDLESS)
def test_memory_and_time_are_bounded_while_loading(name: str, attack: Callable[[str], Path]) -> None:
    with pytest.raises(SubmissionError, match=r"was stopped in isolation|allocate memory|alloc|interpreter"):
        IsolatedEncoder(model_of(attack(name)), Limits(2 * 2**30, 15, 1))


def children_that_name(text: str) -> Iterator[int]:
    """Processes, but this one, whose command line has the text."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "cmdline").read_bytes().decode(errors="replace") and int(folder.name) != os.getpid():
                yield int(folder.name)
        except OSError:
            continue


@isolating
def test_nothing_outlives_a_parent_that_was_killed(attack: Callable[[str], Path]) -> None:
    path = model_of(attack("loop"))
    code = (
        "from pathlib import Path; from submission.export.isolated import IsolatedEncoder; "
        f"IsolatedEncoder(Path({str(path)!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len([*children_that_name(str(path))]) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while [*children_that_name(str(path))] and time.monotonic() < deadline + 20:
        time.sleep(0.2)
    assert [*children_that_name(str(path))] == []


def test_without_any_sandbox_isolation_is_refused(
    attack: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "bubblewrap", lambda: None)
    monkeypatch.setattr(engines, "container_engine", lambda: None)
    run = attack("write")
    with pytest.raises(IsolationError, match=r"neither bubblewrap nor a container engine.*install bubblewrap"):
        IsolatedEncoder(model_of(run))
    assert main(["check", str(run), "--isolated"]) == 1
    assert door("evaluate", [str(run), *SCORING, "--isolated"]) == 1
    assert capsys.readouterr().err.count("cannot be isolated") == 2


def test_operators_are_listed_without_loading(attack: Callable[[str], Path], user_file: Path) -> None:
    contents = read_archive(model_of(attack("write")))
    assert {"aten::save", "aten::ones", "aten::flatten"} <= set(contents.operators)
    assert contents.files == ("aten::save",)
    assert contents.restoring == 1
    assert contents.foreign == ()
    assert untouched(user_file)


def test_the_container_s_options_take_everything_away(tmp_path: Path) -> None:
    """The engine itself is tried by `make image-test`."""
    (tmp_path / "model.pt").write_bytes(b"")
    launch = engines.in_container("docker", tmp_path / "model.pt", Limits(2**30, 9, 1))
    options = " ".join(launch.command)
    for option in ("--network=none", "--read-only", "--cap-drop=ALL", "no-new-privileges", "--user=65534:65534"):
        assert option in options
    assert f"--memory={2 * 2**30} --memory-swap={2 * 2**30} --pids-limit=256" in options
    assert f"source={tmp_path / 'model.pt'},target=/model/model.pt,readonly" in options
    assert launch.stop[:3] == ("docker", "rm", "--force")
    with pytest.raises(SubmissionError, match="a comma or a quote"):
        engines.in_container("docker", tmp_path / "a,b.pt", Limits())
