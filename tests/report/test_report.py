"""The page shows what the run folder holds, and refers to nothing outside itself."""

from __future__ import annotations

import base64
import html.parser
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from submission.cli.main import main
from submission.configuration.settings import DataSettings, ModelSettings, TrainSettings
from submission.errors import SubmissionError
from submission.files import write_json
from submission.report.page import Section, facts, render, table
from submission.report.pictures import GAP, mosaic
from submission.report.run import write_report
from submission.report.training import training_sections
from submission.run import Run, read_log, series
from submission.training import Settings, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = Settings(
        TrainSettings(steps=4, batch_size=8, log_every=2, precision="float32"),
        DataSettings("dsprites_small"),
        ModelSettings("R^3", "mlp_small"),
    )
    return train(settings, tmp_path_factory.mktemp("report") / "run")


def score_file(path: Path) -> None:
    """A score file with one metric, as evaluation writes it."""
    metric = {"headline": "mig", "shown": ["other"], "range": [0.0, 1.0], "caution": "mind the <scale>"}
    scores = {"mig": {"values": {"mig": 0.4321, "other": 7.5}, "block_values": {"mig": 0.8765}}}
    columns = {"trained": {"scores": scores}, "untrained": {"scores": {"mig": {"error": "all dead"}}}}
    record = {"format": 1, "created": "2026-01-01", "preset": "fast", "seeds": [3], "commit": "abc"}
    write_json(path, {**record, "metrics": {"mig": metric}, "columns": columns})


class References(html.parser.HTMLParser):
    """Everything that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_pictures_are_those_of_the_runs_data_set(tmp_path: Path) -> None:
    data = DataSettings("turntable", {"color": True})
    settings = Settings(TrainSettings(steps=1, batch_size=8), data, ModelSettings("R^2", "mlp_small"))
    assert "Reconstructions" in write_report(train(settings, tmp_path / "run")).read_text()


def test_the_page_is_whole_and_self_contained(folder: Run) -> None:
    score_file(folder.scores_folder / "fast-3.json")
    page = write_report(folder).read_text()
    references = References()
    references.feed(page)
    assert len(references.found) == 5  # bars, curves, components, reconstructions, traversals
    assert all(source.startswith("data:image/") for source in references.found)
    assert "0.4321" in page
    assert re.search(r"mig mig, by block.*0\.8765.*–", page)
    assert "other, by block" not in page
    assert "mind the &lt;scale&gt;" in page
    assert folder.config_file.read_text().splitlines()[0] in page


def test_pictures_have_a_cell_per_image(folder: Run) -> None:
    page = write_report(folder).read_text()
    pictures = [Image.open(io.BytesIO(base64.b64decode(found))) for found in re.findall(r"png;base64,([^\"]+)", page)]
    assert [picture.size for picture in pictures] == [
        (12 * (64 + GAP), 2 * (64 + GAP)),
        (10 * (64 + GAP), 3 * (64 + GAP)),
    ]


def test_held_out_images_and_collapse_are_shown(tmp_path: Path) -> None:
    folder = Run(tmp_path)
    for path, rows in {
        folder.log_file: [{"step": 5, "loss": 3.0, "kl": 1.0}],
        folder.validation_file: [{"step": 5, "elbo": -3.5, "best": -3.5, "best_step": 5}],
        folder.components_file: [{"step": 5, "kl": [0.5, 0.001], "time/0": [1.0], "scale/1": [0.4]}],
    }.items():
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    estimate = {"mean": -91.25, "standard_error": None}
    likelihood = {"log_likelihood": estimate, "images": 1, "samples": 7}
    write_json(folder.likelihood_file, {"likelihood": likelihood, "data": {"images": "the test split"}})
    sections = {part.title: part.body for part in training_sections(folder, ["S^1", "R^1"])}
    assert list(sections) == ["Training", "Latent components", "Held-out likelihood"]
    assert "best -3.50 after 5 updates" in sections["Training"]
    assert "Collapsed (KL below 0.02 nats): R^1." in sections["Latent components"]
    assert re.search(r"log likelihood.*-91\.2500.*–", sections["Held-out likelihood"])
    assert training_sections(Run(tmp_path / "none"), []) == []


def test_mosaic_puts_every_image_where_it_belongs() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1).repeat(4, 2).repeat(5, 3)
    picture = np.asarray(mosaic(images))
    for row in range(2):
        for column in range(3):
            top, left = row * (4 + GAP), column * (5 + GAP)
            assert (picture[top : top + 4, left : left + 5] == images[row, column, 0, 0, 0]).all()


def test_a_log_cut_short_by_a_crash_is_read(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text(json.dumps({"step": 1, "kl": 2.0}) + "\n" + '{"step": 2, "k')
    assert series(read_log(log), "kl") == ([1.0], [2.0])


def test_text_from_outside_is_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    page = render(hostile, hostile, [Section(hostile, table([hostile], [[hostile]]) + facts([(hostile, hostile)]))])
    assert "<script>" not in page


def test_the_command_says_where_the_page_is(folder: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder.path)]) == 0
    assert str(folder.report_file.resolve()) in capsys.readouterr().out.replace("\n", "")


def test_a_folder_that_is_no_run_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert str(tmp_path) in captured.err


def test_a_broken_score_file_is_named(folder: Run, tmp_path: Path) -> None:
    broken = folder.scores_folder / "broken.json"
    broken.parent.mkdir(exist_ok=True)
    broken.write_text("{")
    with pytest.raises(SubmissionError, match=r"broken\.json"):
        write_report(folder)
    broken.unlink()
