"""Studies: which trials a grid has, what they are called, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from submission.cli.main import main
from submission.configuration.studies import study_files
from submission.errors import UsageError
from submission.run.places import runs_below
from submission.studies.results import label_of, rows
from submission.studies.study import Method, Study
from submission.studies.trial import Job


def test_a_seed_of_every_cell_comes_before_the_next_seed(study: Study) -> None:
    trials = study.trials()
    assert [trial.seed for trial in trials] == [0, 0, 0, 1, 1, 1]
    assert [label_of(trial) for trial in trials[:3]] == ["torus", "plane, β = 1", "plane, β = 4"]
    assert trials[2].settings.objective.options["beta"] == 4.0
    assert trials[2].name.startswith("plane-beta=4.0-")


def test_seeds_share_a_name_and_other_settings_do_not(study: Study) -> None:
    trials = study.trials()
    assert len({trial.name for trial in trials}) == 3
    longer = dataclasses.replace(study, bind=(*study.bind, "train.batch_size = 32")).trials()
    assert not {trial.name for trial in trials} & {trial.name for trial in longer}


def test_more_seeds_and_values_keep_the_names_of_old_trials(study: Study) -> None:
    grown = dataclasses.replace(study, seeds=3, methods=(*study.methods, Method("delta_vae/periodic_r3", "space")))
    old = {(trial.name, trial.seed) for trial in study.trials()}
    assert old < {(trial.name, trial.seed) for trial in grown.trials()}


def test_a_method_s_binding_wins_over_a_size_s(tmp_path: Path) -> None:
    file = tmp_path / "own.gin"
    methods = '["demo", {"config": "demo", "label": "long", "bind": ["train.steps = 90"]}]'
    file.write_text(f'# A study.\nstudy.methods = {methods}\nstudy.seeds = 1\nquick/study.bind = ["train.steps = 5"]\n')
    trials = Study.read(str(file), "quick").trials()
    assert [(trial.method, trial.settings.train.steps) for trial in trials] == [("demo", 5), ("long", 90)]


def test_a_binding_to_the_default_value_keeps_the_name(study: Study) -> None:
    same = dataclasses.replace(study, bind=(*study.bind, "train.beta1 = 0.9"))
    assert [trial.name for trial in same.trials()] == [trial.name for trial in study.trials()]


def test_objectives_with_equal_options_have_names_of_their_own(study: Study) -> None:
    bind = ["model.space = 'R^2'", "objective.beta = 4.0"]
    methods = [
        Method("demo", "same", bind=[f"objective.name = '{name}'", *bind]) for name in ("beta_vae", "beta_tcvae")
    ]
    names = {dataclasses.replace(study, methods=(method,)).trials()[0].name for method in methods}
    assert len(names) == 2


def test_a_size_replaces_what_it_names(study_file: Path) -> None:
    assert Study.read(str(study_file), "long").seeds == 1
    with pytest.raises(UsageError, match=r"no size 'huge' — choose one of long"):
        Study.read(str(study_file), "huge")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("study.methods = []", "has no methods"),
        ("study.method = ['demo']", "study.method is unknown — did you mean methods"),
        ("train.steps = 3", "train.steps is not a setting of a study"),
        ("study.seeds = %count", r"wrong\.gin:1: study\.seeds is a macro or a reference — write the value itself"),
        ("study.methods = [3]", r"study.methods\[0\] = 3 has the wrong type"),
        ("study.methods = ['nowhere']", "^study 'wrong', method 'nowhere': there is no configuration 'nowhere'"),
        (
            "study.methods = ['demo', {'config': 'demo', 'label': 'own', 'bind': ['train.steps = 0.5']}]",
            "^study 'wrong', method 'own': train.steps = 0.5",
        ),
        ("study.methods = ['demo', 'demo']", "twice"),
        (
            "study.methods = ['demo']\nstudy.data = ['dsprites_smal']",
            "no data set named 'dsprites_smal' — did you mean",
        ),
        ("study.methods = ['demo']\nstudy.seeded = ['data.sed']", "data set dsprites_tiny has no option 'sed'"),
        (
            "study.methods = ['demo']\nstudy.bind = ['data.factors = 3']",
            "data set dsprites_tiny has no option 'factors'",
        ),
        ("study.methods = ['demo']\nstudy.seeds = 0", "at least one seed"),
        ("study.methods = ['demo']\nstudy.grid = {'objective.gama': [1]}", "objective.gama"),
        ("study.methods = ['demo']\nstudy.metrics = ['mig']", "computes no scores — set study.evaluate"),
        ("study.methods = ['demo']\nstudy.baselines = True", "computes no scores — set study.evaluate"),
        ("study.methods = ['demo']\nstudy.grid = {'train.seed': [1, 2]}", "train.seed in the grid .* study.seeds says"),
        (
            "study.methods = ['demo']\nstudy.seeded = 'data.seed'\nstudy.grid = {'data.seed': 1}",
            "data.seed in the grid",
        ),
    ],
)
def test_what_a_study_cannot_be(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "wrong.gin"
    file.write_text(line)
    with pytest.raises(UsageError, match=message):
        Study.read(str(file)).trials()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("study.grid = [1]", "study.grid = [1] has the wrong type — it takes a dictionary {a quoted string: a list}"),
        ("study.grid = {3: [1]}", "study.grid = {3: [1]} has the wrong type"),
        ("study.grid = {'objective.beta': []}", "the grid has no values for objective.beta"),
        ("study.seeds = '5'", "study.seeds = '5' has the wrong type — it takes a whole number"),
        ("study.seeds = 2.5", "study.seeds = 2.5 has the wrong type — it takes a whole number"),
        ("study.seeds = True", "study.seeds = True has the wrong type"),
        ("study.images = '4'", "study.images = '4' has the wrong type"),
        ("study.baselines = 'no'", "study.baselines = 'no' has the wrong type — it takes True or False"),
        ("study.bind = 3", "study.bind = 3 has the wrong type"),
        ("study.data = 3", "study.data = 3 has the wrong type"),
        ("study.seeded = [3]", "study.seeded = [3] has the wrong type"),
        ("study.measures = [['degree']]", "study.measures = [['degree']] has the wrong type"),
        ("study.measures = 'degre'", "'degre' in study.measures is unknown — did you mean degree?"),
        ("study.metrics = ['MIG', 'mgi']", "'mgi' in study.metrics is unknown — did you mean mig"),
        ("study.evaluate = 'fats'", "'fats' in study.evaluate is unknown — did you mean fast?"),
        ("study.evaluate = 3", "study.evaluate = 3 has the wrong type — it takes a quoted string"),
        ("study.published = {'demo': {'elbo': 3}}", "it takes a dictionary {a quoted string: a dictionary"),
        ("study.units = {'elbo': (1.0,)}", "it takes a dictionary {a quoted string: (a number, a number)}"),
        ("study.titles = {'elbo': 3}", "study.titles = {'elbo': 3} has the wrong type"),
        ("study.figure = {'kind': 'lines', 'x': 3, 'y': 'mig'}", "study.figure.x = 3 has the wrong type"),
        ("study.methods = [{'label': 'a'}]", "study.methods[0] = {'label': 'a'} has no config"),
        ("study.methods = ['demo', {'config': 'demo', 'grid': 3}]", "study.methods[1].grid = 3 has the wrong type"),
        ("study.methods = [{'config': 'demo', 'label': 3}]", "study.methods[0].label = 3 has the wrong type"),
        ("study.methods = [{'config': 'demo', 'binds': []}]", "study.methods[0].binds is unknown — did you mean bind?"),
    ],
)
def test_values_of_another_type_are_one_line_with_the_file(
    tmp_path: Path, line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.gin"
    file.write_text(f"study.methods = ['demo']\n{line}\n" if "study.methods" not in line else line)
    assert main(["sweep", "status", str(file), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "wrong" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("alone", "listed"),
    [
        ("study.grid = {'model.space': 'R^10'}", "study.grid = {'model.space': ['R^10']}"),
        ("study.grid = {'objective.beta': 4.0}", "study.grid = {'objective.beta': [4.0]}"),
        ("study.bind = 'train.steps = 3'", "study.bind = ['train.steps = 3']"),
        (
            "study.methods = {'config': 'demo', 'bind': 'train.steps = 3', 'grid': {'model.space': 'R^3'}}",
            "study.methods = [{'config': 'demo', 'bind': ['train.steps = 3'], 'grid': {'model.space': ['R^3']}}]",
        ),
    ],
)
def test_one_value_stands_for_a_list_of_one(tmp_path: Path, alone: str, listed: str) -> None:
    studies = []
    for line in (alone, listed):
        file = tmp_path / "same.gin"
        file.write_text(line if "methods" in line else f"study.methods = ['demo']\n{line}\n")
        studies.append(Study.read(str(file)))
    assert studies[0] == studies[1]
    assert [trial.name for trial in studies[0].trials()] == [trial.name for trial in studies[1].trials()]


def test_one_value_in_a_grid_written_in_python_is_one_trial() -> None:
    study = Study("own", methods=(Method("demo"),), grid={"model.space": "R^10"}, seeds=1)
    assert [trial.choices for trial in study.trials()] == [{"model.space": "R^10"}]


@pytest.mark.parametrize("letters", ["a", "é", "漢", "𝛽", "x𝛽"])
def test_a_long_label_is_cut_to_what_file_systems_take(letters: str, tmp_path: Path) -> None:
    label = 90 * letters
    study = Study("own", methods=(Method("demo", label),), grid={"objective.beta": [1.0, 4.0]}, seeds=1)
    names = {trial.name for trial in study.trials()}
    assert len(names) == 2
    for name in names:
        (tmp_path / name).mkdir()  # the system takes no more than 255 bytes
        assert name.startswith(label[:59])


def test_a_label_that_begins_with_a_dot_has_a_folder_that_is_not_hidden(tmp_path: Path) -> None:
    trial = Study("own", methods=(Method("demo", ".5 nats"),), seeds=1).trials()[0]
    trial.folder(tmp_path).mkdir(parents=True)
    (trial.folder(tmp_path) / "meta.json").touch()
    assert runs_below(tmp_path) == [trial.folder(tmp_path)]


def test_a_title_is_read_behind_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "own.gin").write_text("# Two spaces.\r\nstudy.methods = 'demo'\r\n", encoding="utf-8-sig")
    assert Study.read(str(tmp_path / "own.gin")).title == "Two spaces"


def test_a_study_is_called_as_its_file_with_and_without_the_ending(tmp_path: Path) -> None:
    (tmp_path / "beta.v2.gin").write_text("study.methods = 'demo'\n")
    assert [Study.read(str(tmp_path / name)).name for name in ("beta.v2.gin", "beta.v2")] == ["beta.v2", "beta.v2"]
    assert Study.read("demo", "smoke").name == "demo"


def test_numbers_of_numpy_are_numbers_of_the_study_and_its_jobs() -> None:
    numbers: Any = {"seeds": np.int64(2), "images": np.int64(8), "likelihood": np.int32(2)}
    study = Study("own", methods=(Method("demo"),), units={"mse": (np.float64(100), 0)}, **numbers)
    assert json.loads(Job.of(study, study.trials()[1], Path("out")).line())["measures"]["images"] == 8


@pytest.mark.parametrize("name", study_files())
def test_shipped_studies_have_a_title_three_sizes_and_valid_trials(name: str) -> None:
    for size in ("smoke", "desk", "full"):
        study = Study.read(name, size)
        assert study.title
        assert study.trials()
        labels = {row.label for row in rows(study, [])}
        assert set(study.published) <= labels | {method.label for method in study.methods} or size == "smoke"


@pytest.mark.parametrize("size", ["smoke", "desk", "full"])
@pytest.mark.parametrize("name", study_files())
def test_methods_of_a_study_see_the_same_data(name: str, size: str) -> None:
    study = Study.read(name, size)
    seen: dict[str, set[tuple[str, ...]]] = {}
    for trial in study.trials():
        data = tuple(value for key, value in sorted(trial.bindings.items()) if key == "data.name")
        seen.setdefault(trial.method, set()).add(data)
    assert len({frozenset(data) for data in seen.values()}) == 1


def test_a_grid_and_bindings_written_in_python_are_names_and_values() -> None:
    method = Method("demo", grid={"objective.beta": np.array([1.0, 4.0])}, bind=[{"train.steps": np.int64(2)}])  # type: ignore[dict-item]
    study = Study("own", methods=(method,), bind="model.space = 'R^2'", seeds=1)  # type: ignore[arg-type]
    written = Method("demo", grid={"objective.beta": [1.0, 4.0]}, bind=["train.steps = 2"])
    same = dataclasses.replace(study, methods=(written,), bind=("model.space = 'R^2'",))
    assert [trial.name for trial in study.trials()] == [trial.name for trial in same.trials()]
    assert [trial.settings for trial in study.trials()] == [trial.settings for trial in same.trials()]
    assert json.loads(Job.of(study, study.trials()[1], Path("out")).line())["choices"] == {"objective.beta": 4.0}


def test_methods_written_in_python_are_called_by_their_configurations() -> None:
    methods: Any = ("demo", Method("delta_vae/periodic_r2"), {"config": "delta_vae/periodic_r3", "label": "space"})
    study = Study("own", methods=methods, grid={"objective.beta": [1.0]}, seeds=1)
    assert [trial.method for trial in study.trials()] == ["demo", "periodic_r2", "space"]
    assert [trial.name.rpartition("-")[0] for trial in study.trials()][:2] == ["demo-beta=1.0", "periodic_r2-beta=1.0"]
    assert len({row.label for row in rows(study, [])}) == 3


@pytest.mark.parametrize(
    ("alone", "listed"),
    [
        ({"methods": Method("demo")}, {"methods": (Method("demo"),)}),
        ({"metrics": "mig", "evaluate": "fast"}, {"metrics": ("mig",), "evaluate": "fast"}),
        ({"data": "dsprites_tiny"}, {"data": ("dsprites_tiny",)}),
        ({"bind": {"train.steps": 3}}, {"bind": ("train.steps = 3",)}),
    ],
)
def test_a_single_value_written_in_python_is_a_list_of_one(alone: dict[str, Any], listed: dict[str, Any]) -> None:
    found, expected = (Study("own", **{"methods": ("demo",), "seeds": 1, **given}) for given in (alone, listed))  # type: ignore[arg-type]
    assert [trial.name for trial in found.trials()] == [trial.name for trial in expected.trials()]
    assert found.metrics == expected.metrics


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": "2"}, r"study 'own': study\.seeds = '2' has the wrong type — it takes a whole number"),
        ({"bind": 3}, r"study\.bind = 3 has the wrong type — .* a quoted string or a dictionary \{.*: anything\}"),
        ({"methods": [3]}, r"study\.methods = 3 has the wrong type"),
    ],
)
def test_a_value_of_another_type_written_in_python_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Study("own", **{"methods": ("demo",), **given})  # type: ignore[arg-type]
