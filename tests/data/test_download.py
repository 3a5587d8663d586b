"""The downloader against a local server that drops, redirects, lies and is slow."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from submission.cli.main import main
from submission.data.download import fetch, part_path, verified
from submission.data.sources import SOURCES, RemoteFile, Source
from submission.data.web import RetryPolicy
from submission.errors import SubmissionError

BODY = bytes(range(256)) * 40_000  # 10 MB
MD5 = hashlib.md5(BODY).hexdigest()
QUICK = RetryPolicy(timeout=5, tries=4, pause=0.01, window=0.3)


class Server(http.server.ThreadingHTTPServer):
    """Paths say how to behave; ``requests`` holds (path, Range), ``validators`` the If-Range headers."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []
        self.validators: list[str | None] = []
        self.drops = 2
        self.version = 1

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        how = self.path.strip("/").replace("%20", " ")
        self.server.requests.append((how, self.headers.get("Range")))
        self.server.validators.append(self.headers.get("If-Range"))
        if how.startswith("redirect"):
            self.send_response(302)
            self.send_header("Location", REDIRECTIONS.get(how) or self.server.url("good"))
            self.end_headers()
        elif how == "missing":
            self.send_error(404)
        elif how == "busy" and self.server.drops:
            self.server.drops -= 1
            self.send_error(503)
        elif how == "bad":
            self.send_response(200)
            self.send_header("Content-Length", "9")
            self.end_headers()
            self.wfile.write(b"not a cat")
        elif how in RAW:
            self.raw(how)
        else:
            self.body(how)

    def raw(self, how: str) -> None:
        """An answer byte by byte; one that never ends where it is a trickle."""
        begin, rest, pause = RAW[how]
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(begin)
            while rest:
                self.wfile.write(rest)
                time.sleep(pause)

    def body(self, how: str) -> None:
        start, wanted = 0, self.headers.get("Range")
        content = BODY if self.server.version == 1 else bytes(len(BODY))
        tag = f'"version {self.server.version}"'
        same = self.headers.get("If-Range") in (None, tag) or how == "deaf"
        if wanted and how != "norange" and same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            shown = start + 1 if how == "liar" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        if how in ("tagged", "deaf"):
            self.send_header("ETag", tag)
        self.end_headers()
        dropping = how in ("drop", "norange", "liar", "tagged", "deaf", "untagged") and self.server.drops > 0
        stop = start + 3_000_000 if dropping else len(content)
        self.server.drops -= dropping
        self.send_slowly(content[start:stop], how == "slow")
        if dropping:
            self.server.version += self.server.drops == 0 and how in ("tagged", "deaf", "untagged")
            self.connection.close()

    def send_slowly(self, data: bytes, slow: bool) -> None:
        for at in range(0, len(data), 1 << 18):
            try:
                self.wfile.write(data[at : at + (1 << 18)])
            except OSError:
                return
            time.sleep(0.05 if slow else 0)

    def log_message(self, *_: object) -> None:
        """Silence."""


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
RAW = {
    "trickle": (OK + b"Content-Length: 1000000\r\n\r\n", b"x", 0.02),
    "endless": (OK + b"\r\n", bytes(1 << 20), 0),
    "slow head": (OK, b"X-More: x\r\n", 0.05),
    "long head": (OK, b"X-More: x\r\n", 0),
    "wide head": (OK + b"X: ", b"x" * 4096, 0),
    "length words": (OK + b"Content-Length: ten\r\n\r\nabc", b"", 0),
    "length negative": (OK + b"Content-Length: -5\r\n\r\nabc", b"", 0),
    "length huge": (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc", b"", 0),
    "length unicode": (OK + "Content-Length: ²\r\n\r\nabc".encode(), b"", 0),
    "chunk words": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", b"", 0),
    "chunk negative": (CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n", b"", 0),
    "chunk huge": (CHUNKED + b"f" * 15 + b"\r\nabc", b"", 0),
    "chunk line": (CHUNKED, b"1" * 4096, 0),
    "nothing": (b"", b"", 0),
    "escapes": (b"HTTP/1.1 404 \x1b[2J\x1b]0;owned\x07\r\n\r\n", b"", 0),
    "status words": (b"HTTP/1.1 many thanks\r\n\r\n", b"", 0),
    "noise": (bytes(range(256)), b"", 0),
}
REDIRECTIONS = {
    "redirect ftp": "ftp://127.0.0.1/file.bin",
    "redirect file": "file:///etc/passwd",
    "redirect port": "http://127.0.0.1:99999/x",
    "redirect host": f"http://{'a' * 70}.invalid/x",
    "redirect brackets": "http://[::1/x",
    "redirect letters": "http://\xff\xfe/x",
    "redirect loop": "redirect loop".replace(" ", "%20"),
    "redirect data": "data:text/plain,x",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: Server, *paths: str, md5: str = MD5, limit: int = 1 << 30) -> RemoteFile:
    return RemoteFile("set/file.bin", tuple(server.url(path) for path in paths), md5, limit=limit)


def no_leftovers(root: Path) -> bool:
    return not list(root.rglob("*.part")) and not list(root.rglob("*.tmp"))


@pytest.mark.parametrize("how", ["good", "redirect", "drop", "norange", "busy"])
def test_it_arrives(server: Server, tmp_path: Path, how: str) -> None:
    path = fetch(remote(server, how), tmp_path, "the page", retry=QUICK)
    assert path == tmp_path / "set" / "file.bin"
    assert path.read_bytes() == BODY
    assert no_leftovers(tmp_path)


def test_a_dropped_connection_is_resumed_where_it_ended(server: Server, tmp_path: Path) -> None:
    fetch(remote(server, "drop"), tmp_path, "the page", retry=QUICK)
    assert server.requests == [("drop", None), ("drop", "bytes=3000000-"), ("drop", "bytes=6000000-")]


def test_without_a_hash_nothing_is_resumed(server: Server, tmp_path: Path) -> None:
    """Bytes left by an earlier process may be of another version of the file."""
    file = remote(server, "good", md5="")
    part = part_path(tmp_path / file.path, file.urls[0])
    part.parent.mkdir()
    part.write_bytes(b"x" * 100)
    assert fetch(file, tmp_path, "the page", retry=QUICK).read_bytes() == BODY
    assert server.requests == [("good", None)]


@pytest.mark.parametrize("md5", ["", MD5])
def test_a_part_continues_the_same_version_only(server: Server, tmp_path: Path, md5: str) -> None:
    """The file changes on the server after two interruptions: a server that compares versions sends all of it."""
    if md5:
        md5 = hashlib.md5(bytes(len(BODY))).hexdigest()
    path = fetch(remote(server, "tagged", md5=md5), tmp_path, "the page", retry=QUICK)
    assert path.read_bytes() == bytes(len(BODY))
    ranges = [wanted for _, wanted in server.requests]
    assert ranges == [None, "bytes=3000000-", "bytes=6000000-"]
    assert server.validators == [None, '"version 1"', '"version 1"']
    assert no_leftovers(tmp_path)


def test_a_server_that_ignores_if_range_is_noticed(server: Server, tmp_path: Path) -> None:
    """It continues with bytes of another version, whose ETag shows it: the download starts anew."""
    path = fetch(remote(server, "deaf", md5=""), tmp_path, "the page", retry=QUICK)
    assert path.read_bytes() == bytes(len(BODY))
    assert [wanted for _, wanted in server.requests] == [None, "bytes=3000000-", "bytes=6000000-", None]


def test_without_hash_and_version_every_attempt_starts_again(server: Server, tmp_path: Path) -> None:
    path = fetch(remote(server, "untagged", md5=""), tmp_path, "the page", retry=QUICK)
    assert path.read_bytes() == bytes(len(BODY))
    assert [wanted for _, wanted in server.requests] == [None, None, None]


def test_the_hash_that_was_got_is_recorded(server: Server, tmp_path: Path) -> None:
    file = remote(server, "good", md5="")
    path = fetch(file, tmp_path, "the page", retry=QUICK)
    assert (tmp_path / "set" / "file.bin.md5").read_text() == f"{MD5}  file.bin\n"
    assert verified(file, tmp_path) == "as it was downloaded"
    path.write_bytes(b"changed since")
    assert verified(file, tmp_path).startswith("wrong: its md5 is")


@pytest.mark.parametrize("how", [*RAW, *REDIRECTIONS])
def test_hostile_answers_end_in_one_line(server: Server, tmp_path: Path, how: str) -> None:
    """Endless, slow and malformed answers, and redirections to anything else than a web server."""
    retry = RetryPolicy(timeout=0.4, tries=2, pause=0.01, window=0.2)
    file = remote(server, how.replace(" ", "%20"), md5="", limit=5_000_000)
    started = time.monotonic()
    with pytest.raises(SubmissionError) as caught:
        fetch(file, tmp_path, "the page", retry=retry)
    text = str(caught.value)
    assert time.monotonic() - started < 10
    assert text.startswith("cannot download file.bin: http://127.0.0.1")
    assert text.isprintable()
    assert len(text) < 600
    assert not (tmp_path / "set" / "file.bin").exists()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[::1", "http://a b/", "x", "http://"]
)
def test_other_addresses_end_in_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(SubmissionError, match=r"cannot download f: ") as caught:
        fetch(RemoteFile("f", (url,)), tmp_path, "the page", retry=RetryPolicy(0.5, 1, 0.01))
    assert str(caught.value).isprintable()


def test_a_server_that_sends_another_range_is_not_believed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="the wrong range of bytes"):
        fetch(remote(server, "liar"), tmp_path, "the page", retry=QUICK)
    assert not (tmp_path / "set" / "file.bin").exists()


def test_dead_mirrors_are_passed_over(server: Server, tmp_path: Path) -> None:
    file = remote(server, "missing", "bad", "good")
    dead = RemoteFile(file.path, ("http://127.0.0.1:9/x", *file.urls), MD5)
    assert fetch(dead, tmp_path, "the page", retry=QUICK).read_bytes() == BODY
    assert no_leftovers(tmp_path)


def test_when_all_fail_the_error_names_addresses_reasons_and_what_to_do(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError) as caught:
        fetch(remote(server, "missing", "bad"), tmp_path, "https://the.page", retry=QUICK)
    text = str(caught.value)
    found = hashlib.md5(b"not a cat").hexdigest()
    assert "\n" not in text
    for part in (server.url("missing"), "HTTP 404", server.url("bad"), MD5, found, "https://the.page", "set/file.bin"):
        assert part in text
    assert not (tmp_path / "set" / "file.bin").exists()
    assert no_leftovers(tmp_path)


def test_another_hash_can_be_accepted(server: Server, tmp_path: Path) -> None:
    found = hashlib.md5(b"not a cat").hexdigest()
    path = fetch(remote(server, "bad"), tmp_path, "the page", accept=found, retry=QUICK)
    assert path.read_bytes() == b"not a cat"


def test_a_file_that_is_there_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file.bin").write_bytes(b"mine")
    assert fetch(remote(server, "good"), tmp_path, "the page").read_bytes() == b"mine"
    assert not server.requests


def test_too_large_a_file_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="more than the limit of 1000"):
        fetch(remote(server, "good", limit=1000), tmp_path, "the page", retry=QUICK)


def test_only_http_addresses_are_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(SubmissionError, match="only http and https"):
        fetch(RemoteFile("f", (secret.as_uri(),)), tmp_path, "the page", retry=QUICK)


def test_an_unwritable_folder_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set").write_text("a file where the folder should be")
    with pytest.raises(SubmissionError, match="cannot write"):
        fetch(remote(server, "good"), tmp_path, "the page", retry=QUICK)


def test_two_at_once_download_once(server: Server, tmp_path: Path) -> None:
    file = remote(server, "slow")
    with ThreadPoolExecutor(3) as pool:
        paths = list(pool.map(lambda _: fetch(file, tmp_path, "the page", retry=QUICK), range(3)))
    assert {path.read_bytes() for path in paths} == {BODY}
    assert len(server.requests) == 1


CHILD = """
import sys
from pathlib import Path
from submission.data.web import RetryPolicy
from submission.data.download import fetch
from submission.data.sources import SOURCES, RemoteFile, Source
fetch(RemoteFile("set/file.bin", (sys.argv[1],), sys.argv[2]), Path(sys.argv[3]), "the page")
"""


def test_killed_in_the_middle_then_resumed(server: Server, tmp_path: Path) -> None:
    file = remote(server, "slow")
    part = part_path(tmp_path / file.path, file.urls[0])
    child = subprocess.Popen([sys.executable, "-c", CHILD, file.urls[0], MD5, str(tmp_path)])
    while not part.exists() or part.stat().st_size < 1_000_000:
        assert child.poll() is None
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "set" / "file.bin").exists()
    left = part.stat().st_size
    assert 0 < left < len(BODY)
    assert fetch(file, tmp_path, "the page", retry=QUICK).read_bytes() == BODY
    assert server.requests[-1] == ("slow", f"bytes={left}-")
    assert no_leftovers(tmp_path)


def test_a_complete_but_unverified_part_needs_no_second_transfer(server: Server, tmp_path: Path) -> None:
    file = remote(server, "good")
    part = part_path(tmp_path / file.path, file.urls[0])
    part.parent.mkdir()
    part.write_bytes(BODY)
    assert fetch(file, tmp_path, "the page", retry=QUICK).read_bytes() == BODY


def test_the_command_downloads_and_verifies(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SOURCES, "caltech101", Source("free", (remote(server, "missing", "drop"),), "the page"))
    root = ["--root", str(tmp_path)]
    assert main(["data", "download", "caltech101", *root]) == 0
    assert (tmp_path / "set" / "file.bin").read_bytes() == BODY
    assert main(["data", "verify", "caltech101", *root]) == 0
    assert "right" in capsys.readouterr().out
    monkeypatch.setitem(SOURCES, "caltech101", Source("free", (remote(server, "missing"),), "the page"))
    assert main(["data", "download", "caltech101", "--root", str(tmp_path / "other")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: cannot download file.bin")


def test_an_archive_is_unpacked_into_its_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "a.tar.gz"
    (tmp_path / "car.mat").write_bytes(b"mesh")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "car.mat", "data/cars/car.mat")
        tar.add(tmp_path / "car.mat", "data/other/thing.mat")
    monkeypatch.setattr(sys.modules[__name__], "BODY", archive.read_bytes())
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    file = RemoteFile("cars", (server.url("good"),), md5, member="data/cars")
    folder = fetch(file, tmp_path / "root", "the page", retry=QUICK)
    assert [path.name for path in folder.iterdir()] == ["car.mat"]
    assert no_leftovers(tmp_path / "root")
