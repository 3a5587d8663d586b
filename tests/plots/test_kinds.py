"""Figures from run folders, and the command ``submission plot``."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PIL import Image

import submission.plots
from submission.cli.main import main, run_program
from submission.cli.plot import EPILOG
from submission.errors import SubmissionError, UsageError
from submission.latent import parse
from submission.plots.kinds import KINDS, SINGLE, Source, code_names, draw, find_runs, method_scores, sources_of
from submission.run import Run, ScoreFile
from submission.run.places import runs_below
from tests.plots.conftest import assert_recoloured


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two evaluated seeds of a short run."""
    out = tmp_path_factory.mktemp("plot") / "method"
    short = ["--bind", "train.steps=4", "--bind", "train.log_every=2", "--bind", "model.space='T^2'"]
    assert run_program("train", ["--config", "demo", *short, "--seeds", "0:2", "--out", str(out)]) == 0
    for seed in (0, 1):
        arguments = [str(out / f"seed_{seed}"), "--preset", "fast", "--metrics", "mig", "--no-baselines"]
        assert run_program("evaluate", arguments) == 0
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_from_a_run(kind: str, seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    assert main(["plot", kind, str(seeds / "seed_0"), "--out", str(out)]) == 0
    assert b"<svg" in out.read_bytes()[:600]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_recoloured(kind: str, seeds: Path) -> None:
    runs = find_runs([seeds / "seed_0"])
    assert_recoloured(lambda theme: draw(kind, runs, theme=theme))


def test_every_kind_is_documented_with_its_function() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "plots.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| (`.*`) \|$", page, re.MULTILINE))
    assert list(table) == list(KINDS)
    assert re.findall(r"^  (\w+)  +\S", EPILOG, re.MULTILINE)[: len(KINDS)] == list(KINDS)
    for functions in table.values():
        assert set(re.findall(r"`(\w+)`", functions)) <= set(submission.plots.__all__)


def test_kinds_of_several_runs_take_a_folder_of_seeds(seeds: Path, tmp_path: Path) -> None:
    for kind in set(KINDS) - set(SINGLE):
        assert main(["plot", kind, str(seeds), "--out", str(tmp_path / f"{kind}.png")]) == 0
    dots = draw("scores", find_runs([seeds])).axes[0].lines[0]
    expected = [Source(Run.open(seeds / f"seed_{seed}")).scores.headlines()["mig"] for seed in (0, 1)]
    assert sorted(dots.get_xdata()) == sorted(expected)


def test_traversals_are_animated(seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "moving.webp"
    assert main(["plot", "traversals", str(seeds / "seed_0"), "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.format == "WEBP"
        assert picture.size == (2 * 66 - 2, 64)  # two circles


def test_the_same_run_gives_the_same_file(seeds: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for file in files:
        assert main(["plot", "latent", str(seeds / "seed_0"), "--out", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_wrong_requests_are_one_line(seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "x.png")
    for arguments, words in {
        ("latnt", str(seeds / "seed_0"), "--out", out): "did you mean latent?",
        ("latent", str(seeds), "--out", out): "shows one run, got 2",
        ("latent", str(seeds / "seed_0"), "--out", "x.gif"): "choose one of png, svg, pdf",
        ("kl", str(seeds / "seed_0"), "--out", "x.webp"): "only traversals of one run can be animated",
        ("latent", str(tmp_path), "--out", out): "is not a run folder",
    }.items():
        assert main(["plot", *arguments]) != 0
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


def test_runs_without_scores_say_how_to_get_them(seeds: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(seeds / "seed_0", tmp_path / "copy")
    shutil.rmtree(copy / "scores")
    with pytest.raises(SubmissionError, match=r"submission evaluate"):
        draw("scores", [copy])
    with pytest.raises(UsageError, match="no kind"):
        draw("nothing", [copy])


@pytest.mark.parametrize("kind", ["scores", "tradeoff", "matrices"])
def test_scores_of_an_earlier_model_are_not_drawn(kind: str, seeds: Path, tmp_path: Path) -> None:
    copy = Run.open(shutil.copytree(seeds / "seed_0", tmp_path / "copy"))
    copy.exported_file.write_bytes(copy.exported_file.read_bytes() + b"\0")
    with pytest.raises(SubmissionError, match=r"copy has only scores of an earlier model — run: .*evaluate"):
        draw(kind, [copy])


def test_scores_of_different_protocols_are_not_mixed(seeds: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        shutil.copytree(seeds / f"seed_{seed}", tmp_path / f"seed_{seed}")
    first, second = find_runs([tmp_path])
    (old,), (new,) = first.scores(), second.scores()
    replace(new, preset="study", created="9").write(second.scores_folder / "study.json")
    dots = draw("scores", [first, second]).axes[0].lines[0].get_xdata()
    assert sorted(dots) == sorted(scores.headlines()["mig"] for scores in (old, new))
    second.score_paths()[0].unlink()
    with pytest.raises(UsageError, match=r"different protocols \(fast, study\)"):
        draw("scores", [first, second])


def test_scores_of_folders_that_differ_in_their_seed_only_are_one_method(seeds: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(seeds / f"seed_{seed}", tmp_path / name / "run") for seed, name in enumerate("ab")]
    (expected,) = method_scores(sources_of(find_runs([seeds]))).values()
    assert list(method_scores(sources_of(find_runs(folders))).values()) == [expected]
    assert len(draw("curves", folders).axes[0].lines) == len(draw("curves", find_runs([seeds])).axes[0].lines)
    with pytest.raises(UsageError, match="was given twice"):
        draw("scores", [folders[0], folders[0].parent / "." / "run"])


def test_seeds_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for seed in (10, 2, 1):
        folder = tmp_path / f"seed_{seed}"
        folder.mkdir()
        (folder / "meta.json").write_text("{}")
    assert [run.path.name for run in find_runs([tmp_path])] == ["seed_1", "seed_2", "seed_10"]


def test_folders_are_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    """The names of a sweep's folders end in digests, and their numbers may have decimals or exponents."""
    values = ["x=1e-05-ffff", "x=0.0001-0a", "x=0.25-9b", "x=0.5-1c", "x=2.0-77", "x=16.0-0d", f"x={'9' * 30}-0"]
    for name in values:
        (tmp_path / name).mkdir()
        (tmp_path / name / "meta.json").touch()
    assert [path.name for path in runs_below(tmp_path)] == values


def test_rows_of_heat_maps_have_the_names_of_components() -> None:
    space = parse("ISA(2x2) x S^1")
    blocks = {block.name: range(block.start, block.stop) for block in space.blocks("mean")}
    scores = SimpleNamespace(label="trained", columns={"trained": SimpleNamespace(blocks=blocks)})
    names = code_names(cast(ScoreFile, scores))
    assert names[:4] == [component.name for component in space.components][:4]
    assert names[4:] == ["S^1, 1", "S^1, 2"]
