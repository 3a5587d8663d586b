"""A report shows what the run folder holds, names what is missing, and refers to nothing outside itself."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from submission.cli.main import main, run_program
from submission.errors import SubmissionError, UsageError
from submission.report import pictures
from submission.report.findings import comparison, low_metrics, verdict
from submission.report.page import Cell, Code, Facts, Page, Section, Table, Text, render
from submission.report.published import SOURCES, published_for
from submission.report.single import without_repetitions
from submission.report.tables import score_table
from submission.report.write import write_report
from submission.run import Estimate, Likelihood, LikelihoodData, LikelihoodFile, Run, ScoreFile, SeedSummary

pytestmark = pytest.mark.usefixtures("blank_pictures")
DRAWN = pictures.drawn
SHORT = ["--bind", "train.steps=4", "--bind", "train.log_every=2"]


class Reader(html.parser.HTMLParser):
    """What a page refers to, its headings, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.anchors: set[str] = set()
        self.words: list[str] = []
        self.hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.hidden = tag in ("style", "script")
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        self.anchors |= {found["id"] or ""} if "id" in found else set()
        if tag == "img":
            self.pictures.append(found)

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    @property
    def text(self) -> str:
        """All text that a reader sees, blanks joined."""
        return " ".join(" ".join(self.words).split())


def read(path: Path) -> Reader:
    """A page's contents."""
    return Reader(path.read_text())


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three evaluated seeds of a short run."""
    out = tmp_path_factory.mktemp("report") / "method"
    space = ["--bind", "model.space='T^2 x R^1'"]
    assert run_program("train", ["--config", "demo", *SHORT, *space, "--seeds", "0:3", "--out", str(out)]) == 0
    for seed in range(3):
        assert run_program("evaluate", [str(out / f"seed_{seed}"), "--preset", "fast", "--metrics", "mig,dci"]) == 0
    return out


@pytest.fixture
def run(seeds: Path, tmp_path: Path) -> Run:
    """A copy of one evaluated run."""
    return Run.open(shutil.copytree(seeds / "seed_0", tmp_path / "run"))


def test_figures_are_drawn_and_the_page_stays_small(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("submission.report.pictures.drawn", DRAWN)
    path = write_report(run)
    page = read(path)
    assert 500_000 < path.stat().st_size < 4_000_000
    shown = [picture["src"] or "" for picture in page.pictures if picture.get("class") != "dark"]
    assert sum(source.startswith("data:image/svg") for source in shown) == 4
    assert sum(source.startswith("data:image/webp") for source in shown) == 6 + 3
    assert sum(picture.get("class") == "dark" for picture in page.pictures) == 4 + 6


def test_the_page_is_whole_and_self_contained(run: Run) -> None:
    path = write_report(str(run.path))
    page = read(path)
    assert path == run.report_file
    inside = [reference for reference in page.references if reference.startswith("#")]
    assert all(reference[1:] in page.anchors for reference in inside)
    assert all(reference.startswith(("data:", "#")) for reference in page.references)
    assert all(picture["alt"] for picture in page.pictures)
    for words in ("Latent space", "Traversals", "What each component encodes", "by block", "Training was short"):
        assert words in page.text
    assert run.config_text.splitlines()[0] in path.read_text()


def test_scores_are_those_of_the_score_file(run: Run) -> None:
    page = read(write_report(run))
    (scores,) = run.scores()
    for metric, value in scores.headlines().items():
        assert f"{value:.4f}" in page.text, metric
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', run.report_file.read_text())
    assert embedded is not None
    assert json.loads(embedded[1])["scores"][0]["columns"]["trained"]["scores"]["mig"]["values"] == dict(
        scores.columns["trained"].scores["mig"].values
    )


def test_the_same_run_gives_the_same_page(run: Run) -> None:
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_scores_of_an_earlier_export_are_not_shown(run: Run) -> None:
    (scores,) = run.scores()
    run.exported_file.write_bytes(run.exported_file.read_bytes() + b"\0")
    assert scores.is_stale(run.exported_file)
    page = read(write_report(run))
    assert "is of an earlier export and not shown" in page.text
    assert f"{scores.headlines()['mig']:.4f}" not in page.text


def test_a_run_without_scores_log_and_data_has_a_report(run: Run) -> None:
    shutil.rmtree(run.scores_folder)
    for file in (run.log_file, run.components_file):
        file.unlink()
    meta = json.loads(run.meta_file.read_text())
    meta["dataset"]["name"] = "cars3d"
    meta["training"] |= {"finished": False, "fraction": 0.5, "ended_by": ""}
    run.meta_file.write_text(json.dumps(meta))
    page = read(write_report(run))
    for words in ("There are no scores yet", "Nothing was logged", "Not shown:", "interrupted after 4 updates (50% of"):
        assert words in page.text


def test_one_logged_step_is_named_and_a_thousand_components_are_counted(tmp_path: Path) -> None:
    bind = ["--bind", "train.steps=1", "--bind", "model.space='R^1000'", "--bind", "export.mode='mean'"]
    assert run_program("train", ["--config", "demo", *bind, "--out", str(tmp_path / "run")]) == 0
    page = read(write_report(tmp_path / "run"))
    assert "Only one record was logged" in page.text
    assert "976 more are not shown" in page.text


def test_a_score_file_is_shown_once() -> None:
    """An older file is left out where a newer one has all of its metrics from the same data and protocol."""
    old, new = replace(scored(0.1), created="2026-01-01"), replace(scored(0.2), created="2026-01-02")
    other = replace(old, data=replace(old.data, name="y"))
    assert without_repetitions([old, new, other]) == [new, other]


def test_several_seeds_are_one_page(seeds: Path) -> None:
    path = write_report(seeds)
    page = read(path)
    assert path == seeds / "report.html"
    assert "over 3 seeds" in page.text
    for words in ("--seeds 0:3 --out", "untrained encoders 3", "true factors 3"):
        assert words in page.text, words
    assert "The worst seed, method/seed_" in page.text
    assert "The median seed, method/seed_" in page.text


def test_folders_that_differ_in_their_seed_only_are_one_method(seeds: Path, tmp_path: Path) -> None:
    folders = [
        shutil.copytree(seeds / f"seed_{seed}", tmp_path / name) for seed, name in enumerate(("first", "second"))
    ]
    page = read(write_report(folders))
    assert "over 2 seeds" in page.text
    assert "One seed only" not in page.text
    assert "Seeds of ΔTCVAE" in page.text


def test_two_runs_of_one_method_and_seed_both_count(seeds: Path, run: Run, tmp_path: Path) -> None:
    page = read(write_report([seeds, run.path], out=tmp_path / "page.html"))
    assert "over 4 seeds" in page.text
    assert re.search(r"Several runs have one method and seed, and count as so many seeds: .*, seed 0\.", page.text)
    with pytest.raises(UsageError, match="given twice"):
        write_report([seeds, seeds / "seed_1"])


def test_methods_are_compared_and_single_seeds_named(seeds: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "comparison.html"
    run.config_file.write_text(re.sub(r"(train\.batch_size) = .*", r"\1 = 7", run.config_text))
    assert main(["report", str(seeds), str(run.path), "--out", str(out)]) == 0
    page = read(out)
    assert "2 methods" in page.text
    assert "One seed only, so differences may be due to chance: run." in page.text
    assert "Score against reconstruction" in page.text


def test_a_score_file_alone_is_reported(run: Run, tmp_path: Path) -> None:
    (file,) = run.score_paths()
    copy = shutil.copy(file, tmp_path / "foreign.json")
    page = read(write_report(copy))
    assert "There is no run folder" in page.text
    assert (tmp_path / "foreign.html").is_file()


def test_nothing_to_report_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run to report on"):
        write_report([])
    with pytest.raises(SubmissionError, match="is not a run folder"):
        write_report(tmp_path)


def test_a_broken_score_file_is_named(run: Run) -> None:
    (run.scores_folder / "broken.json").write_text("{")
    with pytest.raises(SubmissionError, match=r"broken\.json"):
        write_report(run)


def test_text_from_outside_is_escaped() -> None:
    hostile = "</script><script>alert(1)</script>"
    items = [Table([hostile], [[hostile]], hostile), Facts([(hostile, hostile)]), Code(hostile), Text(hostile)]
    page = render(Page(hostile, hostile, [Section(hostile, items)], hostile, [hostile], {"x": hostile}))
    assert "<script>alert" not in page
    assert json.loads(re.search(r'id="data">(.*?)</script>', page)[1]) == {"x": hostile}  # type: ignore[index]


def test_every_region_of_a_page_has_a_name_of_its_own() -> None:
    """Also where sections, captions and titles repeat: axe's rule landmark-unique, and anchors that lead somewhere."""
    items = [Table(["a"], [["b"]], "Scores"), Table(["a"], [["b"]], "Scores"), Code("x", "Scores")]
    page = render(Page("x", "y", [Section("Scores", items), Section("Scores", items), Section("Empty", [])]))
    labels = re.findall(r'aria-label="([^"]+)"', page)
    anchors = re.findall(r'<section id="([^"]+)"', page)
    assert len(labels) == 6
    assert len(set(labels)) == len(labels)
    assert anchors == ["scores", "scores-2"]


def scored(trained: float, untrained: float | None = None, higher: bool = True) -> ScoreFile:
    """A score file with one metric."""
    metric = {"headline": "mig", "range": [0.0, 1.0], "higher_is_better": higher, "summary": "the gap"}
    columns = {"trained": {"scores": {"mig": {"values": {"mig": trained}}}}}
    if untrained is not None:
        columns["untrained"] = {"scores": {"mig": {"values": {"mig": untrained}}}}
    record = {"format": 1, "preset": "fast", "data": {"name": "x"}, "metrics": {"mig": metric}, "columns": columns}
    return ScoreFile.of(record, "test")


def test_the_verdict_follows_from_the_numbers() -> None:
    assert verdict([scored(0.31, 0.03)], 2, 10) == (
        "MIG 0.31, far above an untrained encoder (0.03); 2 of 10 components unused."
    )
    assert verdict([scored(0.02, 0.03)], 0, 1) == (
        "MIG 0.02, not above an untrained encoder (0.03); no unused component among 1."
    )
    # Student's interval of two values is their mean ± 12.706 times half their distance
    assert verdict([scored(value, 0.2) for value in (0.24, 0.26)]).startswith("MIG 0.25 [0.12, 0.38] over 2 seeds")
    assert verdict([scored(value, 0.2) for value in (0.1, 0.3)]).startswith("MIG 0.20 [0.00, 1.00] over 2 seeds")
    assert verdict([scored(value, 0.2) for value in (0.24, 0.25, 0.26)]).endswith(
        "over 3 seeds, above an untrained encoder (0.20)."
    )
    assert verdict([], None) == "Not evaluated yet."
    assert comparison([0.5], []) == ""
    assert comparison([0.0436], [0.0410]) == ", not above an untrained encoder (0.04)"


def test_scores_at_or_below_the_untrained_encoder_are_found() -> None:
    assert low_metrics(scored(0.1, 0.1)) == ["mig"]
    assert low_metrics(scored(0.2, 0.1)) == []
    assert low_metrics(scored(0.2, 0.1, higher=False)) == ["mig"]
    assert low_metrics(scored(0.2)) == []


def test_published_numbers_are_shown_only_with_comparable_ones() -> None:
    assert published_for("dsprites_small", "challenge") is None
    assert published_for("dsprites_full", "fast") is None
    source = published_for("cars3d", "challenge")
    assert source is not None
    assert "Wu and Zheng (2024)" in source.citation
    assert all("sap" not in row.scores for source in SOURCES for row in source.rows)


def test_the_command_prints_the_path_of_the_page(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path)]) == 0
    assert str(run.report_file.resolve()) in capsys.readouterr().out.replace("\n", "")


def test_held_out_likelihood_is_shown(run: Run) -> None:
    found = Likelihood(*[Estimate(-91.25 + n, None) for n in range(6)], images=1, samples=7)
    LikelihoodFile(found, LikelihoodData(images="the test split")).write(run.likelihood_file)
    assert "log-likelihood (nats) -91.2500 –" in read(write_report(run)).text
    updates = run.meta.training.steps
    for trained, shown in ((updates, True), (updates + 1, False)):
        LikelihoodFile(found, LikelihoodData(), updates=trained).write(run.likelihood_file)
        text = read(write_report(run)).text
        assert ("-91.2500" in text) is shown
        assert ("The likelihood is that of an earlier model" in text) is not shown
        assert (run.likelihood() is None) is not shown


def test_the_table_is_the_score_files_with_intervals_over_the_protocols_seeds() -> None:
    scores = scored(0.1, 0.2)
    outcome = replace(scores.columns["trained"].scores["mig"], summary={"mig": SeedSummary(0.1, 0.02, 0.05, 0.15)})
    own = replace(scores.columns["trained"], scores={"mig": outcome})
    scores = replace(scores, columns={**scores.columns, "trained": own})
    table = score_table(scores)
    texts = [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in table.rows]
    assert (table.header, texts) == scores.table()
    assert "0.1000 ± 0.0200" in texts[0][1]
    assert [row[1].mark for row in table.rows if isinstance(row[1], Cell)] == ["low"]
