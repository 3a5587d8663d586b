"""Variables are read strictly; events reach a Redis server, whatever it answers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from submission.challenge import events as events_module
from submission.challenge.environment import read
from submission.challenge.events import Events, sender
from submission.errors import SubmissionError, UsageError


def test_defaults_are_the_contracts() -> None:
    environment = read({})
    assert environment.output == Path("scratch/shared/experiment_name")
    assert (environment.dataset, environment.data_root) == ("cars3d", Path("scratch/dataset"))
    assert (environment.grading, environment.cuda) == (False, True)


@pytest.mark.parametrize(("text", "value"), [("False", False), ("0", False), ("", False), ("True", True), ("1", True)])
def test_booleans_mean_what_they_say(text: str, value: bool) -> None:
    assert read({"AICROWD_CUDA": text}).cuda is value
    assert read({"CROWDAI_IS_GRADING": text}).grading is value


def test_bad_variables_are_named() -> None:
    with pytest.raises(UsageError, match=r"AICROWD_CUDA='maybe' is neither"):
        read({"AICROWD_CUDA": "maybe"})
    with pytest.raises(UsageError, match=r"AICROWD_EVALUATION_NAME='../up' is not a folder name"):
        read({"AICROWD_EVALUATION_NAME": "../up"})
    with pytest.raises(UsageError, match=r"AICROWD_EVALUATION_NAME='..' is not a folder name"):
        read({"AICROWD_EVALUATION_NAME": ".."})


def test_off_the_grader_events_are_lines() -> None:
    lines: list[str] = []
    events = Events(lines.append)
    events.start()
    events.progress(0.0)
    with events.task("training", 4) as task:
        task.advance(2)
        task.advance(2)
    events.progress(1.0)
    events.success()
    assert lines == [
        "Training Start...",
        "Training Progress : 0.0",
        "Training Progress : 0.9",
        "Training Progress : 1.0",
        "AIcrowd Submit",
    ]


class Server:
    """A Redis server of 20 lines: records commands, answers as the protocol says."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.reply, self.endless = b"", False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:
                while head := file.readline():
                    words = [file.read(int(file.readline()[1:]) + 2)[:-2].decode() for _ in range(int(head[1:]))]
                    self.commands.append(words)
                    if words[0] == "LPUSH" and self.reply:
                        while True:
                            file.write(self.reply)
                            file.flush()
                            if not self.endless:
                                return
                    answers = {
                        "LPUSH": b":1\r\n",
                        "BRPOP": b"*2\r\n$1\r\na\r\n$2\r\nok\r\n",
                        "AUTH": b"+OK\r\n",
                        "CLIENT": b"+OK\r\n",
                    }
                    file.write(answers.get(words[0], b"-ERR unknown command\r\n"))
                    file.flush()


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    server = Server()
    with closing(server.socket):
        yield server


def variables(server: Server) -> dict[str, str]:
    """What the grader sets."""
    names = {"HOST": "127.0.0.1", "PORT": str(server.port), "PASSWORD": "secret", "COMMUNICATION_CHANNEL": "events"}
    return {
        **{f"CROWDAI_REDIS_{name}": value for name, value in names.items()},
        "CROWDAI_AGENT_ID": "agent",
        "CROWDAI_BLOCKING_RESPONSE_CHANNEL": "answers",
    }


def test_on_the_grader_events_are_pushed(server: Server) -> None:
    events = Events(lambda line: None, sender(variables(server)))
    events.start()
    events.progress(0.9)
    events.success()
    pushed = [json.loads(words[2]) for words in server.commands if words[0] == "LPUSH"]
    assert [event["event_type"] for event in pushed] == ["CROWDAI_EVENT_INFO"] * 2 + ["CROWDAI_EVENT_SUCCESS"]
    assert pushed[1] == {
        "event_type": "CROWDAI_EVENT_INFO",
        "agent_id": "agent",
        "message": "register_progress",
        "payload": {"event_type": "disentanglement_challenge:register_progress", "training_progress": 0.9},
    }
    assert ["AUTH", "secret"] in server.commands
    assert [words[:2] for words in server.commands if words[0] == "BRPOP"] == [["BRPOP", "answers"]]


def test_a_dead_server_is_reported_once_and_stops_nothing(server: Server) -> None:
    with socket.socket() as nobody:  # bound, never listening
        nobody.bind(("127.0.0.1", 0))
        given = variables(server) | {"CROWDAI_REDIS_PORT": str(nobody.getsockname()[1])}
    lines: list[str] = []
    events = Events(lines.append, sender(given))
    events.start()
    events.failure("no data")
    assert [line for line in lines if line.startswith("warning")] == [lines[1]]
    assert f"127.0.0.1:{given['CROWDAI_REDIS_PORT']}" in lines[1]
    assert lines[-1] == "Execution Error : no data"


def test_a_refused_command_is_an_error(server: Server) -> None:
    given = variables(server) | {"CROWDAI_REDIS_DB": "3"}
    with pytest.raises(SubmissionError, match="unknown command"):
        sender(given)("CROWDAI_EVENT_INFO", "message", {})


MALFORMED = {
    "no protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a length that is not a number": b"$x\r\n",
    "a negative length": b"$-7\r\n",
    "an array of nothing": b"*3\r\n",
    "a number that is not one": b":one\r\n",
    "control characters": b"-\x1b[2Jboom\r\n",
    "no UTF-8": b"-\xff\xfe\r\n",
    "nothing": b"\r\n",
    "a large promise": b"$99999999999\r\n",
    "nested arrays": b"*1\r\n" * 5000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_reply_is_one_warning(name: str, server: Server) -> None:
    server.reply = MALFORMED[name]
    lines: list[str] = []
    events = Events(lines.append, sender(variables(server)))
    events.start()
    events.failure("no data")
    warnings = [line for line in lines if line.startswith("warning")]
    assert len(warnings) == 1
    assert warnings[0].isprintable()
    assert lines[-1] == "Execution Error : no data"


@pytest.mark.parametrize("reply", [b"x" * 4096, b"$99999999999\r\n" + b"x" * 4096, b"*1\r\n"])
def test_an_endless_reply_neither_hangs_nor_fills_the_memory(reply: bytes, server: Server) -> None:
    server.reply, server.endless = reply, True
    with pytest.raises(SubmissionError, match="event server"):
        sender(variables(server))("CROWDAI_EVENT_INFO", "message", {})


def test_a_silent_server_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "REPLY_SECONDS", 0.5)
    server.reply, server.endless = b"", False
    monkeypatch.setattr(Server, "serve", lambda self: None)
    silent = Server()
    with closing(silent.socket), pytest.raises(SubmissionError, match=r"did not answer in time|timed out|Timeout"):
        sender(variables(silent))("CROWDAI_EVENT_INFO", "message", {})
