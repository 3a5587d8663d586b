"""Progress events: sent to the grader's Redis list during grading, otherwise printed on the terminal."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from submission.errors import SubmissionError, UsageError
from submission.progress import Task
from submission.text import printable

NAME = "disentanglement_challenge"
INFO, SUCCESS, ERROR = "CROWDAI_EVENT_INFO", "CROWDAI_EVENT_SUCCESS", "CROWDAI_EVENT_ERROR"
TRAINING_SHARE = 0.9
SECONDS_BETWEEN = 5.0
ANSWER_SECONDS = 600
REPLY_SECONDS = 30
LONGEST_REPLY = 1 << 20
"""Bytes that a server may send in answer to one event."""

Say = Callable[[str], None]
Send = Callable[[str, str, dict[str, Any]], None]
"""Event type, message, payload."""


class Events:
    """The events of the challenge, in the order in which its evaluation expects them.

    An event server that cannot be reached is reported once on the terminal and does not stop the training.
    """

    def __init__(self, say: Say, send: Send | None = None) -> None:
        self._say, self._send = say, send
        self._last = (-1.0, 0.0)

    def start(self) -> None:
        """The run begins."""
        self._event(INFO, "execution_started", "Training Start...")

    def progress(self, fraction: float) -> None:
        """``fraction`` in [0, 1] of everything is done; sent per percent at most, and not more often than useful."""
        done, now = round(fraction, 2), time.monotonic()
        if done <= self._last[0] or (now - self._last[1] < SECONDS_BETWEEN and done not in (0, TRAINING_SHARE, 1)):
            return
        self._last = (done, now)
        self._event(INFO, "register_progress", f"Training Progress : {done}", training_progress=done)

    def success(self) -> None:
        """The submission is written and may be evaluated."""
        self._event(SUCCESS, "submit", "AIcrowd Submit")

    def failure(self, reason: str) -> None:
        """The run has failed."""
        self._event(ERROR, "execution_error", f"Execution Error : {reason}", error=reason)

    def _event(self, kind: str, message: str, text: str, **payload: Any) -> None:
        self._say(text)
        if self._send is None:
            return
        try:
            self._send(kind, message, {"event_type": f"{NAME}:{message}", **payload})
        except SubmissionError as error:
            self._send = None
            self._say(f"warning: no more events are sent: {error}")

    @contextlib.contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """As a ``Progress``: a task moves the run from 0 to 0.9, which is where the challenge's kit exports."""
        yield _Share(self, max(total, 1))


class _Share:
    def __init__(self, events: Events, total: int) -> None:
        self._events, self._total, self._done = events, total, 0

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Report the fraction."""
        self._done += amount
        self._events.progress(TRAINING_SHARE * min(1.0, self._done / self._total))


def sender(variables: Mapping[str, str]) -> Send:
    """Events to the list ``$CROWDAI_REDIS_COMMUNICATION_CHANNEL`` (or the variables' newer AICROWD_ names).

    Success and failure wait up to ten minutes for the grader's answer on ``$CROWDAI_BLOCKING_RESPONSE_CHANNEL``.
    """

    def get(name: str, default: str = "") -> str:
        return variables.get(f"AICROWD_{name}") or variables.get(f"CROWDAI_{name}") or default

    channel, answers = get("REDIS_COMMUNICATION_CHANNEL"), get("BLOCKING_RESPONSE_CHANNEL")
    port, database = number(get("REDIS_PORT", "6379")), number(get("REDIS_DB", "0"))

    def send(kind: str, message: str, payload: dict[str, Any]) -> None:
        if not channel:
            raise SubmissionError("CROWDAI_REDIS_COMMUNICATION_CHANNEL is not set", "set it, or unset *_IS_GRADING")
        event = {"event_type": kind, "agent_id": get("AGENT_ID"), "message": message, "payload": payload}
        wait = answers if kind in (SUCCESS, ERROR) else ""
        server = Server(get("REDIS_HOST", "localhost"), port, get("REDIS_PASSWORD"), database)
        server.push(channel, json.dumps(event), wait)

    return send


@dataclass(frozen=True)
class Server:
    """The Redis server that collects events."""

    host: str
    port: int
    password: str
    database: int

    def push(self, channel: str, event: str, answers: str = "") -> None:
        """Push an event on a list, and wait for an answer on another one where that has a name.

        Raises:
            SubmissionError: redis-py is missing, or the server cannot be reached, refuses, answers what is not Redis's
                protocol, or has not answered in time.
        """
        failures: list[Exception] = []
        thread = threading.Thread(target=self._exchange, args=(channel, event, answers, failures), daemon=True)
        thread.start()
        thread.join(REPLY_SECONDS + (ANSWER_SECONDS if answers else 0))
        where = f"the event server {self.host}:{self.port}"
        fix = "check CROWDAI_REDIS_HOST, _PORT and _PASSWORD"
        if thread.is_alive():
            raise SubmissionError(f"{where} did not answer in time", fix)
        if failures:
            reason = printable(str(failures[0]).partition("\n")[0])[:200]
            raise SubmissionError(f"{where}: {reason or type(failures[0]).__name__}", fix) from failures[0]

    def _exchange(self, channel: str, event: str, answers: str, failures: list[Exception]) -> None:
        """The conversation; what goes wrong is appended to ``failures``."""
        try:
            client = self._client()
            with contextlib.closing(client):
                client.lpush(channel, event)
                if answers:
                    client.brpop([answers], timeout=ANSWER_SECONDS)
        except Exception as error:  # noqa: BLE001 - a malformed reply may raise anything inside the library
            failures.append(error)

    def _client(self) -> Any:
        try:
            from redis import Connection, ConnectionPool, Redis
        except ImportError:
            raise SubmissionError("events need the package redis", "pip install '.[grader]'") from None

        class Bounded(Connection):  # type: ignore[misc, unused-ignore]
            """A connection whose server cannot fill the memory."""

            def _connect(self) -> Any:
                return BoundedSocket(super()._connect())  # type: ignore[no-untyped-call, unused-ignore]

        pool = ConnectionPool(
            Bounded,
            host=self.host,
            port=self.port,
            password=self.password or None,
            db=self.database,
            protocol=2,
            socket_connect_timeout=REPLY_SECONDS,
            socket_timeout=ANSWER_SECONDS + REPLY_SECONDS,
        )
        return Redis.from_pool(pool)


class BoundedSocket:
    """A socket that gives ``LONGEST_REPLY`` bytes and then fails."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner, self._left = inner, LONGEST_REPLY

    def recv(self, size: int, *flags: int) -> bytes:
        """Up to ``size`` bytes."""
        data = self._inner.recv(size, *flags)
        self._left -= len(data)
        if self._left < 0:
            raise ConnectionError(f"more than {LONGEST_REPLY >> 20} MiB in answer to one event")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def number(text: str) -> int:
    """A whole number of an environment variable."""
    if not text.isdecimal():
        raise UsageError(f"{text!r} is not a port or database number of the event server", "check CROWDAI_REDIS_*")
    return int(text)
