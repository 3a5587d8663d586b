"""Valid answers of a server to a download, and a server of this process that gives any answer."""

from __future__ import annotations

import contextlib
import shutil
import socketserver
import threading
import time
from functools import cache
from pathlib import Path

from submission.data.download import fetch
from submission.data.sources import RemoteFile
from submission.data.web import RetryPolicy


def write_answer(path: Path) -> None:
    """A server's answer."""
    head = ("HTTP/1.1 200 OK", "Content-Length: 64", 'ETag: "1"', "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")
    path.write_bytes("\r\n".join((*head, "", "")).encode() + bytes(64))


def write_chunked_answer(path: Path) -> None:
    """A server's answer in chunks."""
    head = ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", 'ETag: "1"')
    path.write_bytes(
        "\r\n".join((*head, "", "20", "")).encode() + bytes(32) + b"\r\n20\r\n" + bytes(32) + b"\r\n0\r\n\r\n"
    )


def write_redirection(path: Path) -> None:
    """A redirection to itself."""
    head = ("HTTP/1.1 302 Found", f"Location: http://127.0.0.1:{answering()[1]}/elsewhere", "Content-Length: 0")
    path.write_bytes("\r\n".join((*head, "", "")).encode())


@cache
def answering() -> tuple[list[bytes], int]:
    """A server of this process that answers anything with one content: the content, to be changed, and its port."""
    content = [b""]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.recv(1 << 16)
                self.request.sendall(content[0])

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 50

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return content, server.server_address[1]


def read_download(path: Path) -> object:
    """A file downloaded from a server that answers with the bytes of ``path``."""
    content, port = answering()
    content[0] = path.read_bytes()
    folder = path.parent / f"root{time.monotonic_ns()}"
    file = RemoteFile("set/file.bin", (f"http://127.0.0.1:{port}/file.bin",), "", limit=1 << 20)
    try:
        return fetch(file, folder, "its page", retry=RetryPolicy(timeout=1, tries=2, pause=0, window=0.5)).read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
