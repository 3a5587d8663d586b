"""Users' own arrays of images and factors: grids, classes, channels, floats, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from submission.data import GroundTruthDataset, from_arrays, require_factors
from submission.errors import SubmissionError

ROWS = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
IMAGES = np.random.RandomState(0).randint(0, 256, (24, 5, 6, 3)).astype(np.uint8)
FLOATS = np.random.RandomState(1).random_sample((24, 5, 6, 3)).astype(np.float32)


def grid(*arguments: Any, **options: Any) -> GroundTruthDataset:
    """A data set with factors from arrays."""
    dataset = from_arrays(*arguments, **options)
    assert isinstance(dataset, GroundTruthDataset)
    return dataset


def test_a_shuffled_full_grid_is_put_in_order() -> None:
    order = np.random.RandomState(1).permutation(24)
    dataset = grid(IMAGES[order], ROWS[order], ["a", "b", "c"], [False, True, False])
    assert dataset.full_grid
    assert dataset.factor_sizes == (2, 3, 4)
    assert dataset.periodic == (False, True, False)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


def test_grey_and_binary_images_without_factors() -> None:
    dataset = from_arrays(IMAGES[..., 0] > 128)
    assert (dataset.image_shape, dataset.maximum, len(dataset)) == ((5, 6, 1), 1, 24)
    with pytest.raises(SubmissionError, match="arrays has no ground-truth factors, which MIG requires"):
        require_factors(dataset, "MIG")


@pytest.mark.parametrize("shift", [1, -3, 2**40])
def test_classes_need_not_begin_at_zero(shift: int) -> None:
    """They are renumbered, the grid stays full, and the original values are the labels."""
    dataset = grid(IMAGES, 10 * ROWS + shift)
    assert dataset.full_grid
    assert dataset.factor_sizes == (2, 3, 4)
    assert dataset.factors_of_variation[1].labels == (shift, shift + 10, shift + 20)
    np.testing.assert_array_equal(dataset.factors(np.arange(24)), ROWS)
    np.testing.assert_array_equal(dataset.factor_values(ROWS), 10 * ROWS + shift)


def test_classes_from_zero_have_no_labels() -> None:
    assert [factor.labels for factor in grid(IMAGES, ROWS).factors_of_variation] == [(), (), ()]


def test_words_are_classes() -> None:
    words = np.array(["cube", "ball"] * 12)
    factor = grid(IMAGES, words, ["shape"]).factors_of_variation[0]
    assert (factor.size, factor.labels, factor.continuous) == (2, ("ball", "cube"), False)


@pytest.mark.parametrize(
    ("values", "size"), [([0, 90, 180, 270], 4), ([1, 2, 3, 4], 4), ([0, 1, 2, 4], 5), ([10, 20, 40, 50], 5)]
)
def test_a_cycle_keeps_its_angles(values: list[int], size: int) -> None:
    """A missing step of a cycle counts, because value k of n stands for the angle 2πk/n."""
    column = np.array(values)[np.arange(24) % 4]
    dataset = grid(IMAGES, column, periodic=[True])
    factor = dataset.factors_of_variation[0]
    assert factor.size == size
    np.testing.assert_array_equal(dataset.factor_values(dataset.factors(np.arange(24)))[:, 0], column)


def test_a_gap_in_classes_that_form_no_cycle_is_closed() -> None:
    factor = grid(IMAGES, np.array([0, 1, 2, 4])[np.arange(24) % 4]).factors_of_variation[0]
    assert (factor.size, factor.labels) == (4, (0, 1, 2, 4))


def test_real_values_are_continuous_factors() -> None:
    values = np.random.RandomState(0).normal(size=(24, 2))
    dataset = grid(IMAGES, values, ["x", "y"])
    assert dataset.continuous == (True, True)
    np.testing.assert_array_equal(dataset.factor_values(dataset.factors(np.arange(24))), values)
    classes = grid(IMAGES, ROWS.astype(float), continuous=[False, False, True])
    assert classes.continuous == (False, False, True)
    assert classes.full_grid


def test_floats_in_unit_range_keep_their_values() -> None:
    dataset = from_arrays(FLOATS)
    np.testing.assert_array_equal(dataset.observations(np.arange(24)), FLOATS)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), np.rint(FLOATS * 255).astype(np.uint8))
    assert not dataset.byte_valued


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_that_are_bytes_are_kept_as_bytes(kind: type) -> None:
    dataset = from_arrays((IMAGES > 128).astype(kind))
    assert dataset.maximum == 1
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES > 128)
    dataset = from_arrays(IMAGES / np.float32(255))
    assert dataset.byte_valued
    np.testing.assert_array_equal(dataset.images(np.arange(24)), IMAGES)


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_is_recognised(channels: int, caplog: pytest.LogCaptureFixture) -> None:
    images = IMAGES[..., :channels]
    dataset = from_arrays(np.moveaxis(images, 3, 1))
    assert dataset.image_shape == (5, 6, channels)
    np.testing.assert_array_equal(dataset.images(np.arange(24)), images)
    assert "read as (n, channels, height, width)" in caplog.text


@pytest.mark.parametrize("shape", [(9, 3, 8, 3), (9, 8, 8, 8), (9, 1, 1, 1), (9, 64, 64, 64)])
def test_a_shape_that_does_not_say_where_the_channels_are_is_refused(shape: tuple[int, ...]) -> None:
    images = np.zeros(shape, np.uint8)
    with pytest.raises(SubmissionError, match=r"in which the channel axis is ambiguous — pass layout=.*\.from_arrays"):
        from_arrays(images)
    assert from_arrays(images, layout="NHWC").image_shape == shape[1:]
    assert from_arrays(images, layout="NCHW").image_shape == (*shape[2:], shape[1])


@pytest.mark.parametrize(
    ("images", "factors", "message"),
    [
        (IMAGES.astype(np.float32), None, r"'images' of arrays has values from 0 to 255, outside \[0, 1\] — scale"),
        (FLOATS * 2 - 1, None, r"'images' of arrays has values from -.*, outside \[0, 1\]"),
        (FLOATS * np.nan, None, "'images' of arrays has values that are not finite"),
        (IMAGES.astype(np.int64) * 2, None, "'images' of arrays is 24x5x6x3 int64 — pass uint8, bool, or floats"),
        (IMAGES.astype(complex), None, "'images' of arrays is 24x5x6x3 complex128"),
        (IMAGES[0, :, :, 0], None, "'images' of arrays is 5x6 uint8"),
        (IMAGES[:0], None, "'images' of arrays is 0x5x6x3 uint8"),
        (IMAGES, ROWS[:5], "factor 'factor 0' of arrays is 5 int64 — give one number or word for each of 24 images"),
        (IMAGES, ROWS * np.nan, "factor 'factor 0' of arrays has values that are not finite"),
        (IMAGES, ROWS.astype(complex), "factor 'factor 0' of arrays is 24 complex128"),
        (IMAGES, np.zeros((24, 65), int), "arrays has 65 factors, more than 32 — leave factors out"),
        (IMAGES, np.zeros((24, 0), int), "'factors' of arrays is 24x0 int64"),
        (IMAGES, np.zeros((24, 2, 2), int), "'factors' of arrays is 24x2x2 int64"),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray, factors: np.ndarray | None, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        from_arrays(images, factors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor_names": ["a"]}, "'factor_names' of arrays is not a list of 3 names"),
        ({"factor_names": ["a", "b", "a"]}, "two factors of arrays are called 'a'"),
        ({"factor_names": ["a", "b", ""]}, "has the name ''"),
        ({"factor_names": ["a", "b", "c\x1b[2J"]}, r"has the name 'c\\+x1b"),
        ({"factor_names": ["a", "b", "c" * 1_000_000]}, "has the name 'c{40}…'"),
        ({"factor_names": [["a"], ["b"], ["c"]]}, "is not a list of 3 names"),
        ({"periodic": ["False", "False", "False"]}, "'periodic' of arrays is .* — give True or False for each"),
        ({"periodic": [float("nan")] * 3}, "'periodic' of arrays is .* — give True or False for each"),
        ({"periodic": [True]}, "'periodic' of arrays is"),
        ({"continuous": [0, 1, 0]}, "'continuous' of arrays is"),
    ],
)
def test_names_and_marks_must_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SubmissionError, match=message) as caught:
        from_arrays(IMAGES, ROWS, **options)
    assert len(str(caught.value)) < 300
