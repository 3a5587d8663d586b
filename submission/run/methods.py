"""Which runs are repetitions of one method, and what to call the methods: by settings, whatever the folders."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path

from submission.files import read_text
from submission.run.folder import Run
from submission.run.naming import SettingsMap, identity, name_methods, read_settings

TRIAL = re.compile(r"(.+)-[0-9a-f]{8}")
"""Name of a sweep's folder of one method: the study's label and a digest of the settings."""
LABEL = "method.txt"
"""File in the folder of a method's seeds with what tables and figures call the method; sweeps write it."""
LONGEST = 200
"""Letters of it that count."""


def method_names(runs: Sequence[Run]) -> list[str]:
    """The method of each run, in their order; runs that differ in nothing but their seed have one name.

    A method that has a folder to itself, and all of whose runs are in it, is called as its file ``method.txt`` says,
    else as the folder, of which a sweep's digest is left out; others by their settings, as ``compare`` calls them.
    """
    settings = [read_settings(run.config_text) for run in runs]
    keys = [method_key(run, own) for run, own in zip(runs, settings, strict=True)]
    folders = [method_folder(run) for run in runs]
    homes = folders_of_methods(keys, folders)
    named = dict(zip(keys, map(str, name_methods(settings)), strict=True))
    names = {key: readable(homes[key]) if key in homes else name for key, name in named.items()}
    first = dict(zip(reversed(keys), reversed(folders), strict=True))
    taken = list(names.values())
    return [names[key] if taken.count(names[key]) == 1 else str(first[key]) for key in keys]


def method_key(run: Run, settings: SettingsMap) -> Hashable:
    """What the repetitions of one method have in common.

    Runs of a sweep have their study's name for it, because settings alone do not tell which of them take the seed's
    value, and from which weights a run started. Runs without settings, made by hand, have their folder.
    """
    folder = method_folder(run)
    if folder != run.path.resolve() and TRIAL.fullmatch(folder.name):
        return folder.name
    return identity(settings) if settings else folder


def method_folder(run: Run) -> Path:
    """The folder that holds a method's seeds; of other runs their own folder."""
    path = run.path.resolve()
    return path.parent if path.name.startswith("seed_") else path


def folders_of_methods(keys: Sequence[Hashable], folders: Sequence[Path]) -> dict[Hashable, Path]:
    """Method → its folder, for those that sweeps made and for those that have one folder, and have it to themselves."""
    pairs = dict.fromkeys(zip(keys, folders, strict=True))
    own, inside = [key for key, _ in pairs], [folder for _, folder in pairs]
    return {
        key: folder
        for key, folder in pairs
        if isinstance(key, str) or (own.count(key) == 1 and inside.count(folder) == 1)
    }


def readable(folder: Path) -> str:
    """What a method is called in its folder's file, else the folder's name without the digest of a sweep's trial."""
    found = TRIAL.fullmatch(folder.name)
    return label(folder) or (found[1] if found else folder.name)


def label(folder: Path) -> str:
    """What the file ``LABEL`` of a method's folder says, on one line; empty where there is none."""
    file = folder / LABEL
    return " ".join(read_text(file).split())[:LONGEST] if file.is_file() else ""
