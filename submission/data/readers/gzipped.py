"""Original files that are there as they were downloaded, gzip-compressed, or unpacked."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from submission.data.reading import absent, unreadable


def read_bytes(path: Path, limit: int, fix: str) -> bytes:
    """At most ``limit`` + 1 bytes of ``path`` + ".gz" decompressed, or where that is not there, of ``path``.

    Raises:
        SubmissionError: neither file is there, or it cannot be read; ``fix`` is what to do about a broken one.
    """
    packed = path.with_name(f"{path.name}.gz")
    source = packed if packed.is_file() else path
    try:
        with gzip.open(packed) if source == packed else path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise absent(f"neither {packed} nor {path.name} exists", fix) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(source, error, fix) from None
