"""Writes the tables and figures of studies into pages, from the committed records: python scripts/study_pages.py

A page says where: ``<!-- study NAME SIZE -->`` and ``<!-- end -->`` on lines of their own; what is between them is
replaced. ``<!-- figure NAME SIZE KIND: QUANTITY, QUANTITY -->`` is the place of another figure alone.

Records are ``docs/results/studies/NAME.SIZE.jsonl``; figures are written beside them, as ``NAME.svg`` for the size
``desk`` and as ``NAME.SIZE.svg`` for others; another figure has its kind before ``.svg``.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from submission.studies.figures import save_figure
from submission.studies.records import Record, read_records
from submission.studies.results import markdown, rows, table
from submission.studies.study import Study

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
PLACE = re.compile(r"(?<=<!-- study )(\w+) (\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)
FIGURE = re.compile(r"(?<=<!-- figure )(\w+) (\w+) (\w+): ([^>]*) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def records_of(study: Study, folder: Path = RESULTS / "studies") -> list[Record]:
    """The committed records of a study's trials."""
    trials = {(trial.name, trial.seed) for trial in study.trials()}
    return [record for record in read_records(folder / f"{study.name}.{study.size}.jsonl") if record.key in trials]


def figure_name(name: str, size: str, kind: str = "") -> str:
    """The file of a study's figure, or of another one of the same records."""
    return ".".join(filter(None, [name, "" if size == "desk" else size, kind, "svg"]))


def section(name: str, size: str, folder: Path = RESULTS / "studies") -> str:
    """Table and figure of one study as Markdown; the figure is written into ``folder``."""
    study = Study.read(name, size)
    records = records_of(study)
    file = folder / figure_name(name, size)
    text = save_figure(study, records, file)
    return f"\n{markdown(*table(rows(study, records)))}\n![{text}](studies/{file.name})\n\n"


def other_figure(name: str, size: str, kind: str, quantities: Sequence[str], folder: Path) -> str:
    """Another figure of a study's records as Markdown; it is written into ``folder``."""
    study = Study.read(name, size)
    study = dataclasses.replace(study, figure=study.figure.drawn_as(kind, quantities))
    file = folder / figure_name(name, size, kind)
    return f"\n![{save_figure(study, records_of(study), file)}](studies/{file.name})\n\n"


def filled(page: str, folder: Path = RESULTS / "studies") -> str:
    """A page with the section of every study and the other figures that it names."""
    page = PLACE.sub(lambda found: f"{found[1]} {found[2]} -->\n{section(found[1], found[2], folder)}", page)

    def figure(found: re.Match[str]) -> str:
        text = other_figure(found[1], found[2], found[3], found[4].split(", "), folder)
        return f"{' '.join(found.group(1, 2, 3))}: {found[4]} -->\n{text}"

    return FIGURE.sub(figure, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="pages of Markdown (default: all in docs/results)")
    for page in parser.parse_args(arguments).pages or sorted(RESULTS.glob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = filled(old) if PLACE.search(old) or FIGURE.search(old) else old
        if new != old:
            page.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
