"""Reading files of unknown origin: regular files only, within memory, with one-line errors."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from submission.errors import SubmissionError
from submission.text import printable

AGAIN = "download it again"
MOST_WORDS = 160  # characters of another library's message


def again(name: str) -> str:
    """The fix for a damaged file of the data set ``name``."""
    return f"{AGAIN} (`python -m submission data download {name}`)"


def absent(what: str, fix: str) -> SubmissionError:
    """The error for a missing file; ``fix`` is the one for a damaged file."""
    return SubmissionError(what, fix.replace(AGAIN, "download it"))


def forbidden(path: object) -> SubmissionError:
    """The error for a file or folder that this user may not read."""
    return SubmissionError(f"{path} may not be read: permission denied", "change its permissions or its folder's")


def unreadable(path: Path, error: BaseException, fix: str, part: str = "") -> SubmissionError:
    """The error for ``path``, or ``part`` of it, that could not be read because of ``error``."""
    if isinstance(error, FileNotFoundError):
        return absent(f"{path} does not exist", fix)
    if isinstance(error, PermissionError):
        return forbidden(path)
    if isinstance(error, MemoryError):
        return SubmissionError(f"{part and f'{part!r} of '}{path} needs more memory than there is", fix)
    return SubmissionError(f"cannot read {part and f'{part!r} of '}{path}: {reason(error)}", fix)


def reason(error: BaseException) -> str:
    """The first line of another library's message, with control characters escaped."""
    line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return shown(line, MOST_WORDS)


def shown(text: str, most: int = 40) -> str:
    """Text from a file, shortened and with control characters escaped."""
    clean = printable(text[: most + 1])
    return clean if len(clean) <= most else f"{clean[:most]}…"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names from a file, the first few of them."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more


@contextlib.contextmanager
def errors_named(path: Path, fix: str, part: str = "") -> Iterator[None]:
    """Turn whatever a parser raises on the content of ``path`` into a SubmissionError that names it.

    Parsers of foreign formats (zipfile, h5py, Pillow, ...) raise exceptions of any kind for damaged files.
    """
    try:
        yield
    except SubmissionError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        raise unreadable(path, error, fix, part) from None


def require_regular(path: Path, fix: str) -> int:
    """The size in bytes of the regular file ``path``; SubmissionError for pipes, devices and folders."""
    with errors_named(path, fix):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a device or a socket"
        raise SubmissionError(f"{path} is {kind}, not a regular file", fix)
    return status.st_size


def require_memory(path: Path, part: str, size: int, fix: str, most: int = 1 << 62) -> None:
    """SubmissionError where ``size`` bytes are more than ``most`` or than the memory that is free."""
    if size > most:
        raise SubmissionError(f"'{part}' of {path} is {size:,} bytes, more than {most:,}", fix)
    if size > (free := free_memory()):
        raise SubmissionError(f"'{part}' of {path} is {size:,} bytes, more than the {free:,} bytes of free memory", fix)


def free_memory() -> int:
    """Bytes that this process may still use, as far as the system tells; else a number that nothing exceeds."""
    found = [1 << 62]
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        found.append(max(int(limit) - int(used), 0))
    if len(found) == 1 and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found)


def read_gzipped(path: Path, limit: int, fix: str) -> bytes:
    """At most ``limit`` + 1 bytes of ``path`` + ".gz" decompressed, or where that is not there, of ``path``.

    Raises:
        SubmissionError: neither file is there, or it cannot be read; ``fix`` is what to do about a broken one.
    """
    packed = path.with_name(f"{path.name}.gz")
    source = packed if packed.is_file() else path
    if not source.exists():
        raise absent(f"neither {packed} nor {path.name} exists", fix)
    require_regular(source, fix)
    with errors_named(source, fix), gzip.open(packed) if source == packed else path.open("rb") as file:
        return file.read(limit + 1)
