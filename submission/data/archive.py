"""Safe unpacking of a downloaded tar archive: only expected files, inside the target folder, up to a size limit."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from submission.data.reading import reason, shown
from submission.errors import SubmissionError

MOST_BYTES = 4_000_000_000
MOST_FILES = 10_000


def unpack(archive: Path, member: str, target: Path) -> None:
    """Put the files of the folder ``member`` of ``archive`` into the new folder ``target``, all or none.

    Raises:
        SubmissionError: a name that leads outside, a link or device in that folder, too many files or bytes, a broken
            archive, or no such folder in it. Nothing is left behind.
    """
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
    try:
        with tarfile.open(archive, "r:*") as tar:
            if not copy_members(tar, archive, member, scratch):
                raise refused(archive, f"it has no folder {member}")
        scratch.chmod(0o755)
        scratch.replace(target)
    except SubmissionError:
        raise
    except Exception as error:  # noqa: BLE001 - tarfile raises many kinds for damaged archives
        raise refused(archive, reason(error)) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy_members(tar: tarfile.TarFile, archive: Path, member: str, folder: Path) -> int:
    """Copy the wanted files and return how many there were; the whole archive must be sound."""
    files = size = 0
    for info in tar:
        path = PurePosixPath(info.name)
        if path.is_absolute() or ".." in path.parts:
            raise refused(archive, f"'{shown(info.name)}' in it leads outside")
        files, size = files + 1, size + info.size
        if files > MOST_FILES or size > MOST_BYTES:
            raise refused(archive, f"it holds more than {MOST_FILES} files or {MOST_BYTES} bytes")
        if path.parent != PurePosixPath(member) or info.isdir():
            continue
        source = tar.extractfile(info) if info.isreg() else None
        if source is None:
            raise refused(archive, f"'{shown(info.name)}' in it is not a plain file")
        with source, (folder / path.name).open("wb") as out:
            shutil.copyfileobj(source, out)
    return sum(1 for _ in folder.iterdir())


def refused(archive: Path, why: str) -> SubmissionError:
    """The error for an archive that is not unpacked."""
    return SubmissionError(f"{archive} is refused: {why}", "delete it and download it from another source")
