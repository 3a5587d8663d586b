"""Files of the original size, side by side with disentanglement_lib: minutes and gigabytes, so marked slow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from submission import reference
from submission.data import GroundTruthDataset, load, originals
from submission.data.readers import smallnorb
from submission.data.synthetic.dsprites import SIZES, render

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not reference.installed(), reason=f"no disentanglement_lib; {reference.INSTALL}"),
]


def assert_same(name: str, root: Path, **options: object) -> None:
    """The same seed gives the same factors and images."""
    ours, theirs = load(name, root, **options), reference.load_data(name, root)
    assert isinstance(ours, GroundTruthDataset)
    factors, images = ours.sample(256, np.random.RandomState(0))
    expected = theirs.sample(256, np.random.RandomState(0))
    np.testing.assert_array_equal(factors, expected[0])
    np.testing.assert_allclose(images, expected[1], atol=1e-7, rtol=0)


def test_dsprites(tmp_path: Path, write: SimpleNamespace) -> None:
    packed = render()
    write.dsprites(tmp_path, packed, SIZES)
    np.testing.assert_array_equal(load("dsprites_full", tmp_path).packed, packed)
    assert_same("dsprites_full", tmp_path)


def test_cars3d(tmp_path: Path, write: SimpleNamespace) -> None:
    random = np.random.RandomState(0)
    coarse = random.randint(0, 256, (183, 16, 16, 3, 24, 4)).astype(np.uint8)
    write.cars(tmp_path, {f"car_{n:03}_mesh.mat": c.repeat(8, axis=0).repeat(8, axis=1) for n, c in enumerate(coarse)})
    assert_same("cars3d", tmp_path)


def test_smallnorb(tmp_path: Path, write: SimpleNamespace) -> None:
    random = np.random.RandomState(0)
    labels = np.stack(np.unravel_index(random.permutation(48_600), smallnorb.ALL_SIZES), axis=1)
    coarse = (255 * (random.random_sample((48_600, 1, 12, 12)) > 0.5)).astype(np.uint8)
    images = np.repeat(coarse.repeat(8, axis=2).repeat(8, axis=3), 2, axis=1)
    halves = zip(originals.SMALLNORB_CHUNKS, np.split(np.arange(48_600), 2), strict=True)
    write.smallnorb(tmp_path, [(chunk, images[part], labels[part]) for chunk, part in halves])
    assert_same("smallnorb", tmp_path, literal=True)
