"""Records of finished trials: small JSON objects, one per line, that can be committed without their run folders."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from submission import schema
from submission.errors import SubmissionError
from submission.files import read_text, write_text
from submission.locks import waiting

FORMAT = 1
FIX = "delete this record; its trial runs again"


@dataclass(frozen=True)
class Record:
    """What is kept of a finished trial.

    Attributes:
        study, size: of which study.
        trial: the trial's name, shared by its seeds.
        method: the method's label.
        choices: what the grid chose.
        seed: training seed.
        config: operative configuration without the seed, ``section.parameter`` → value as gin text.
        values: quantity → number: likelihood terms in nats per image, headline scores, ``NAME by block``.
        training: updates, seconds, how it ended.
        provenance: commit, machine, versions, time.
    """

    study: str
    size: str
    trial: str
    method: str
    choices: Mapping[str, object]
    seed: int
    config: Mapping[str, str]
    values: Mapping[str, float]
    training: Mapping[str, object] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def key(self) -> tuple[str, int]:
        """What identifies the trial: its name, which holds the digest, and its seed."""
        return self.trial, self.seed

    def made_with(self, config: Mapping[str, str]) -> bool:
        """Whether no setting of this record has another value in ``config``."""
        return all(config.get(key, value) == value for key, value in self.config.items())

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str, origin: str) -> Record:
        """From ``line``; SubmissionError where it is something else."""
        record = schema.record(cls, schema.parse_json(text, origin, FIX), origin, FIX)
        if record.format != FORMAT:
            raise SubmissionError(f"{origin}: format = {record.format} is not {FORMAT}", FIX)
        return record


def read_records(file: Path) -> list[Record]:
    """The records of a file of lines; none where there is no file."""
    if not file.exists():
        return []
    lines = read_text(file).split("\n")  # and at nothing else: texts may hold other ends of lines
    return [Record.parse(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def merge_records(file: Path, new: Iterable[Record]) -> list[Record]:
    """Add ``new`` records to a file, in order of trial and seed; those that it has already stay.

    Several processes may add to one file at the same time; readers find it as it was before or after. A link stays, and
    what it leads to is replaced.
    """
    file = Path(os.path.realpath(file))
    added = {record.key: record for record in new}
    kept = {record.key: record for record in read_records(file)}
    if added.keys() <= kept.keys():
        return list(kept.values())
    with waiting(file):  # another sweep may have written since
        found = {**added, **{record.key: record for record in read_records(file)}}
        ordered = sorted(found.values(), key=lambda record: (record.trial, record.seed))
        write_text(file, "".join(f"{record.line()}\n" for record in ordered))
    return list(found.values())
