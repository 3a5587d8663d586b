"""The leaderboard's file: one SQLite database that many evaluations write at once."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from submission import provenance
from submission.errors import SubmissionError

BUSY_SECONDS = 60
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    recorded TEXT NOT NULL,
    run TEXT NOT NULL,
    method TEXT NOT NULL,
    dataset TEXT NOT NULL,
    protocol TEXT NOT NULL,
    seed INTEGER,
    commit_id TEXT NOT NULL,
    scores TEXT NOT NULL,
    UNIQUE (run, dataset, protocol)
) STRICT
"""
COLUMNS = "run, method, dataset, protocol, seed, scores"
INSERT = f"""
INSERT INTO entries ({COLUMNS}, recorded, commit_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, dataset, protocol) DO UPDATE SET
    method = excluded.method, seed = excluded.seed, scores = excluded.scores,
    recorded = excluded.recorded, commit_id = excluded.commit_id
"""
READING = ("mode=rw", "mode=ro", "immutable=1")
"""Ways to open the file for reading, the next where one fails; the last does without SQLite's other two files."""
FOREIGN = ("no such table", "no such column", "has no column")
"""What SQLite says of a database with other tables."""


class UnwritableError(Exception):
    """The database, or what SQLite keeps beside it, cannot be written."""


@dataclass(frozen=True)
class Entry:
    """One evaluated run.

    Attributes:
        run: the run folder, or any other name that is unique.
        method: what runs of different seeds share.
        dataset: the data set that it was scored on.
        protocol: how it was scored; only entries of one protocol can be compared.
        seed: its training seed, None where unknown.
        scores: score name → value.
    """

    run: str
    method: str
    dataset: str
    protocol: str
    seed: int | None
    scores: Mapping[str, float]


def record(path: Path, entry: Entry) -> None:
    """Write ``entry`` to the leaderboard at ``path``, made if absent; a run scored again replaces its older entry.

    Safe from any number of processes at once; when it returns, the entry survives a crash.

    Raises:
        SubmissionError: the file cannot be written or is no leaderboard, or a score is not finite.
    """
    try:
        scores = json.dumps(dict(entry.scores), allow_nan=False, sort_keys=True)
    except ValueError:
        raise SubmissionError(f"a score of {entry.run} is not finite", "evaluate it again") from None
    about = (entry.run, entry.method, entry.dataset, entry.protocol, entry.seed)
    values = (*about, scores, provenance.now(), provenance.commit())
    with connected(path, create=True) as database:
        database.execute(INSERT, values)


def entries(path: Path, dataset: str = "", protocol: str = "") -> list[Entry]:
    """Entries in the order in which they were first recorded; only those of a data set or protocol if given."""
    where = "(? = '' OR dataset = ?) AND (? = '' OR protocol = ?)"
    with connected(path, create=False) as database:
        rows = database.execute(
            f"SELECT {COLUMNS} FROM entries WHERE {where} ORDER BY id", (dataset, dataset, protocol, protocol)
        ).fetchall()
    return [
        Entry(run, method, data, rules, seed, json.loads(scores)) for run, method, data, rules, seed, scores in rows
    ]


@contextlib.contextmanager
def connected(path: Path, create: bool) -> Iterator[sqlite3.Connection]:
    """A transaction on the database, committed at the end; write-ahead logging lets readers and one writer overlap."""
    if path.is_dir():
        raise SubmissionError(f"{path} is a folder", f"pass the file, e.g. {path / 'leaderboard.sqlite'}")
    if not create and not path.is_file():
        raise SubmissionError(f"{path} does not exist", "score a run with evaluate.py first, or check --file")
    try:
        with contextlib.closing(made(path) if create else found(path)) as database, database:
            yield database
    except (sqlite3.Error, OSError) as error:
        if any(words in str(error) for words in FOREIGN):
            raise SubmissionError(f"{path} is no leaderboard", "pass a file that evaluate.py wrote") from error
        raise SubmissionError(f"cannot use the leaderboard {path}: {error}", "check the path and its disk") from error


def made(path: Path) -> sqlite3.Connection:
    """The database at ``path``, with its folder and its table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        prepare(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def found(path: Path) -> sqlite3.Connection:
    """The database at ``path`` for reading, on a disk that may be read-only.

    Opened as for writing where that is possible: a reader who must not write leaves SQLite's other two files behind.
    """
    for way in READING:
        with contextlib.suppress(UnwritableError):
            return readable(f"{path.absolute().as_uri()}?{way}")
    raise SubmissionError(f"cannot read the leaderboard {path}", "check the permissions of the file and its folder")


def readable(address: str) -> sqlite3.Connection:
    """The database at ``address``; UnwritableError where another way to open it may succeed."""
    try:
        database = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
        try:
            database.execute("SELECT name FROM sqlite_schema").fetchall()
        except sqlite3.Error:
            database.close()
            raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise UnwritableError from error
        raise
    return database


def prepare(database: sqlite3.Connection) -> None:
    """Durable write-ahead logging, and the table."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(SCHEMA)
