"""The process in the sandbox, and its answers, which are checked like any input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from submission.errors import SubmissionError
from submission.export import engines
from submission.export.engines import IsolationError, Limits
from submission.export.isolated import IsolatedEncoder
from tests.security.attacks import write_attack

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


ANSWERS = [b"", b"\0" * 9, b"P" * 100, b"[]", b"{}", b'{"protocol": 2, "module": {"files": [1]}}', b"[" * 9000]
WEIGHTS = [b"", b"\xff" * 4, b"\x02\0\0\0[]x", b'\x09\0\0\0[["a",[9]]', b'\x0a\0\0\0[["a",-1]]', b"\x08\0\0\0[[1,[]]]"]


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
