"""Downloads that may be interrupted at any time: they are resumed and verified, and appear only when complete."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from submission import schema
from submission.data.archive import unpack
from submission.data.reading import shown
from submission.data.sources import RemoteFile
from submission.data.web import BLOCK, Failure, RetryPolicy, answer, copy, length, version
from submission.errors import SubmissionError
from submission.files import unwritable, write_text
from submission.locks import waiting
from submission.progress import QUIET, Progress

MOST_REASON = 200  # characters of a failure's reason


RETRY = RetryPolicy()


class WrongHashError(Exception):
    """The file is complete, but not the one wanted."""


class ChangedError(OSError):
    """The file on the server is not the one of which a part is here."""


def fetch(
    file: RemoteFile, root: Path, page: str, progress: Progress = QUIET, accept: str = "", retry: RetryPolicy = RETRY
) -> Path:
    """Bring ``file`` to its place under ``root`` and return that place; one that is there already is left alone.

    Several processes may ask for the same file: one downloads, the others wait. The hash of what was downloaded is
    recorded beside the file (``record_path``).

    Args:
        page: the data set's page, named in the error if every address fails.
        accept: an md5 that is accepted instead of the published one.

    Raises:
        SubmissionError: every address failed; the message names each failure and what to do by hand.
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
            found = complete(file, url, part, progress, accept, retry)
            install(file, part, target)
            write_text(record_path(target), f"{found}  {target.name}\n")
            return
        except WrongHashError as error:
            discard(part)
            failures.append(f"{url}: {error}")
        except Failure as error:
            failures.append(f"{url}: {reason(error)}")
    by_hand = f"get it by hand from {page} and put it at {target}"
    raise SubmissionError(f"cannot download {target.name}: {'; '.join(failures) or 'no address is known'}", by_hand)


def part_path(target: Path, url: str) -> Path:
    """Where the bytes from ``url`` wait until they are complete: a hidden neighbour, one for each address."""
    return target.with_name(f".{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def record_path(target: Path) -> Path:
    """Where the md5 of the downloaded file is recorded, in the form that ``md5sum`` prints and checks."""
    return target.with_name(f"{target.name}.md5")


def version_path(part: Path) -> Path:
    """Where the version of the file on the server is kept while only a part of it is here."""
    return part.with_name(f"{part.name}.json")


def discard(part: Path) -> None:
    """Delete a part and its version."""
    part.unlink(missing_ok=True)
    version_path(part).unlink(missing_ok=True)


def complete(file: RemoteFile, url: str, part: Path, progress: Progress, accept: str, retry: RetryPolicy) -> str:
    """Bring ``part`` to its full length from ``url``, resuming after interruptions; its md5, which is checked.

    Without a published hash a part is resumed only where the server's ETag or date says that the file is the same.
    """
    if not file.md5 and not validator(part):
        discard(part)
    for attempt in range(retry.tries):
        try:
            transfer(url, part, file.limit, progress, retry, bool(file.md5))
            break
        except ChangedError:
            discard(part)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                if file.md5 or error.headers.get("Content-Range") == f"bytes */{part.stat().st_size}":
                    break  # all bytes are here already: of the right hash, or of the same version
                discard(part)
            elif error.code < 500 or attempt == retry.tries - 1:
                raise
        except Failure:
            if attempt == retry.tries - 1:
                raise
        time.sleep(retry.pause * 2**attempt)
    else:
        raise OSError("the file on the server changes during the download")
    return check_hash(part, file.md5, accept, progress)


def transfer(url: str, part: Path, limit: int, progress: Progress, retry: RetryPolicy, hashed: bool) -> None:
    """One request: what is missing of ``part``, or all of it where the server cannot resume or has another version."""
    known = validator(part)
    have = part.stat().st_size if part.exists() and (hashed or known) else 0
    headers = {"User-Agent": "disentanglement-submission", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": known} if known else {})
    with answer(url, headers, retry) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        require_same_file(response, have if resumed else 0, known, hashed)
        start = have if resumed else 0
        total = length(response, start)
        if not (total or hashed or response.headers.get("Transfer-Encoding")):
            raise OSError("the server does not state its length, and no hash is published: it may be incomplete")
        if total > limit:
            raise OSError(f"it is {total} bytes long, more than the limit of {limit}")
        if not resumed:
            keep_validator(part, response.headers)
        with open_part(part, resumed) as out, progress.task(f"download {part.name[1:-14]}", total >> 20) as task:
            task.advance(start >> 20)
            end = start + sum(copy(response, out, limit - start, task, retry))
        if total and end != total:
            raise OSError(f"the connection ended after {end} of {total} bytes")


def require_same_file(response: http.client.HTTPResponse, start: int, known: str, hashed: bool) -> None:
    """ChangedError or OSError unless the bytes that follow continue what is here from byte ``start`` on."""
    if not start:
        return
    if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise OSError("the server sent the wrong range of bytes")
    found = version(response.headers)
    if known != found and (known or not hashed):
        raise ChangedError("the file on the server has changed")


def keep_validator(part: Path, headers: Message) -> None:
    """Write down which version ``part`` is of, and drop the bytes of another."""
    part.unlink(missing_ok=True)
    write_text(version_path(part), json.dumps({"version": version(headers)}))


def validator(part: Path) -> str:
    """The version that ``part`` is of; empty where it is not known."""
    with contextlib.suppress(SubmissionError):
        found = schema.read_json(version_path(part), "")
        if isinstance(found, dict) and isinstance(found.get("version"), str):
            kept: str = found["version"]
            return kept if kept.isprintable() and kept.isascii() else ""
    return ""


def open_part(part: Path, resumed: bool) -> BinaryIO:
    """The partial file, to be continued or begun."""
    try:
        return part.open("ab" if resumed else "wb")
    except OSError as error:
        raise unwritable(part, error) from error


def install(file: RemoteFile, part: Path, target: Path) -> None:
    """Move the complete file to its name, or unpack it there."""
    if file.member:
        unpack(part, file.member, target)
    else:
        with part.open("rb+") as data:
            os.fsync(data.fileno())
        part.replace(target)
    discard(part)


def check_hash(path: Path, md5: str, accept: str = "", progress: Progress = QUIET) -> str:
    """The md5 of ``path``; WrongHashError where one is published, ``md5``, and it is neither that nor ``accept``."""
    found = md5_of(path, progress)
    if md5 and found not in (md5, accept):
        raise WrongHashError(f"its md5 is {found}, expected {md5} (--accept {found} accepts it anyway)")
    return found


def verified(file: RemoteFile, root: Path, progress: Progress = QUIET) -> str:
    """``missing``, ``right``, ``wrong: (hashes)``, or ``no hash`` where none is known or the file is unpacked.

    Where no hash is published, the one recorded when the file was downloaded is compared.
    """
    path = root / file.path
    if not file.located(root).exists():
        return "missing"
    expected = file.md5 or recorded_hash(path)
    if not expected or not path.is_file():
        return "no hash"
    try:
        check_hash(path, expected, progress=progress)
    except WrongHashError as error:
        return f"wrong: {error}"
    return "right" if file.md5 else "as it was downloaded"


def recorded_hash(path: Path) -> str:
    """The md5 that was recorded when ``path`` was downloaded; empty where none was."""
    with contextlib.suppress(OSError, ValueError):
        with record_path(path).open("rb") as file:
            found = file.read(32).decode("ascii")
        return found if len(found) == 32 and set(found) <= set("0123456789abcdef") else ""
    return ""


def md5_of(path: Path, progress: Progress) -> str:
    """The md5 of a file."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file, progress.task(f"check {path.name}", path.stat().st_size >> 20) as task:
        while block := file.read(BLOCK):
            digest.update(block)
            task.advance(len(block) >> 20)
    return digest.hexdigest()


def reason(error: BaseException) -> str:
    """One line about a failure; a server's own words are made harmless."""
    if isinstance(error, urllib.error.HTTPError):
        return shown(f"HTTP {error.code} {error.reason}", MOST_REASON)
    if isinstance(error, urllib.error.URLError):
        return shown(str(error.reason), MOST_REASON)
    return shown(next(iter(str(error).splitlines()), "") or type(error).__name__, MOST_REASON)
