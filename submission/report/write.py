"""Write the report on runs or score files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from submission.errors import UsageError
from submission.files import output, user_path, write_text
from submission.plots.kinds import find_runs, sources_of
from submission.report.findings import verdict
from submission.report.page import Page, Section, Text, render
from submission.report.several import More, runs_page
from submission.report.single import run_page, score_items
from submission.run import Run, ScoreFile

NAME = "report.html"
Target = Run | Path | str


def write_report(
    runs: Target | Iterable[Target],
    root: Path | str | None = None,
    out: Path | str | None = None,
    more: More | None = None,
) -> Path:
    """Write one HTML page about runs, or about a score file, and return its path.

    Args:
        runs: a run, a folder of runs (seeds, a sweep), a score file (``.json``), or several runs and folders.
        root: folder of the data files.
        out: where to write; ``report.html`` in the run's folder, or beside several runs, by default.
        more: makes further sections of a page about several runs (``studies.sections.method_sections``).

    Raises:
        SubmissionError: a run cannot be read, or matplotlib or jinja2 is not installed.
        UsageError: there is no run, or one is given twice.
    """
    targets = [runs] if isinstance(runs, Run | Path | str) else list(runs)
    if not targets:
        raise UsageError("there is no run to report on", "pass at least one run folder")
    if len(targets) == 1 and not isinstance(targets[0], Run) and Path(targets[0]).suffix == ".json":
        file = user_path(targets[0])
        return written(scores_page(file), file.with_suffix(".html"), out)
    folders = [target for target in targets if isinstance(target, Run)]
    folders += find_runs(target for target in targets if not isinstance(target, Run))
    sources = sources_of(folders, Path(root) if root is not None else None)
    if len(sources) == 1:
        return written(run_page(sources[0]), sources[0].run.report_file, out)
    place = user_path(targets[0]) if len(targets) == 1 and not isinstance(targets[0], Run) else folders[0].path.parent
    return written(runs_page(sources, more), place / NAME, out)


def scores_page(file: Path) -> Page:
    """A page about scores whose model is not available: codes of another program, a file of another framework."""
    scores = ScoreFile.read(file)
    missing = "There is no run folder: no latent space, traversals, reconstructions or training curves can be shown."
    sections = [Section("Scores", [*score_items(scores, file.stem), Text(missing, "note")])]
    name = Path(scores.representation.file).name or file.stem
    subtitle = f"{scores.representation.width} codes · {scores.created}"
    return Page(
        f"{name} on {scores.data.name}", subtitle, sections, verdict([scores]), (), {"scores": [scores.to_json()]}
    )


def written(page: Page, default: Path, out: Path | str | None) -> Path:
    """The page in its file: atomically in a run folder, or where the user says."""
    text = render(page)
    if out is None:
        write_text(default, text)
        return default
    with output(user_path(out)) as file:
        file.write(text.encode())
    return user_path(out)
