"""What the documentation names is there: links, files of the project, commands and their options."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from submission.cli.main import COMMANDS, add_arguments, command
from submission.configuration import load
from submission.configuration.settings import TrainSettings
from submission.models.networks import NETWORKS
from submission.objectives import OBJECTIVES
from tests.docs.pages import FENCE, PAGES, ROOT, commands, name, words

FOLDERS = "submission|tests|benchmarks|docker|scripts|gin|docs"


def anchors(page: Path) -> set[str]:
    """The anchors that a reader of ``page`` can jump to."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        if target.startswith("https://"):
            continue  # no test needs a network
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_of_the_project_is_there(page: Path) -> None:
    words = [word for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text())) for word in span.split()]
    for word in words:
        if re.fullmatch(rf"(?:{FOLDERS})/[\w./-]+", word) and "NAME" not in word:
            assert (ROOT / word).exists(), word


def test_the_training_page_names_every_choice() -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    settings = [field.name for field in dataclasses.fields(TrainSettings)]
    assert [word for word in (*NETWORKS, *OBJECTIVES, *settings) if f"`{word}`" not in page] == []


def test_results_of_the_readme_are_on_the_linked_pages() -> None:
    table = (ROOT / "README.md").read_text().partition("## Results")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.*)\|(.*)\|(.*)\| \[\w+\]\(([\w/.]+)(?:#\S+)?\) \|$", table, re.MULTILINE)
    assert len(rows) >= 5
    for _, here, beside, target in rows:
        numbers = re.findall(r"−?\d[\d.,e-]*\d", here + beside.partition("et al.")[0])
        page = (ROOT / target).read_text().replace("-", "−")
        assert len(numbers) >= 2
        assert [number for number in numbers if number.replace("-", "−") not in page] == []


def written() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the pages, and of what --help prints."""
    for page in PAGES:
        yield from ((name(page), found) for found in commands(page))
    for one in COMMANDS:
        examples = [re.split(" {3,}", line.strip())[0] for line in getattr(command(one), "EPILOG", "").splitlines()]
        yield from ((f"{one} --help", found) for found in map(words, examples) if found)


@pytest.mark.parametrize(("place", "line"), list(written()), ids=str)
def test_every_command_is_understood(place: str, line: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, command(line[0]))
    parsed = parser.parse_args(line[1:])
    if line[0] == "train" and parsed.config and "NAME" not in parsed.config:
        load(parsed.config, parsed.bind)
