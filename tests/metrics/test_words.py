"""Every metric takes words for factors and tensors for codes, and scores them as the numbers that they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

import submission.metrics
from submission.arrays import as_factors_array, as_factors_arrays
from submission.errors import SubmissionError
from submission.metrics import dci, downstream, mig_chen, udr
from submission.metrics.posterior_gap import NormalPosteriors
from tests.metrics.test_public import CODES, FACTORS, FEW, TILED

MANY_CODES, MANY_FACTORS = np.tile(CODES, (3, 1)), np.tile(FACTORS, (3, 1))
WORDS = np.array(["a", "b", "c", "d", "e"])
OF_TEST_POINTS = [
    name for name in TILED if "test_codes" in inspect.signature(getattr(submission.metrics, name)).parameters
]


def outcome(name: str, *points: Any, **settings: Any) -> dict[str, float] | str:
    """The values of the metric called ``name``, or why there are none."""
    try:
        return dict(getattr(submission.metrics, name)(*points, **FEW.get(name, {}), **settings).values)
    except SubmissionError as error:
        return str(error)


def rare() -> np.ndarray:
    """Factors (180, 3); the first has one 0 only, in a row that falls into the training points of seed 0."""
    factors = MANY_FACTORS.copy()
    factors[:, 0] = np.maximum(factors[:, 0], 1)
    factors[np.random.RandomState(0).permutation(len(factors))[0], 0] = 0
    return factors


@pytest.mark.parametrize("factors", [MANY_FACTORS, rare()], ids=["all words everywhere", "a word that occurs once"])
@pytest.mark.parametrize("name", TILED)
def test_words_score_as_their_numbers(name: str, factors: np.ndarray) -> None:
    assert outcome(name, MANY_CODES, WORDS[factors]) == outcome(name, MANY_CODES, factors)


CODES_OF_A_KIND: dict[str, Callable[[], Any]] = {
    "a tensor that requires a gradient": lambda: torch.from_numpy(MANY_CODES).requires_grad_(),
    "a tensor in bfloat16": lambda: torch.from_numpy(MANY_CODES).bfloat16(),
    "a sparse matrix": lambda: sparse.csr_matrix(MANY_CODES),
}


@pytest.mark.parametrize("kind", CODES_OF_A_KIND)
@pytest.mark.parametrize("name", TILED)
def test_tensors_and_sparse_matrices_are_taken_for_arrays(name: str, kind: str) -> None:
    codes = CODES_OF_A_KIND[kind]()
    plain = torch.from_numpy(MANY_CODES).bfloat16().float().numpy() if "bfloat16" in kind else MANY_CODES
    assert outcome(name, codes, torch.from_numpy(MANY_FACTORS)) == outcome(name, plain, MANY_FACTORS)


@pytest.mark.parametrize("name", OF_TEST_POINTS)
def test_words_of_test_points_are_numbered_with_those_of_training_points(name: str) -> None:
    train, test = np.r_[0:120], np.r_[120:180]
    factors = rare()
    numbers = outcome(name, MANY_CODES[train], factors[train], MANY_CODES[test], factors[test])
    words = outcome(name, MANY_CODES[train], WORDS[factors[train]], MANY_CODES[test], WORDS[factors[test]])
    assert words == numbers


@pytest.mark.parametrize("kind", CODES_OF_A_KIND)
def test_models_and_posteriors_may_be_tensors(kind: str) -> None:
    codes = CODES_OF_A_KIND[kind]()
    plain = torch.from_numpy(MANY_CODES).bfloat16().float().numpy() if "bfloat16" in kind else MANY_CODES
    kl = torch.ones(3, requires_grad=True)
    assert udr([codes, codes], [kl, kl]).values == udr([plain, plain], [np.ones(3)] * 2).values
    scale = np.full(plain.shape, 0.1)
    found, expected = NormalPosteriors(codes, torch.from_numpy(scale)), NormalPosteriors(plain, scale)
    assert mig_chen(found, MANY_FACTORS, 50).values == mig_chen(expected, WORDS[MANY_FACTORS], 50).values


@pytest.mark.parametrize("value", [3, None, "words"])
@pytest.mark.parametrize("name", sorted(set(TILED) - {"unsupervised"}))
def test_a_single_value_is_no_array(name: str, value: Any) -> None:
    for points in ((MANY_CODES, value), (value, MANY_FACTORS)):
        with pytest.raises(SubmissionError):
            getattr(submission.metrics, name)(*points, **FEW.get(name, {}))
    if name in OF_TEST_POINTS:
        for points in ((MANY_CODES, value), (value, MANY_FACTORS)):
            with pytest.raises(SubmissionError):
                getattr(submission.metrics, name)(CODES, FACTORS, *points)


def test_a_word_that_only_training_points_have_costs_no_accuracy() -> None:
    labels = np.arange(90) % 3 + 1
    labels[np.random.RandomState(0).permutation(90)[0]] = 0
    codes = np.stack([labels, labels], axis=1) + 0.0
    words = np.stack([WORDS[labels], WORDS[labels]], axis=1)
    assert downstream(codes, words)["mean_test_accuracy"] == 1
    assert dci(codes, words)["informativeness_test"] == 1


@pytest.mark.parametrize("name", OF_TEST_POINTS)
def test_test_points_with_other_columns_are_refused(name: str) -> None:
    function = getattr(submission.metrics, name)
    with pytest.raises(SubmissionError, match="3 columns of factors, test points 2"):
        function(MANY_CODES, MANY_FACTORS, CODES, FACTORS[:, :2])
    with pytest.raises(SubmissionError, match="3 columns of codes, test points 2"):
        function(MANY_CODES, MANY_FACTORS, CODES[:, :2], FACTORS)


def test_parts_are_matched_by_the_names_of_their_columns() -> None:
    first = {"colour": ["red", "blue"], "size": [3, 5]}
    train, test = as_factors_arrays([first, {"size": [5, 7], "colour": ["green", "red"]}], "factors")
    assert train.tolist() == [[2, 3], [0, 5]]
    assert test.tolist() == [[1, 5], [2, 7]]
    rows = as_factors_arrays([first, [["green", 5], ["red", 7]]], "factors")
    assert rows[0][:, 0].tolist() == train[:, 0].tolist()
    days = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")
    one, other = as_factors_arrays([days, days[::-1].astype("datetime64[s]")], "factors")
    assert one.tolist() == other[::-1].tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([{"a": ["x"]}, {"b": ["x"]}], "have the columns a in one part and b in another"),
        ([{"a": ["x"]}, np.array([["x", "y"]])], "have the columns a in one part and 0, 1"),
        ([np.array(["2020-01-01"], "datetime64[D]"), [3]], "factor 0 of factors is of different types"),
        ([{"a": [1, 2], "b": [1]}], "columns of 1 and 2 values"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(parts: list[Any], message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        as_factors_arrays(parts, "factors")


def test_missing_values_of_every_kind_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    words = [
        pandas.array(["x", None], dtype="string"),
        pandas.Categorical(["x", None]),
        np.array(["x", np.nan], object),
    ]
    others = [pandas.array([True, None], dtype="boolean"), pandas.to_datetime(["2020-01-01", None])]
    for column in (*words, *others):
        with pytest.raises(SubmissionError, match="factor 0 of f has no value in row 1"):
            as_factors_array(pandas.DataFrame({"a": column}), "f")
