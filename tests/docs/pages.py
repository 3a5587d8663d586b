"""The pages of the documentation, their fenced blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
FENCE = re.compile(r"^( *)```(?P<language>[^\n]*)\n(?P<text>.*?)^\1```$", re.DOTALL | re.MULTILINE)
PROGRAMS = {"train.py": "train", "evaluate.py": "evaluate"}


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: as a reader calls it, e.g. ``docs/data.md``.
        language: the word after the fence.
        text: without the fences.
        before: the paragraph before it.
    """

    page: str
    language: str
    text: str
    before: str

    @property
    def first(self) -> str:
        """The first line, which names the block in lists of exceptions."""
        return self.text.strip().partition("\n")[0]

    @property
    def file(self) -> str:
        """The name under which the page tells the reader to save this block, or an empty word."""
        found = re.search(r"[Ss]ave[^`]*\s+as\s+`([\w./-]+)`", self.before)
        return found[1] if found else ""


def name(page: Path) -> str:
    """The page as a reader calls it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of ``page`` but those that Sphinx turns into contents."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(name(page), match["language"], match["text"], text[: match.start()].rstrip().rpartition("\n\n")[2])
        for match in FENCE.finditer(text)
    ]
    return [block for block in found if not block.language.startswith("{")]


def lines(block: Block) -> list[str]:
    """The commands of a shell block without their comments; of a console block those after ``$``."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        return re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    return [line for line in map(without_comment, text.splitlines()) if line]


def without_comment(line: str) -> str:
    """A shell line up to its comment."""
    return re.sub(r"(^|\s+)#\s.*$", "", line).strip()


def printed(block: Block) -> str:
    """What a console block says that its commands print; all of an output block."""
    return re.sub(r"^\$ .+\n", "", block.text, flags=re.MULTILINE)


def words(line: str) -> list[str]:
    """The words of a command of this project, its name first; of another line none."""
    found = re.match(r"^(?:\S+/)?python (train\.py|evaluate\.py|-m submission)\b(.*)$", line)
    if not found:
        return []
    start = [PROGRAMS[found[1]]] if found[1] in PROGRAMS else []
    return [*start, *shlex.split(found[2], comments=True)]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command of this project on ``page``."""
    for block in blocks(page):
        if block.language in ("sh", "console", "bash"):
            yield from filter(None, map(words, lines(block)))
