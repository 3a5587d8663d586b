"""The public face of the metrics: functions of arrays, modules of other names, readable results."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types

import numpy as np
import pytest

import submission.metrics
from submission.errors import SubmissionError
from submission.metrics import Scores, dci, factor_vae, metric, mig
from submission.metrics.registry import REGISTRY
from submission.metrics.sampling import CodeGrid, GridSampler, IndexSource, PointSampler
from submission.metrics.sampling.points import train_test

SIZES = (3, 4, 5)
GRID = CodeGrid.of("grid", SIZES)
FACTORS = GRID.factors(np.arange(len(GRID)))
CODES = (FACTORS @ np.array([[1.0, 0.2, 0], [0, 1, 0.3], [0.1, 0, 1]])).astype(np.float32)
FUNCTIONS = [name for name in submission.metrics.__all__ if name not in {"Metric", "Scores", "metric"}]
OF_ARRAYS = [name for name in FUNCTIONS if name not in {"udr", "mig_chen"}]
TILED = [name for name in OF_ARRAYS if name != "d_lsbd"]  # which needs every combination once
FEW = {
    "factor_vae": {"num_train": 200, "num_eval": 100, "num_variance_estimate": 100},
    "beta_vae": {"num_train": 200, "num_eval": 100},
    "downstream_reduced": {"num_train": (40,), "num_test": 20},
    "downstream_strong": {"num_train": (40,), "num_test": 20, "n_experiment": 1},
    "fairness": {"num_train": 40, "num_test_points_per_class": 5},
    "infomec": {"neighbours": 3},
}


def modules() -> list[str]:
    """Every module below ``submission.metrics``."""
    found = pkgutil.walk_packages(submission.metrics.__path__, "submission.metrics.")
    return [module.name for module in found]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_name_is_a_function_even_after_every_module_was_imported(name: str) -> None:
    for module in modules():
        importlib.import_module(module)
    assert inspect.isfunction(getattr(submission.metrics, name))
    assert f"submission.metrics.{name}" not in modules()


@pytest.mark.parametrize("name", modules())
def test_importing_a_module_gives_the_module(name: str) -> None:
    scope: dict[str, object] = {}
    exec(f"from submission.metrics import mig, dci, factor_vae\nimport {name} as found", scope)
    assert isinstance(scope["found"], types.ModuleType)
    assert inspect.isfunction(scope["mig"])


def test_the_functions_are_imported_when_they_are_asked_for() -> None:
    code = "import sys, submission.metrics; assert 'submission.metrics.boosting' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(dir(submission.metrics)) == set(submission.metrics.__all__) == set(submission.metrics.HOME)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        submission.metrics.nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize("name", TILED)
def test_every_metric_takes_codes_and_factors(name: str) -> None:
    function = getattr(submission.metrics, name)
    assert list(inspect.signature(function).parameters)[:2] == ["codes", "factors"]
    scores = function(np.tile(CODES, (3, 1)), np.tile(FACTORS, (3, 1)), **FEW.get(name, {}))
    assert isinstance(scores, Scores)
    assert np.isfinite(list(scores.values.values())).all()


@pytest.mark.parametrize("name", TILED)
def test_lists_and_other_types_are_taken_for_arrays(name: str) -> None:
    codes, factors = np.tile(CODES, (3, 1)), np.tile(FACTORS, (3, 1))
    function, few = getattr(submission.metrics, name), FEW.get(name, {})
    expected = function(codes, factors, **few).values
    assert function(codes.tolist(), factors.astype(np.float32), **few).values.keys() == expected.keys()
    assert function(codes, factors.astype(np.uint8), **few).values == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", sorted(set(OF_ARRAYS) - {"unsupervised"}))
def test_arrays_of_other_lengths_are_refused(name: str) -> None:
    with pytest.raises(SubmissionError, match="60 codes but 59"):
        getattr(submission.metrics, name)(CODES, FACTORS[:-1], **FEW.get(name, {}))


REGISTERED = {"modularity_explicitness": "modularity", "downstream": "", "periodic": ""}


@pytest.mark.parametrize("name", sorted(set(TILED) - {"downstream_reduced", "downstream", "periodic"}))
def test_arrays_score_as_a_sampler_of_the_same_arrays(name: str) -> None:
    chosen = metric(REGISTERED.get(name, name))
    source = IndexSource(GRID, lambda cells: CODES[cells])
    if chosen.full_grid:
        settings = type(chosen.settings)(**FEW[name])
        expected = chosen.score(GridSampler(source, 0), settings)
        found = getattr(submission.metrics, name)(CODES, FACTORS, **FEW[name])
    else:
        codes, factors = np.tile(CODES, (3, 1)), np.tile(FACTORS, (3, 1))
        settings = type(chosen.settings)(**FEW.get(name, {}))
        expected = chosen.score(PointSampler(codes, factors, 0), settings)
        found = getattr(submission.metrics, name)(codes, factors, **FEW.get(name, {}))
    assert found.values == pytest.approx(expected.values, abs=1e-6)


FLAGS = {
    "blocks": [[0], [1, 2]],
    "continuous": [True, False, False],
    "factor_sizes": list(SIZES),
    "cycles": [True, False, True],
}


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_blocks_and_flags_may_be_arrays(name: str) -> None:
    function = getattr(submission.metrics, name)
    for option, value in FLAGS.items():
        if option in inspect.signature(function).parameters:
            arrays = [np.array(block) for block in value] if option == "blocks" else np.array(value)
            listed, given = (function(CODES, FACTORS, **FEW.get(name, {}), **{option: v}) for v in (value, arrays))
            assert given.values == listed.values


def test_half_of_the_test_points_is_refused() -> None:
    with pytest.raises(SubmissionError, match="both test_codes and test_factors"):
        dci(CODES, FACTORS, CODES)


def test_resampled_votes_have_the_distribution_of_those_on_the_grid() -> None:
    """Three copies of the grid are no grid that the protocol knows, but hold the same batches."""
    few = {"num_train": 2000, "num_eval": 1000, "num_variance_estimate": 2000}
    codes = CODES @ np.linalg.qr(np.random.RandomState(1).randn(3, 3))[0].astype(np.float32)
    grid = factor_vae(codes, FACTORS, **few)  # type: ignore[arg-type]
    samples = factor_vae(np.tile(codes, (3, 1)), np.tile(FACTORS, (3, 1)) * 10, **few)  # type: ignore[arg-type]
    assert samples["eval_accuracy"] == pytest.approx(grid["eval_accuracy"], abs=0.05)
    assert 0.4 < grid["eval_accuracy"] < 0.95
    assert "drawn with replacement" in samples.notes[-1]
    assert not any("replacement" in note for note in grid.notes)


def test_forced_values_that_no_sample_has_are_named() -> None:
    some = np.r_[0:20, 25:60]
    with pytest.raises(SubmissionError, match=r"no sample has the factor values \[1, 0, \d\]"):
        submission.metrics.fairness(CODES[some], FACTORS[some], 40, 50)


def test_the_text_of_a_result() -> None:
    scores = mig(CODES, FACTORS)
    assert repr(scores).startswith(
        f"Scores(discrete_mig={scores['discrete_mig']:.6g}, details: mutual_information (3, 3)"
    )
    page = Scores({"<a>": 0.25}, notes=("a < b",))._repr_html_()
    assert "<td>&lt;a&gt;</td><td>0.25</td>" in page
    assert "<li>a &lt; b</li>" in page
    many = Scores({str(k): float(k) for k in range(40)})
    assert "and 32 more" in repr(many)
    pandas = pytest.importorskip("pandas")
    assert isinstance(scores.to_frame(), pandas.DataFrame)
    assert scores.to_frame().loc[0, "value"] == scores["discrete_mig"]


def test_the_examples_in_the_docstrings_hold() -> None:
    for name in ("submission.metrics", *modules()):
        assert doctest.testmod(importlib.import_module(name)).failed == 0, name


def test_without_pandas_a_frame_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SubmissionError, match="pip install pandas"):
        mig(CODES, FACTORS).to_frame()


def test_every_line_of_the_registry_names_its_metric() -> None:
    assert {metric(name).name for name in REGISTRY} == set(REGISTRY)


def test_settings_that_a_function_does_not_take_are_an_error() -> None:
    from submission.metrics.fixed_factor import FactorVaeSettings
    from submission.metrics.registration import of_points

    with pytest.raises(TypeError, match="num_eval, num_variance_estimate"):
        of_points(mig, name="mig", settings=FactorVaeSettings())


def test_a_third_of_the_points_is_held_out() -> None:
    (train, _), (test, _) = train_test(CODES, FACTORS, None, None, 0)
    assert (len(train), len(test)) == (40, 20)
    assert not {tuple(row) for row in train.tolist()} & {tuple(row) for row in test.tolist()}
