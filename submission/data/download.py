"""Downloads that can be interrupted at any moment: resumed, checked, and visible only when complete and right."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from submission.data.archive import unpack
from submission.data.sources import RemoteFile
from submission.errors import SubmissionError
from submission.files import unwritable
from submission.locks import waiting
from submission.progress import QUIET, Progress, Task

BLOCK = 1 << 20
Failure = (OSError, http.client.HTTPException)  # urllib's errors and time-outs are OSErrors


@dataclass(frozen=True)
class RetryPolicy:
    """Retry policy: read timeout (s), attempts for each address, initial back-off (s)."""

    timeout: float = 30.0
    tries: int = 5
    pause: float = 1.0


RETRY = RetryPolicy()


class WrongHashError(Exception):
    """The file is complete, but not the one wanted."""


def fetch(
    file: RemoteFile,
    root: Path,
    page: str,
    progress: Progress = QUIET,
    accept: str = "",
    retry: RetryPolicy = RETRY,
) -> Path:
    """Bring ``file`` to its place under ``root`` and return that place; one that is there already is left alone.

    Several processes may ask for the same file: one downloads, the others wait.

    Args:
        page: the data set's page, named in the error if every address fails.
        accept: an md5 that is accepted instead of the published one.

    Raises:
        SubmissionError: every address failed; the message tells each failure and what to do by hand.
    """
    target = root / file.path
    with waiting(target):
        if not target.exists():
            attempt_all(file, target, page, progress, accept, retry)
    return target


def attempt_all(file: RemoteFile, target: Path, page: str, progress: Progress, accept: str, retry: RetryPolicy) -> None:
    """Try the addresses in turn."""
    failures = []
    for url in file.urls:
        part = part_path(target, url)
        try:
            complete(file, url, part, progress, accept, retry)
            install(file, part, target)
            return
        except WrongHashError as error:
            part.unlink(missing_ok=True)
            failures.append(f"{url}: {error}")
        except Failure as error:
            failures.append(f"{url}: {reason(error)}")
    by_hand = f"get it by hand from {page} and put it at {target}"
    raise SubmissionError(f"cannot download {target.name}: {'; '.join(failures) or 'it has no address'}", by_hand)


def part_path(target: Path, url: str) -> Path:
    """Where the bytes from ``url`` wait until they are complete: a hidden neighbour, one for each address."""
    return target.with_name(f".{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def complete(file: RemoteFile, url: str, part: Path, progress: Progress, accept: str, retry: RetryPolicy) -> None:
    """Bring ``part`` to its full length from ``url``, resuming after interruptions, and check its hash."""
    if not file.md5:
        part.unlink(missing_ok=True)  # without a hash nobody would notice that the file changed in between
    for attempt in range(retry.tries):
        try:
            transfer(url, part, file.limit, progress, retry.timeout)
            break
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                break  # all bytes are here already; the hash tells whether they are right
            if error.code < 500 or attempt == retry.tries - 1:
                raise
        except Failure:
            if attempt == retry.tries - 1:
                raise
        time.sleep(retry.pause * 2**attempt)
    check_hash(part, file.md5, accept, progress)


def transfer(url: str, part: Path, limit: int, progress: Progress, timeout: float) -> None:
    """One request: what is missing of ``part``, or all of it where the server cannot resume."""
    if not url.startswith(("http://", "https://")):
        raise OSError("only http and https addresses are followed")
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "disentanglement-submission", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers | ({"Range": f"bytes={have}-"} if have else {}))
    with urllib.request.urlopen(request, timeout=timeout) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise OSError("the server sent another range than the one asked for")
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else 0
        if total > limit:
            raise OSError(f"it is {total} bytes long, more than the {limit} that are accepted")
        with open_part(part, resumed) as out, progress.task(f"download {part.name[1:-14]}", total >> 20) as task:
            task.advance(start >> 20)
            end = start + sum(copy(response, out, limit - start, task))
        if total and end != total:
            raise OSError(f"the connection ended after {end} of {total} bytes")


def open_part(part: Path, resumed: bool) -> BinaryIO:
    """The partial file, to be continued or begun."""
    try:
        return part.open("ab" if resumed else "wb")
    except OSError as error:
        raise unwritable(part, error) from error


def copy(response: http.client.HTTPResponse, out: BinaryIO, limit: int, task: Task) -> Iterator[int]:
    """Copy to the end, yielding the size of each block."""
    done = 0
    while block := response.read(BLOCK):
        done += len(block)
        if done > limit:
            raise OSError("it does not end where it should")
        out.write(block)
        task.advance((done >> 20) - ((done - len(block)) >> 20))
        yield len(block)


def install(file: RemoteFile, part: Path, target: Path) -> None:
    """Move the complete file to its name, or unpack it there."""
    if file.member:
        unpack(part, file.member, target)
        part.unlink()
        return
    with part.open("rb+") as data:
        os.fsync(data.fileno())
    part.replace(target)


def check_hash(path: Path, md5: str, accept: str = "", progress: Progress = QUIET) -> None:
    """WrongHashError with the expected and the found hash, unless it is ``md5``, ``accept``, or none is published."""
    if not md5:
        return
    found = md5_of(path, progress)
    if found not in (md5, accept):
        raise WrongHashError(f"its md5 is {found}, expected {md5} (--accept {found} takes it all the same)")


def verified(file: RemoteFile, root: Path, progress: Progress = QUIET) -> str:
    """``missing``, ``right``, ``wrong: (hashes)``, or ``no hash`` where none is published or the file is unpacked."""
    path = root / file.path
    if not file.located(root).exists():
        return "missing"
    if not file.md5 or not path.is_file():
        return "no hash"
    try:
        check_hash(path, file.md5, progress=progress)
    except WrongHashError as error:
        return f"wrong: {error}"
    return "right"


def md5_of(path: Path, progress: Progress) -> str:
    """The md5 of a file."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file, progress.task(f"check {path.name}", path.stat().st_size >> 20) as task:
        while block := file.read(BLOCK):
            digest.update(block)
            task.advance(len(block) >> 20)
    return digest.hexdigest()


def reason(error: BaseException) -> str:
    """One line about a failure."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error).splitlines()[0] if str(error) else type(error).__name__
