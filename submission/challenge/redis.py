"""Just enough of the Redis protocol (RESP 2) to push a message on a list and to wait for one."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from submission.errors import SubmissionError


class Redis:
    """One connection; SubmissionError where the server cannot be reached, refuses, or is silent for ``timeout``."""

    def __init__(self, host: str, port: int, password: str = "", database: int = 0, timeout: float = 30.0) -> None:
        self._where = f"the event server {host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise self._failed(error) from error
        self._file = self._socket.makefile("rwb")
        try:
            if password:
                self.command("AUTH", password)
            if database:
                self.command("SELECT", str(database))
        except SubmissionError:
            self.close()
            raise

    def command(self, *words: str) -> str:
        """Send a command; the reply as text, empty for nil, arrays joined by newlines."""
        try:
            self._file.write(encode(words))
            self._file.flush()
            return self._reply()
        except OSError as error:
            raise self._failed(error) from error

    def _reply(self) -> str:
        line = self._file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:].decode(errors="replace")
        if kind in (b"+", b":"):
            return rest
        if kind == b"$":
            return "" if rest == "-1" else self._file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return "\n".join(self._reply() for _ in range(int(rest)))
        raise self._failed(OSError(rest or "connection closed"))

    def _failed(self, error: OSError) -> SubmissionError:
        return SubmissionError(f"{self._where}: {error}", "check CROWDAI_REDIS_HOST, _PORT and _PASSWORD")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


def encode(words: Sequence[str]) -> bytes:
    """A command as an array of bulk strings."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
