"""Files that attack while they are loaded, against every command that takes a file or a run folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from submission.cli.main import main, run_program
from submission.export import engines
from submission.export.engines import IsolationError
from submission.export.isolated import IsolatedEncoder
from tests.security.attacks import SECRET, TOUCHING
from tests.security.commands import ALONE, LOADING, OTHERS, Attack, isolating, model_of, untouched

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
WARNING = "is a program and runs with your rights: use --isolated"


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.parametrize("name", TOUCHING)
def test_a_file_that_touches_files_is_not_loaded_without_isolation(
    name: str, command: str, attack: Attack, user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(LOADING[command](attack(name))) == 1
    assert untouched(user_file)
    shown = capfd.readouterr()
    assert "reads or writes files (aten::" in shown.err + shown.out or "read or write files" in shown.err + shown.out
    assert all(str(byte) not in shown.out.split() for byte in SECRET[:4])


@pytest.mark.system
@isolating
@pytest.mark.parametrize("command", LOADING)
def test_isolated_files_reach_nothing_on_the_host(
    command: str, attack: Attack, user_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = LOADING[command](attack("touch"))
    main([*arguments, "--isolated"])
    assert untouched(user_file)
    shown = capfd.readouterr()
    assert "Traceback" not in shown.err
    assert "rights" not in shown.err
    assert all(str(byte) not in shown.out.split() for byte in SECRET[:4])


@pytest.mark.parametrize("command", LOADING)
def test_every_command_that_loads_a_program_warns_of_it(
    command: str, attack: Attack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(LOADING[command](attack("nothing"))) in (0, 1)
    assert f".pt {WARNING}" in capsys.readouterr().err


@pytest.mark.usefixtures("blank_pictures")
@pytest.mark.parametrize("command", OTHERS)
def test_other_commands_load_no_program(
    command: str, attack: Attack, user_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded: list[str] = []
    load = torch.jit.load
    monkeypatch.setattr(torch.jit, "load", lambda file, **how: loaded.append(str(file)) or load(file, **how))
    run = attack("touch")
    attacking = {run / name: (run / name).read_bytes() for name in ("representation/pytorch_model.pt",)}
    main(OTHERS[command](run))
    own = {str(path) for path, content in attacking.items() if path.read_bytes() != content}  # replaced by our own
    foreign = [file for file in loaded if not file.startswith("<_io.BytesIO") and file not in own]
    assert [file for file in foreign if not file.startswith(str(run.parent / "new"))] == []
    assert untouched(user_file)
    assert "rights" not in capsys.readouterr().err


def test_without_any_sandbox_isolation_is_refused(
    attack: Attack, user_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "bubblewrap", lambda: None)
    monkeypatch.setattr(engines, "container_engine", lambda: None)
    run = attack("write")
    with pytest.raises(IsolationError, match=r"neither bubblewrap nor a container engine.*install bubblewrap"):
        IsolatedEncoder(model_of(run))
    assert main(["check", str(run), "--isolated"]) == 1
    assert main(["export", str(run), "--mode", "intrinsic", "--formats", "pt", "--isolated"]) == 1
    assert run_program("evaluate", [str(run), *ALONE, "--isolated"]) == 1
    assert capsys.readouterr().err.count("cannot be isolated") == 3
    assert untouched(user_file)
