"""dSprites: the rendered grid against real images, and the reader against a file in the original layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from submission.data import GroundTruthDataset, load
from submission.data.synthetic.dsprites import SMALL, TINY, render

CHECKSUMS = json.loads((Path(__file__).parent / "dsprites_checksums.json").read_text())
WHITE_PIXELS = 128_328_862  # of the original file: its published mean times 737280 x 4096


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> GroundTruthDataset:
    return load("dsprites_full", tmp_path_factory.mktemp("empty"))


def test_a_handful_of_real_images_by_checksum(full: GroundTruthDataset) -> None:
    for case in CHECKSUMS["images"]:
        image = full.images(full.indices(np.array([case["classes"]])))
        assert hashlib.sha256(image.tobytes()).hexdigest() == case["sha256"], case["classes"]


def test_all_real_images_at_hand_are_pixel_identical(full: GroundTruthDataset, shared_data: Path) -> None:
    with np.load(shared_data / "dsprites" / "dsprites_real_313.npz") as real:
        rendered = full.images(full.indices(real["latents_classes"][:, 1:]))
        np.testing.assert_array_equal(rendered[..., 0], real["imgs"])


def test_the_number_of_white_pixels_is_the_original_files(full: GroundTruthDataset) -> None:
    assert full.packed is not None
    white = sum(int.from_bytes(block.tobytes()).bit_count() for block in np.array_split(full.packed, 64))
    assert abs(white - WHITE_PIXELS) <= 10


def test_the_grid_is_dsprites_own(full: GroundTruthDataset) -> None:
    assert full.factor_names == ("shape", "scale", "orientation", "posX", "posY")
    assert full.factor_sizes == (3, 6, 40, 32, 32)
    assert len(full) == 737_280
    assert full.packed is not None
    assert full.packed.nbytes <= 400e6
    assert full.maximum == 1


def test_orientation_ends_where_it_began(full: GroundTruthDataset) -> None:
    cells = np.array([[2, 3, 0, 10, 20], [2, 3, 39, 10, 20]])
    first, last = full.images(full.indices(cells))
    np.testing.assert_array_equal(first, last)


@pytest.mark.parametrize(
    ("name", "classes", "sizes"),
    [("dsprites_small", SMALL, (3, 3, 13, 8, 8)), ("dsprites_tiny", TINY, (3, 3, 2, 8, 5))],
)
def test_a_part_of_the_grid_has_the_full_grids_images(
    full: GroundTruthDataset, name: str, classes: tuple[Sequence[int], ...], sizes: tuple[int, ...]
) -> None:
    part = load(name)
    assert part.factor_sizes == sizes
    cells = part.factors(np.arange(len(part)))
    own = np.stack([np.asarray(classes[k])[column] for k, column in enumerate(cells.T)], axis=1)
    assert part.packed is not None
    assert full.packed is not None
    np.testing.assert_array_equal(part.packed, full.packed[full.indices(own)])


def test_position_moves_right_and_down() -> None:
    at = np.unpackbits(render(([2], [0], [0], [0, 31], [0, 31])), axis=1).reshape(2, 2, 64, 64)
    left, right = at.any(axis=2).argmax(axis=2)[:, 0]
    top, bottom = at.any(axis=3).argmax(axis=2)[0]
    assert (right - left, bottom - top) == (32, 32)


def test_the_last_orientation_is_the_first_and_can_be_dropped(full: GroundTruthDataset, tmp_path: Path) -> None:
    """40 orientations hold a full turn twice; without the last one they are a cycle, and every image is kept as is."""
    cells = np.random.RandomState(0).randint(full.factor_sizes, size=(500, 5))
    cells[:, 2] = 39
    first = cells.copy()
    first[:, 2] = 0
    np.testing.assert_array_equal(full.images(full.indices(cells)), full.images(full.indices(first)))
    cycle = load("dsprites_full", tmp_path, periodic_orientation=True)
    assert isinstance(cycle, GroundTruthDataset)
    assert len(cycle) == 718_848
    assert cycle.factor_sizes == (3, 6, 39, 32, 32)
    assert cycle.periodic == (False, False, True, False, False)
    assert not any(full.periodic)
    cells[:, 2] = np.random.RandomState(1).randint(39, size=500)
    np.testing.assert_array_equal(cycle.images(cycle.indices(cells)), full.images(full.indices(cells)))
    heart = np.array([(2, 5, k, 16, 16) for k in (*range(39), 0)])
    steps = np.abs(np.diff(cycle.observations(cycle.indices(heart)), axis=0)).sum(axis=(1, 2, 3))
    assert 0 < steps[-1] <= 1.3 * np.median(steps)  # from the last orientation to the first as between others


@pytest.mark.parametrize("name", ["dsprites_small", "dsprites_full", "dsprites_noshape", "color_dsprites"])
def test_all_of_the_family_can_have_a_cycle(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (3, 2, 40, 2, 2)
    if name != "dsprites_small":
        small = render(tuple(map(range, sizes)))
        monkeypatch.setattr("submission.data.synthetic.dsprites.SIZES", sizes)
        monkeypatch.setattr("submission.data.synthetic.dsprites.render", lambda: small)
    dataset = load(name, tmp_path, periodic_orientation=True)
    assert isinstance(dataset, GroundTruthDataset)
    marks = dict(zip(dataset.factor_names, dataset.periodic, strict=True))
    assert [factor for factor, mark in marks.items() if mark] == ["orientation"]
    assert dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))["orientation"] in (13, 39)
    factors, images = dataset.sample(8, np.random.RandomState(0))
    assert images.shape == (8, *dataset.image_shape)
    assert factors.shape == (8, dataset.num_factors)
