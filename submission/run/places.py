"""Folders in a folder: which of them are runs."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]{1,3})?)")
logger = logging.getLogger(__name__)


def folders_below(place: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of its folders and files, as ``os.walk`` has them, ``seed_2`` before ``seed_10``.

    Hidden folders are left out. Links are not followed; those that lead out of ``place`` are named in a warning.
    """
    inside = place.resolve()
    for folder, folders, files in os.walk(place):
        for name in folders:
            warn_of_link(Path(folder, name), inside)
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural)
        yield Path(folder), folders, files


def warn_of_link(path: Path, inside: Path) -> None:
    """A warning where the folder ``path`` is a link to a place outside of the folder ``inside``."""
    if path.is_symlink() and not path.resolve().is_relative_to(inside):
        logger.warning("%s is a link out of %s and is left out: name it, to include it", path, inside)


def runs_below(place: Path) -> list[Path]:
    """Run folders in ``place`` at any depth, or ``place`` itself, ``seed_2`` before ``seed_10``.

    A run folder inside another one, from whose weights that run started, does not count.
    """
    found = []
    for folder, folders, files in folders_below(place):
        if "meta.json" in files:
            found.append(folder)
            folders.clear()
    return found


def natural(name: str) -> tuple[tuple[tuple[str, Decimal], ...], str]:
    """A key that orders names by the numbers in them, of any length: ``beta=4.0-9f`` before ``beta=16.0-0d``."""
    *parts, rest = NUMBER.split(name)
    pairs = zip(parts[::2], map(Decimal, parts[1::2]), strict=True)
    return (*pairs, (rest, Decimal(-1))), name
