"""Files that attack while they are loaded, against every command that takes a file or a run folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from submission.api import export_run
from submission.cli.main import main, run_program
from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.errors import SubmissionError
from submission.export import engines
from submission.export.archive import read_archive
from submission.export.engines import IsolationError, Limits
from submission.export.isolated import IsolatedEncoder, IsolatedModule
from submission.export.torchscript import load_torchscript
from submission.run import Run
from submission.training import Settings, train
from tests.challenge.repository import make_repository
from tests.security.attacks import ENDLESS, SECRET, TOUCHING, bodies, with_two_tables, write_attack

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
isolating = pytest.mark.skipif(
    engines.bubblewrap() is None and engines.container_engine() is None, reason="nothing isolates here"
)
WARNING = "is a program and runs with your rights: use --isolated"
Attack = Callable[[str], Path]


@pytest.fixture(params=["bubblewrap", "container"])
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Isolation by one of the two programs, where this machine has it."""
    other = {"bubblewrap": "container_engine", "container": "bubblewrap"}[request.param]
    if {"bubblewrap": engines.bubblewrap, "container": engines.container_engine}[request.param]() is None:
        missing = {"bubblewrap": "no bubblewrap that works", "container": "no engine with the image (make image)"}
        pytest.skip(missing[request.param])
    monkeypatch.setattr(engines, other, lambda: None)
    return str(request.param)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two updates, scored."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_settings = TrainSettings(steps=2, batch_size=8, precision="float32")
    train(Settings(train_settings, DataSettings("dsprites_small"), ModelSettings("S^1", "mlp_small")), folder)
    return folder


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """A file of the user's."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "notes.txt"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def attack(tmp_path: Path, user_file: Path, trained: Path) -> Attack:
    """``attack(name)``: a trained run whose exported encoder and untrained encoder are that attack."""

    def make(name: str) -> Path:
        run = Run(tmp_path / "run")
        shutil.copytree(trained, run.path)
        write_attack(bodies(user_file)[name], run.exported_file, tmp_path)
        shutil.copy(run.exported_file, run.untrained_file)
        return run.path

    return make


def model_of(run: Path) -> Path:
    """The run's TorchScript file."""
    return Run(run).exported_file


def with_baseline_only(run: Path) -> Path:
    """The run with a good encoder, so that its untrained one is what attacks."""
    export_run(run)
    return run


def submit(run: Path) -> list[str]:
    """Submitting the run from a repository beside it."""
    repository = make_repository(run.parent)
    return ["submit", "v1", "--run", str(run), "--repository", str(repository), "--dry-run"]


SCORING = ["--metrics", "mig", "--preset", "fast"]
ALONE = [*SCORING, "--no-baselines"]
LOADING: dict[str, Callable[[Path], list[str]]] = {
    "check FILE": lambda run: ["check", str(model_of(run))],
    "check RUN": lambda run: ["check", str(run)],
    "evaluate FILE": lambda run: ["evaluate", str(model_of(run)), "--data", "dsprites_small", *ALONE],
    "evaluate RUN": lambda run: ["evaluate", str(run), *ALONE],
    "evaluate RUN, its untrained encoder": lambda run: ["evaluate", str(with_baseline_only(run)), *SCORING],
    "export --mode": lambda run: ["export", str(run), "--mode", "intrinsic", "--formats", "pt"],
    "submit --run": submit,
}
"""Commands that load programs."""
OTHERS: dict[str, Callable[[Path], list[str]]] = {
    "export": lambda run: ["export", str(run), "--formats", "pt"],
    "likelihood": lambda run: ["likelihood", str(run), "--images", "8", "--samples", "2"],
    "udr": lambda run: ["udr", str(run), str(shutil.copytree(run, run.parent / "other")), "--images", "20"],
    "report": lambda run: ["report", str(run)],
    "plot": lambda run: ["plot", "traversals", str(run), "--out", str(run.parent / "figure.png")],
    "compare": lambda run: ["compare", str(run)],
    "leaderboard": lambda run: ["leaderboard", str(run)],
    "train --resume": lambda run: ["train", "--resume", "--out", str(run), "--bind", "train.steps=3"],
    "train --init-from": lambda run: [
        *("train", "--config", str(run / "config.gin"), "--out", str(run.parent / "new"), "--init-from", str(run))
    ],
}
"""Commands that take a run folder and load no program, whatever it holds."""


def untouched(user_file: Path) -> bool:
    """Whether the user's folder is as it was."""
    return user_file.read_bytes() == SECRET and [*user_file.parent.iterdir()] == [user_file]


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


@pytest.mark.parametrize("name", ENDLESS)
def test_memory_and_time_are_bounded_while_loading(name: str, sandbox: str, attack: Attack) -> None:
    with pytest.raises(SubmissionError, match=r"was stopped in isolation|allocate memory|alloc|interpreter"):
        IsolatedEncoder(model_of(attack(name)), Limits(2 * 2**30, 2, 1))


def children_that_name(text: str) -> Iterator[int]:
    """Processes, but this one, whose command line has the text."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "cmdline").read_bytes().decode(errors="replace") and int(folder.name) != os.getpid():
                yield int(folder.name)
        except OSError:
            continue


@pytest.mark.system
@pytest.mark.parametrize("sandbox", ["bubblewrap", "container"], indirect=True)
def test_nothing_outlives_a_parent_that_was_killed(sandbox: str, attack: Attack) -> None:
    path = model_of(attack("loop"))
    other = {"bubblewrap": "container_engine", "container": "bubblewrap"}[sandbox]
    code = (
        "from pathlib import Path; from submission.export import engines; "
        f"engines.{other} = lambda: None; from submission.export.isolated import IsolatedEncoder; "
        f"IsolatedEncoder(Path({str(path)!r}))"
    )
    inside = "from submission.export.sandbox import main"
    before = {*children_that_name(inside)}
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 90
    while len({*children_that_name(inside)} - before) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    started = {*children_that_name(inside)} - before
    assert started
    time.sleep(3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while {*children_that_name(inside)} & started and time.monotonic() < deadline + 30:
        time.sleep(0.2)
    assert not {*children_that_name(inside)} & started


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


def test_operators_are_listed_without_loading(attack: Attack, user_file: Path) -> None:
    contents = read_archive(model_of(attack("write")))
    assert {"aten::save", "aten::ones", "aten::flatten"} <= set(contents.operators)
    assert contents.files == ("aten::save",)
    assert contents.restoring == 1
    assert contents.foreign == ()
    assert untouched(user_file)


def test_an_archive_with_two_tables_is_refused(tmp_path: Path, user_file: Path) -> None:
    """Python's reader finds a harmless program in it, PyTorch's one that writes."""
    seen = write_attack("pass", tmp_path / "seen_.pt", tmp_path).read_bytes()
    loaded = write_attack(bodies(user_file)["overwrite"], tmp_path / "loads.pt", tmp_path).read_bytes()
    path = tmp_path / "two.pt"
    path.write_bytes(with_two_tables(seen, loaded))
    with pytest.raises(SubmissionError, match="two programs read different contents in it"):
        load_torchscript(path)
    assert untouched(user_file)
    torch.jit.load(str(path))  # what would have happened
    assert not untouched(user_file)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("constants.pkl", "data.pkl", "code/a.py"):
            archive.writestr(f"bomb/{name}", bytes(100 << 20))
    started = time.monotonic()
    with pytest.raises(SubmissionError, match="unpacks to 314,572,800 bytes, too many for its size"):
        read_archive(path)
    assert time.monotonic() - started < 1


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


ANSWERS = [b"", b"\0" * 9, b"P" * 100, b"[]", b"{}", b'{"protocol": 2, "module": {"files": [1]}}', b"[" * 9000]


@pytest.mark.parametrize("body", ANSWERS)
def test_malformed_answers_are_one_line(body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in place of the sandbox that answers with anything."""
    from submission.export.sandbox import ANSWER

    path = write_attack("pass", tmp_path / "model.pt", tmp_path)
    (tmp_path / "answer").write_bytes(ANSWER.pack(0, len(body)) + body)
    launch = engines.Launch(("/bin/cat", str(tmp_path / "answer")), {})
    monkeypatch.setattr("submission.export.isolated.launch", lambda *_: launch)
    with pytest.raises(SubmissionError) as caught:
        IsolatedEncoder(path, Limits(2**31, 5, 1))
    assert "\n" not in str(caught.value)


WEIGHTS = [b"", b"\xff" * 4, b"\x02\0\0\0[]x", b'\x09\0\0\0[["a",[9]]', b'\x0a\0\0\0[["a",-1]]', b"\x08\0\0\0[[1,[]]]"]


@pytest.mark.parametrize("body", WEIGHTS)
def test_malformed_weights_are_one_line(body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from submission.export.sandbox import ANSWER, PROTOCOL

    path = write_attack("pass", tmp_path / "model.pt", tmp_path)
    first = json.dumps({"protocol": PROTOCOL, "module": {}}).encode()
    messages = ANSWER.pack(0, len(first)) + first + ANSWER.pack(0, len(body)) + body
    (tmp_path / "answer").write_bytes(messages)
    script = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read()); sys.stdout.flush(); sys.stdin.read()"
    launch = engines.Launch((sys.executable, "-c", script, str(tmp_path / "answer")), {})
    monkeypatch.setattr("submission.export.isolated.launch", lambda *_: launch)
    with IsolatedEncoder(path, Limits(2**31, 5, 1)) as encoder:
        if body.startswith(b"\x02"):
            assert encoder.weights() == {}
        else:
            with pytest.raises(SubmissionError) as caught:
                encoder.weights()
            assert "\n" not in str(caught.value)


def test_the_container_s_options_take_everything_away(tmp_path: Path) -> None:
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


def test_an_image_of_another_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from submission.export.sandbox import ANSWER

    path = write_attack("pass", tmp_path / "model.pt", tmp_path)
    body = b'{"protocol": 99}'
    (tmp_path / "answer").write_bytes(ANSWER.pack(0, len(body)) + body)
    launch = engines.Launch(("/bin/cat", str(tmp_path / "answer")), {})
    monkeypatch.setattr("submission.export.isolated.launch", lambda *_: launch)
    with pytest.raises(IsolationError, match="holds another version of this package — make it again: make image"):
        IsolatedEncoder(path)
