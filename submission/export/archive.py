"""What a TorchScript archive contains, read as text: nothing of it is loaded or run.

The code of a TorchScript file is Python-like source in its zip archive. Some of it runs while the file is loaded
(a class's ``__setstate__``), so its operators are listed before that. The list informs but does not
protect: only isolation prevents a hostile file from using operators. The list describes what PyTorch loads, because an
archive that Python's and PyTorch's readers of archives read differently is refused.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch

from submission.errors import SubmissionError

FILE_OPERATORS = frozenset({"aten::save", "aten::from_file"})
STANDARD = frozenset({"aten", "prim", "prims", "quantized"})
LARGEST_CODE = 64 << 20
"""Bytes of source that are read."""
MOST_TIMES, SMALL = 16, 64 << 20
"""An archive may unpack to so many times its size, or to so many bytes if that is more."""
CALL = re.compile(r"\b(?:ops\.(?P<space>\w+)|torch)\.(?P<name>\w+)\(")
TRUNCATED = "it is truncated or not a torch archive"
AGAIN = "write it with torch.jit.save or `python -m submission export`"


@dataclass(frozen=True)
class ArchiveContents:
    """The source in a TorchScript archive.

    Attributes:
        operators: qualified names of the operators that it calls, sorted.
        restoring: number of classes that run code of their own while the file is loaded.
        ascii: whether the source has ASCII characters only, which PyTorch's reader wants.
    """

    operators: tuple[str, ...]
    restoring: int
    ascii: bool

    @property
    def files(self) -> tuple[str, ...]:
        """The operators that read or write files."""
        return tuple(name for name in self.operators if name in FILE_OPERATORS)

    @property
    def foreign(self) -> tuple[str, ...]:
        """The operators that plain torch does not have."""
        return tuple(name for name in self.operators if name.partition("::")[0] not in STANDARD)


def read_archive(path: Path) -> ArchiveContents:
    """The contents of a TorchScript file.

    Raises:
        SubmissionError: the file is missing, truncated, damaged, ambiguous, a pickle, or not TorchScript.
    """
    if not path.is_file():
        raise SubmissionError(f"{path} does not exist or is not a file", "pass a TorchScript file (.pt)")
    try:
        with zipfile.ZipFile(path) as archive:
            _require_torchscript(path, archive)
            _require_one_reading(path, archive)
            source = _source(path, archive)
    except zipfile.BadZipFile as error:
        if "CRC" in str(error):
            raise SubmissionError(f"{path} is damaged: a member has a wrong checksum", AGAIN) from None
        raise SubmissionError(f"{path} is not TorchScript: {TRUNCATED}", AGAIN) from None
    except (EOFError, zlib.error, struct.error, NotImplementedError, RuntimeError, ValueError):
        raise SubmissionError(f"{path} is not TorchScript: {TRUNCATED}", AGAIN) from None
    except OSError as error:
        raise SubmissionError(f"cannot read {path}: {error.strerror}", "check its permissions") from None
    calls = {f"{call['space'] or 'aten'}::{call['name']}" for call in CALL.finditer(source)}
    return ArchiveContents(tuple(sorted(calls)), source.count("def __setstate__("), source.isascii())


def _require_torchscript(path: Path, archive: zipfile.ZipFile) -> None:
    """SubmissionError unless the archive is laid out as TorchScript and unpacks to a sane number of bytes."""
    names = [name.partition("/")[2] for name in archive.namelist()]
    if "constants.pkl" not in names:
        found = "a pickled object (torch.save)" if "data.pkl" in names else "another kind of archive"
        raise SubmissionError(f"{path} is not TorchScript but {found}", AGAIN)
    if len(set(names)) < len(names):
        raise SubmissionError(f"{path} is damaged: it has two members of one name", AGAIN)
    size = sum(member.file_size for member in archive.infolist())
    if size > max(SMALL, MOST_TIMES * path.stat().st_size):
        raise SubmissionError(f"{path} unpacks to {size:,} bytes, too many for its size", "do not trust this file")


def _require_one_reading(path: Path, archive: zipfile.ZipFile) -> None:
    """SubmissionError unless PyTorch's reader finds the members that Python's finds, which checks their checksums.

    An archive has a table of its members. One with two tables can show a harmless program to one reader and another
    program to the other.
    """
    reader = torch._C.PyTorchFileReader(str(path))
    members = {name.partition("/")[2]: name for name in archive.namelist()}
    same = members.keys() == set(reader.get_all_records())
    if not same or any(archive.read(name) != reader.get_record(short) for short, name in members.items()):
        raise SubmissionError(f"{path} is damaged: programs could read different contents from it", AGAIN)


def _source(path: Path, archive: zipfile.ZipFile) -> str:
    """All source of the archive."""
    members = [each for each in archive.infolist() if each.filename.partition("/")[2].startswith("code/")]
    members = [each for each in members if each.filename.endswith(".py")]
    if sum(each.file_size for each in members) > LARGEST_CODE:
        raise SubmissionError(f"{path} has more than {LARGEST_CODE >> 20} MiB of code", "do not trust this file")
    return "\n".join(archive.read(each).decode("utf-8", errors="replace") for each in members)
