"""gin files and bindings fill the settings; whatever nothing consumes is told in one line with the nearest name."""

from __future__ import annotations

import enum
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission.configuration import configurations, gin_folder, load, with_bindings
from submission.configuration.catalogue import summary
from submission.configuration.settings import DataSettings, ModelSettings, Settings, TrainSettings
from submission.errors import SubmissionError, UsageError
from submission.objectives.schedules import WARM_UP, Linear
from submission.training.start import differences

STEPS = "train.steps = 10"
WARM = ["objective.beta = @w/Linear()", "w/Linear.start = 0.", "w/Linear.stop = 1"]

BETA_VAE = {"beta": 1.0, "factor_betas": (), "warm_up": WARM_UP}
CAPACITY = {"beta": 1.0, "capacity": 0.0, "factor_betas": (), "per_image": False}
BETA_TCVAE = {"beta": 1.0, "alpha": 1.0, "gamma": 1.0, "weights": "stratified", "warm_up": WARM_UP}
"""Defaults, which a configuration spells out."""


def test_files_macros_includes_and_bindings_fill_the_settings(tmp_path: Path) -> None:
    (tmp_path / "base.gin").write_text("BETA = 2.5\ntrain:\n  batch_size = 32\n  steps = 7\n")
    (tmp_path / "run.gin").write_text(
        "# A run.\ninclude 'base.gin'\nmodel.space = 'S^10'\nobjective.name = 'capacity'\nobjective.beta = %BETA\n"
        "objective.capacity = @capacity/Linear()\ncapacity/Linear.start = 0\ncapacity/Linear.stop = 15.0\n"
    )
    settings = load([str(tmp_path / "run.gin")], ["train.batch_size = 64", "BETA = 10"])
    assert settings.train.batch_size == 64
    assert settings.train.steps == 7
    assert settings.model.space == "S^10"
    assert settings.objective.name == "capacity"
    assert settings.objective.options == {**CAPACITY, "beta": 10, "capacity": Linear(0, 15.0)}


def test_names_with_values_bind_as_texts_do(tmp_path: Path) -> None:
    (tmp_path / "run.gin").write_text("train.steps = 7\n")
    values = {
        "train.steps": np.int64(10),
        "train.learning_rate": np.float32(0.5),
        "model.space": "S^2 x R^3",
        "data.name": Path("cars.npz"),
        "objective.beta": Linear(0.0, 1.0, 0.5),
    }
    linear = (
        "objective.beta = @beta/Linear()\nbeta/Linear.start = 0.0\nbeta/Linear.stop = 1.0\nbeta/Linear.fraction = 0.5"
    )
    texts = [STEPS, "train.learning_rate = 0.5", "model.space = 'S^2 x R^3'", "data.name = 'cars.npz'", linear]
    files = [tmp_path / "run.gin"]
    assert load(files, values) == load(files, texts)
    assert with_bindings(load(files), values) == load(files, texts)
    assert load(files, values).objective.options["beta"] == Linear(0.0, 1.0, 0.5)
    assert load(files, [values, STEPS, {"train.seed": 3}]) == load(files, [*texts, "train.seed = 3"])


class Likelihood(enum.StrEnum):
    """Words of one's own."""

    GREY = "gaussian"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("train.seed", torch.tensor(3), 3),
        ("train.tensorboard", np.True_, True),
        ("train.learning_rate", Fraction(1, 8), 0.125),
        ("train.learning_rate", Linear(np.float64(0.5), np.float64(0.25)), Linear(0.5, 0.25)),
        ("model.likelihood", Likelihood.GREY, "gaussian"),
        ("model.space", 'it\'s "%d" of 100 %\n@here', 'it\'s "%d" of 100 %\n@here'),
        ("objective.factor_betas", np.array([1.0, 2.0]), (1.0, 2.0)),
        ("objective.factor_betas", [np.float32(1), torch.tensor(2)], (1.0, 2)),
        ("data.angles", ((np.int64(1), None), "red"), ((1, None), "red")),
    ],
)
def test_values_of_any_library_are_written_as_gin(name: str, value: object, expected: object) -> None:
    settings = load([], {"train.steps": 7, name: value})
    assert settings.bindings()[name] == expected
    assert with_bindings(settings, ()) == settings


def test_settings_made_with_numpy_can_be_read_again() -> None:
    train = TrainSettings(steps=np.int64(7), learning_rate=Linear(np.float64(0.5), 0.25))  # type: ignore[arg-type]
    settings = Settings(replace(train, seed=np.int64(3)), DataSettings("dots", {"sizes": np.arange(2)}))  # type: ignore[arg-type]
    again = with_bindings(settings, {})
    assert (again.train, again.data) == (settings.train, settings.data)
    assert (type(settings.train.seed), again.data.options["sizes"]) == (int, (0, 1))


@pytest.mark.parametrize(
    ("binds", "message"),
    [
        ({"train.steps": object()}, r"train\.steps = .* has the wrong type — it takes a whole number"),
        ({"train.steps": np.zeros(2)}, r"train\.steps = \(0\.0, 0\.0\) \(bind\) has the wrong type"),
        ({"train.steps": float("nan")}, r"train\.steps = nan \(bind\) has the wrong type"),
        ({"train.learning_rate": float("nan")}, r"learning_rate = nan \(bind\) is not finite"),
        ({"train.learning_rate": Linear(1.0, math.inf)}, r"learning_rate/Linear\.stop = inf \(bind\) is not finite"),
        ({"train.learning_rate": Linear(True, 1.0)}, r"Linear\.start = True \(bind\) has the wrong type"),
        ({"train.stpes": 3}, r"nothing uses train\.stpes \(bind\) — did you mean train\.steps\?"),
        ({"train.steps = 3\ntrain.seed": 3}, r"nothing uses train\.steps = 3 train\.seed \(bind\)"),
        ({"data.shape": object()}, r"data\.shape = .* \(bind\) is nothing that a configuration can hold"),
        ("train.steps = 3\ntrain.sed = 4", r"nothing uses train\.sed \(--bind train\.steps = 3; train\.sed = 4\)"),
        (3, r"3 is not a binding — give names with values"),
        ([("train.steps", 3)], r"not gin"),
    ],
)
def test_a_wrong_name_or_value_is_one_line(binds: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load([], binds)
    assert "\n" not in str(caught.value)


def test_the_operative_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    binds = [STEPS, "objective.beta = @warm/Linear()", "warm/Linear.start=0.", "warm/Linear.stop = 1.0"]
    settings = load([], [*binds, "warm/Linear.fraction = 0.1", "objective.factor_betas = (1.0, 2)", "data.depth = 'x'"])
    (tmp_path / "config.gin").write_text(settings.gin())
    again = load([str(tmp_path / "config.gin")])
    assert again == settings
    assert again.gin() == settings.gin()


@pytest.mark.parametrize(
    ("binds", "message"),
    [
        (["train.step = 10"], r"nothing uses train\.step \(--bind train\.step = 10\) — did you mean train\.steps\?"),
        (["trian.steps = 10"], r"nothing uses trian\.steps .*did you mean train\.steps\?"),
        (["objective.betta = 1.0"], r"nothing uses objective\.betta .*did you mean objective\.beta\?"),
        (["objective.name='capacity'", "objective.free=1.0"], r"nothing uses objective\.free"),
        (["train.epoch = 3"], r"nothing uses train\.epoch .*did you mean train\.epochs\?"),
        (["BETA = 3"], r"nothing uses BETA"),
        (["scope/train.steps = 3"], r"nothing uses scope/train\.steps"),
        (["unused/Linear.start = 3"], r"nothing uses unused/Linear\.start"),
        (["objective.options = 3"], r"nothing uses objective\.options"),
        (["objective.name = 'capcity'"], r"unknown objective 'capcity' — did you mean capacity\?"),
        (["objective.beta = %BETA"], r"macro %BETA .* has no value"),
        (["A = %A", "objective.beta = %A"], r"a macro refers to itself .*: %A → %A"),
        (["objective.beta = @Linaer()"], r"no schedule @Linaer .*did you mean Linear\?"),
        (["objective.beta = @w/Linear()", "w/Linear.start = 0."], r"w/Linear\.stop has no value"),
        ([*WARM, "w/Linear.frction = 0.5"], r"nothing uses w/Linear\.frction .*did you mean w/Linear\.fraction\?"),
        ([*WARM, "w/Linear.fraction = 2.0"], r"a linear schedule cannot take"),
        (["objective.beta = 'high'"], r"objective\.beta = 'high' .*wrong type — it takes a number or a schedule"),
        (["train.seed = 1.5"], r"train\.seed = 1\.5 .*wrong type — it takes a whole number"),
        (["train.steps = True"], r"wrong type"),
        (["model.space = 10"], r"wrong type — it takes a quoted string"),
        (["model.space = S^10"], r"--bind model\.space = S\^10 is not gin: .*strings in quotes"),
        (["train.batch_size ="], r"is not gin"),
        (["objective.factor_betas = (1,"], r"is not gin"),
        (["import os"], r"remove the import"),
        (["train.batch_size = 0"], r"train\.batch_size = 0 is not positive"),
        (["train.steps = 3", "train.epochs = 2.0"], r"do not set the length"),
        (["train.precision = 'float16'"], r"unknown precision 'float16' — choose one of auto, float32, bfloat16"),
        (["train.seed = -1"], r"must be an integer in"),
        (["train.beta1 = 1.0"], r"outside \[0, 1\)"),
        (["train.beta2 = 1e400"], r"train\.beta2 = inf \(--bind train\.beta2 = 1e400\) is not finite"),
        (["train.checkpoint_every = 1e400"], r"train\.checkpoint_every = inf .*is not finite — give a finite number"),
        (["train.checkpoint_every = -1.0"], r"train\.checkpoint_every = -1\.0 is out of range — give 0 to"),
        (["train.epsilon = 1e400"], r"train\.epsilon = inf .*is not finite"),
        (["train.patience = 1e400", "train.held_out = 5"], r"train\.patience = inf .*is not finite"),
        (["train.learning_rate = -1e400"], r"train\.learning_rate = -inf .*is not finite"),
        (["train.learning_rate = 1" + 400 * "0"], r"train\.learning_rate = 10{59} .*is not finite"),
        (["train.batch_size = 99999999999"], r"train\.batch_size = 99999999999 is out of range — give 0 to 1048576"),
        (["train.epochs = 1e300", "train.steps = 0"], r"train\.epochs = 1e\+300 is out of range"),
        (["model.variance = 1e400"], r"model\.variance = inf .*is not finite"),
        (["model.variance = 0"], r"model\.variance = 0 is not positive"),
        (["data.discount = 1e400"], r"data\.discount = inf .*is not finite"),
        ([*WARM, "w/Linear.start = 1e400"], r"w/Linear\.start = inf .*is not finite"),
        (["objective.beta = -1e400"], r"objective\.beta = -inf .*is not finite"),
        (["objective.factor_betas = (1.0, 1e400)"], r"objective\.factor_betas = \(1\.0, inf\) .*is not finite"),
        (["train.epsilon = inf"], r"is not gin: inf is neither a finite number, .* nor text in quotes — write section"),
        (["train.epsilon = -nan"], r"is not gin: -nan is neither a finite number"),
        (["objective.factor_betas = (1.0, inf)"], r"is not gin: inf is neither a finite number"),
    ],
)
def test_unused_and_unknown_bindings_are_one_line(binds: list[str], message: str) -> None:
    with pytest.raises(SubmissionError, match=message) as caught:
        load([], [STEPS, *binds] if "epoch" not in binds[0] else binds)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["epsilon", "beta1", "checkpoint_every", "patience", "epochs"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_settings_made_in_python_are_finite_too(name: str, value: float) -> None:
    with pytest.raises(SubmissionError, match=f"train.{name} = {value} is not finite"):
        TrainSettings(**{"steps": 10, name: value})
    with pytest.raises(SubmissionError, match=r"model\.variance = nan is not finite"):
        ModelSettings(variance=float("nan"))


def test_files_that_are_not_there_or_not_gin_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "circle.gin").write_text("include 'circle.gin'\n")
    (tmp_path / "broken.gin").write_text("train.steps = 3\ntrain.seed 4\n")
    (tmp_path / "binary.gin").write_bytes(b"\xff\xfe\x00")
    for name, message in {
        "nowhere.gin": "no configuration 'nowhere.gin'",
        str(tmp_path / "circle.gin"): "includes itself",
        str(tmp_path / "broken.gin"): r"broken\.gin:2 is not gin",
        str(tmp_path / "binary.gin"): "cannot read",
    }.items():
        with pytest.raises(SubmissionError, match=message):
            load([name])


@pytest.mark.parametrize("name", configurations())
def test_every_shipped_run_loads_and_has_a_summary(name: str) -> None:
    assert load([name]).bindings()
    assert 10 < len(summary(gin_folder() / "runs" / f"{name}.gin")) <= 120


def test_a_misspelt_run_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(SubmissionError, match=r"did you mean demo\?"):
        load(["dmeo"])


def test_differences_name_both_sides() -> None:
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == ["b: 3 → 2", "c: 4 → (absent)"]


def test_another_data_set_or_objective_comes_without_the_options_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "a.gin").write_text("data.name = 'mnist'\ndata.binarisation = 'static'\nobjective.name = 'capacity'\n")
    (tmp_path / "b.gin").write_text("objective.capacity = 3\ntrain.steps = 5\n")
    files = [str(tmp_path / name) for name in ("a.gin", "b.gin")]
    assert load(files).data.options == {"binarisation": "static"}
    changed = load(files, ["data.split = 'test'", "data.name = 'caltech101'", "objective.name = 'beta_vae'"])
    assert changed.data.options == {"split": "test"}
    assert changed.objective.options == BETA_VAE
    assert load(files, ["data.name = 'mnist'"]).data.options == {"binarisation": "static"}


SCHEDULED = (
    "BETA = 4.0\nEND = 9.0\nobjective.name = 'capacity'\nobjective.beta = %BETA\nobjective.capacity = @c/Linear()\n"
    "c/Linear.start = 0.0\nc/Linear.stop = %END\ntrain.steps = 5\n"
)


def test_schedules_and_macros_go_with_the_options_that_used_them(tmp_path: Path) -> None:
    file = tmp_path / "a.gin"
    file.write_text(SCHEDULED)
    other = ["objective.name = 'beta_tcvae'"]
    assert load([str(file)], other).objective.options == BETA_TCVAE
    replaced = load([str(file)], ["objective.capacity = 5.0", "objective.beta = 1.0"])
    assert replaced.objective.options == {**CAPACITY, "beta": 1.0, "capacity": 5.0}
    again = load([str(file)], [*other, "objective.beta = @c/Linear()", "END = 2.0"])
    assert again.objective.options == {**BETA_TCVAE, "beta": Linear(0.0, 2.0)}
    file.write_text(SCHEDULED + "train.learning_rate = %BETA\n")
    assert load([str(file)], other).train.learning_rate == 4.0
    for own in ("c/Linear.stop = 3.0", "BETA = 3.0"):
        with pytest.raises(SubmissionError, match=f"nothing uses {own[:-6]} .* — remove it") as caught:
            load([str(tmp_path / "a.gin")] if own[0] == "c" else ["demo"], [*other, own])
        assert "did you mean" not in str(caught.value)


def test_a_file_may_choose_another_objective_than_the_one_that_it_includes(tmp_path: Path) -> None:
    (tmp_path / "base.gin").write_text(SCHEDULED)
    (tmp_path / "run.gin").write_text("include 'base.gin'\nobjective.beta = 7.0\nobjective.name = 'beta_tcvae'\n")
    assert load([str(tmp_path / "run.gin")]).objective.options == {**BETA_TCVAE, "beta": 7.0}
    (tmp_path / "base.gin").write_text("objective.beta = 3.0\ntrain.steps = 5\n")
    (tmp_path / "run.gin").write_text("include 'base.gin'\nobjective.name = 'beta_tcvae'\n")
    assert load([str(tmp_path / "run.gin")]).objective.options == {**BETA_TCVAE, "beta": 3.0}
