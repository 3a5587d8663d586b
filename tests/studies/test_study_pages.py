"""The pages of results hold the tables that the committed records give, and figures with the same numbers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from tests.script import load_script

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "results").glob("*.md"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/study_pages.py as a module."""
    return load_script("scripts/study_pages.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_tables_of_the_records(page: Path, script: ModuleType, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert script.filled(text, tmp_path) == text, "run: python scripts/study_pages.py"


def test_every_file_of_records_is_on_a_page_with_a_figure_of_the_same_numbers(script: ModuleType) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    files = sorted((ROOT / "docs" / "results" / "studies").glob("*.jsonl"))
    assert files
    for file in files:
        name, size = file.stem.split(".")
        assert f"<!-- study {name} {size} -->" in pages
        figure = script.figure_name(name, size)
        title = ElementTree.parse(file.with_name(figure)).find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert f"![{title.text}](studies/{figure})" in pages


def test_every_committed_record_is_of_a_trial_of_its_study(script: ModuleType) -> None:
    from submission.studies.records import read_records
    from submission.studies.study import Study

    for file in sorted((ROOT / "docs" / "results" / "studies").glob("*.jsonl")):
        study = Study.read(*file.stem.split("."))
        assert len(script.records_of(study)) == len(read_records(file)), file
