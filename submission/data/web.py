"""One HTTP request to a server that may be slow, broken or hostile."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any, BinaryIO

from submission.data.reading import shown
from submission.progress import Task

BLOCK = 1 << 20
Failure = (OSError, http.client.HTTPException, ValueError, ArithmeticError)
"""What urllib raises for servers, addresses and answers of any kind; its own errors and time-outs are OSErrors."""
SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class RetryPolicy:
    """Retry policy.

    Attributes:
        timeout: seconds until an answer must have begun, and without a byte before giving up.
        tries: attempts for each address.
        pause: seconds before the second attempt, doubled for each further one.
        least_rate: bytes per second, on average over ``window`` seconds, below which an attempt is given up.
        window: see there.
    """

    timeout: float = 30.0
    tries: int = 5
    pause: float = 1.0
    least_rate: float = 256.0
    window: float = 60.0


class OnlyHttp(urllib.request.HTTPRedirectHandler):
    """Follows redirections to http and https alone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The next request; OSError for another scheme."""
        require_http(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def require_http(url: str) -> None:
    """OSError for an address that is neither http nor https."""
    if not url.lower().startswith(SCHEMES):
        raise OSError(f"only http and https addresses are followed, not {shown(url)}")


@contextlib.contextmanager
def answer(url: str, headers: dict[str, str], retry: RetryPolicy) -> Iterator[http.client.HTTPResponse]:
    """The server's answer, whose head must have arrived within the time-out; neither ftp nor files are opened."""
    require_http(url)
    opened: list[socket.socket] = []

    class Watched(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            opened.append(self.sock)

    class WatchedTls(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            opened.append(self.sock)

    class Http(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Watched, req)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(WatchedTls, req)

    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        Http(),
        Https(),
        OnlyHttp(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        director.add_handler(handler)
    late = threading.Event()
    timer = threading.Timer(retry.timeout, close_all, (opened, late))
    timer.daemon = True
    timer.start()
    try:
        response = director.open(urllib.request.Request(url, headers=headers), timeout=retry.timeout)
    except Failure:
        if not late.is_set():
            raise
        response = None
    finally:
        timer.cancel()
    if late.is_set() or response is None:
        raise TimeoutError("the server did not answer in time")
    with response:
        yield response


def close_all(sockets: list[socket.socket], late: threading.Event) -> None:
    """End connections whose answer is too slow; a read of them fails at once."""
    late.set()
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def length(response: http.client.HTTPResponse, start: int) -> int:
    """Length of the whole file as the server states it; 0 where it does not."""
    stated = response.headers.get("Content-Length", "")
    if not stated:
        return 0
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 19):
        raise OSError(f"the server states the length {shown(stated)!r}")
    return start + int(stated)


def version(headers: Message) -> str:
    """What tells versions of a file apart: its strong ETag, else its date, else nothing (RFC 9110, section 13.1.5)."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def copy(
    response: http.client.HTTPResponse, out: BinaryIO, limit: int, task: Task, retry: RetryPolicy
) -> Iterator[int]:
    """Copy to the end, yielding the size of each block; OSError where there is no end, or it is far too slow."""
    done, since, before = 0, time.monotonic(), 0
    while block := response.read1(BLOCK):
        done += len(block)
        if done > limit:
            raise OSError(f"it is longer than the limit of {limit} bytes")
        out.write(block)
        task.advance((done >> 20) - ((done - len(block)) >> 20))
        yield len(block)
        if (now := time.monotonic()) - since > retry.window:
            if done - before < retry.least_rate * (now - since):
                raise TimeoutError(f"it arrives at less than {retry.least_rate:g} bytes per second")
            since, before = now, done
