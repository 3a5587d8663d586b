"""Arguments of the public functions: those that are documented have an effect, the others are one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import submission
from submission.cli.main import run_program
from submission.configuration import Settings, load, with_bindings
from submission.data import data_root, from_arrays, registry
from submission.data.user_data import as_dataset
from submission.errors import UsageError
from submission.files import output, user_path
from submission.options import as_list
from submission.run import Run
from submission.studies.study import Method
from submission.training import train_together
from submission.training.budget import duration

TINY = ["train.steps = 2", "train.batch_size = 8", "model.space = 'R^2'", "model.networks = 'mlp_small'"]
TINY += ["objective.name = 'beta_vae'", "train.precision = 'float32'"]
DATA = from_arrays(np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8), name="points")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and an empty current folder beside it."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.fixture
def settings() -> Settings:
    """Settings of a run of two updates."""
    return load("demo", TINY)


def test_bindings_change_settings(settings: Settings, tmp_path: Path) -> None:
    run = submission.train(settings, tmp_path / "run", bind=["train.steps = 3", "train.seed = 5"], data=DATA)
    assert (run.meta.training.steps, run.meta.seed, run.settings.model) == (3, 5, settings.model)
    assert with_bindings(settings, []) == settings
    with pytest.raises(UsageError, match=r"nothing uses train\.stops"):
        submission.train(settings, tmp_path / "other", bind="train.stops = 3", data=DATA)
    assert not (tmp_path / "other").exists()


def test_bindings_replace_schedules_and_options_of_settings() -> None:
    binds = ["train.learning_rate = @learning_rate/Cosine()", "learning_rate/Cosine.start = 0.01"]
    before = load(
        "demo", [*TINY, *binds, "learning_rate/Cosine.steps = 50", "data.name = 'torus_pictures'", "data.seed = 3"]
    )
    after = with_bindings(before, ["train.learning_rate = 0.5", "data.name = 'dsprites_small'"])
    assert (after.train.learning_rate, dict(after.data.options)) == (0.5, {})
    assert after.model == before.model


def test_a_configuration_may_be_a_path_or_several(tmp_path: Path) -> None:
    file = tmp_path / "own.gin"
    file.write_text("include 'runs/demo.gin'\n" + "\n".join(TINY) + "\n", encoding="utf-8")
    expected = load(["demo"], TINY)
    assert load(file) == load([file]) == load(str(file)) == load(["demo", file]) == expected
    run = submission.train(file, tmp_path / "run", data=DATA)
    assert run.settings.train == expected.train


def test_a_single_text_is_not_read_letter_by_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = submission.train(load("demo", TINY), tmp_path / "run", bind="train.steps = 3", data=DATA)
    assert run.meta.training.steps == 3
    assert list(submission.export_run(run, formats="pt")) == ["pt"]
    assert as_list("a") == as_list(["a"]) == as_list(iter("a")) == ["a"]
    assert as_list(Path("a")) == [Path("a")]
    assert Method.of({"config": "demo", "bind": "train.steps = 3"}).bind == ("train.steps = 3",)
    images = np.zeros((2, 8, 8), np.uint8)
    assert as_dataset(from_arrays(images, np.arange(2), factor_names="xy")).factor_names == ("xy",)  # type: ignore[attr-defined]


@pytest.mark.parametrize("budget", ["4m", 240, 240.0, np.float32(240), "0.05h1m"])
def test_a_time_budget_is_seconds_or_text(budget: float | str, settings: Settings, tmp_path: Path) -> None:
    assert duration(budget) == 240
    assert submission.train(settings, tmp_path / "run", data=DATA, time_budget=budget).meta.training.steps == 2


@pytest.mark.parametrize("budget", ["4", "4 m", "soon", "", -1, float("nan"), float("inf"), True, [4]])
def test_no_time_budget_is_refused_before_anything_is_written(
    budget: float | str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"invalid (duration|time budget)"):
        submission.train(settings, tmp_path / "run", data=DATA, time_budget=budget)
    with pytest.raises(UsageError, match=r"invalid (duration|time budget)"):
        train_together(settings, range(2), tmp_path / "run", data=DATA, time_budget=budget)
    assert not (tmp_path / "run").exists()


def test_the_data_root_applies_to_data_that_is_named(settings: Settings, tmp_path: Path) -> None:
    np.savez(tmp_path / "points.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8))
    run = submission.train(settings, tmp_path / "run", data="points.npz", data_root=tmp_path)
    assert run.meta.dataset.name == str(tmp_path / "points.npz")


def test_named_data_is_looked_for_in_the_data_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def reader(name: str, root: Path) -> submission.data.ImageDataset:  # type: ignore[name-defined]
        seen.append(root)
        return DATA

    monkeypatch.setitem(registry.REGISTRY, "points", registry.Entry(reader, "for the test"))
    as_dataset("points", tmp_path)
    submission.train("demo", tmp_path / "run", bind=TINY, data="points", data_root=tmp_path / "other")
    assert seen == [tmp_path, tmp_path / "other"]


def test_a_home_folder_is_meant_by_a_tilde(home: Path, settings: Settings) -> None:
    np.savez(home / "points.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8), factors=np.arange(32))
    (home / "own.gin").write_text("include 'runs/demo.gin'\n" + "\n".join(TINY), encoding="utf-8")
    run = submission.train("~/own.gin", "~/run", data="points.npz", data_root="~")
    assert run.path == home / "run"
    assert submission.evaluate("~/run", metrics="mig", preset="fast", baselines=False).save("~/scores.json")
    own = submission.evaluate(run, data=Path("~/points.npz"), metrics="mig", preset="fast", baselines=False)
    assert own.save() == run.scores_folder / "fast-0-mig.json"
    assert submission.write_report("~/scores.json") == home / "scores.html"
    assert submission.write_report("~/scores.json", "~/page.html") == home / "page.html"
    assert submission.compare(["~/run"], protocol="fast").metrics == ("mig",)
    runs = train_together(settings, range(2), "~/seeds", data="~/points.npz")
    assert [own.path for own in runs] == [home / "seeds" / "seed_0", home / "seeds" / "seed_1"]
    assert data_root("~/data") == home / "data"
    assert user_path("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")
    with output(Path("~/note.txt")) as file:
        file.write(b"text")
    assert (home / "note.txt").is_file()
    assert not list(Path().iterdir())


def test_options_of_commands_take_a_tilde(home: Path) -> None:
    np.savez(home / "points.npz", images=np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8), factors=np.arange(32))
    binds = [f"--bind={text}" for text in TINY]
    assert run_program("train", ["--config=demo", "--data=~/points.npz", *binds, "--out=~/run", "--device=cpu"]) == 0
    assert Run.open(home / "run").meta.dataset.name == str(home / "points.npz")
    scored = ["~/run", "--metrics=mig", "--preset=fast", "--no-baselines", "--json=~/scores.json"]
    assert run_program("evaluate", scored) == 0
    assert (home / "scores.json").is_file()
    assert not list(Path().iterdir())
