"""Data sets whose observation draws random numbers: hidden factors, noise. The draws must interleave as theirs do."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from submission import reference
from submission.data import Factor, GroundTruthDataset
from submission.data.dataset import Images, Indices
from submission.metrics.registry import metric
from submission.metrics.sampling import GridSampler, ImageSource, IndexSource, dataset_source

SIZES = (5, 4, 9)


@dataclasses.dataclass(eq=False)
class Plain(GroundTruthDataset):
    """Tiny images that spell their factors."""

    name: str = "plain"
    factors_of_variation: tuple[Factor, ...] = tuple(Factor(str(size), size) for size in SIZES)
    image_shape: tuple[int, int, int] = (4, 4, 1)

    def images(self, indices: Indices) -> Images:
        """Three pixels hold the factors, the rest is a constant."""
        cells = np.asarray(indices) % int(np.prod(SIZES))
        pictures = np.full((len(cells), 16), 7, np.uint8)
        pictures[:, :3] = 20 * np.stack(np.unravel_index(cells, SIZES), axis=1)
        pictures[:, 3] = 10 * (np.asarray(indices) // int(np.prod(SIZES)))
        return pictures.reshape(-1, 4, 4, 1)


@dataclasses.dataclass(eq=False)
class Hidden(Plain):
    """A fourth factor of six values that nobody is told."""

    name: str = "hidden"
    random_observation: ClassVar[bool] = True

    def __len__(self) -> int:
        """Observed cells times hidden values."""
        return 6 * super().__len__()

    def draw_indices(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.int64]:
        """The hidden value is drawn here."""
        return self.indices(factors) + int(np.prod(SIZES)) * random_state.randint(6, size=len(factors))


@dataclasses.dataclass(eq=False)
class Noisy(Plain):
    """Images under noise."""

    name: str = "noisy"
    random_observation: ClassVar[bool] = True

    def sample_observations_from_factors(
        self, factors: npt.NDArray[np.integer], random_state: np.random.RandomState
    ) -> npt.NDArray[np.float64]:
        """Float64, as disentanglement_lib's noisy variants are."""
        clean = super().sample_observations_from_factors(factors, random_state)
        return np.minimum(clean + random_state.uniform(0, 0.3, clean.shape), 1.0)


def encode(images: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The first row of pixels, mixed, one image at a time, so that the batch cannot matter."""
    row = images.astype(np.float32)[:, 0, :, 0]
    return np.stack([row[:, 0], row[:, 1] + row[:, 3], row[:, 2] * row[:, 1], row[:, 3] + row[:, 0] ** 2], axis=1)


SETTINGS = {
    "mig": {"num_train": 900},
    "irs": {"num_train": 900},
    "sap": {"num_train": 500, "num_test": 300},
    "unsupervised": {"num_train": 900},
    "factor_vae": {"num_train": 300, "num_eval": 150, "num_variance_estimate": 800, "batch_size": 32},
    "beta_vae": {"num_train": 300, "num_eval": 150, "batch_size": 32},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("kind", "source"), [(Plain, IndexSource), (Hidden, IndexSource), (Noisy, ImageSource)])
def test_the_same_number(name: str, kind: type[Plain], source: type) -> None:
    dataset = kind()
    settings = dataclasses.replace(metric(name).settings, **SETTINGS[name])
    found = dataset_source(dataset, encode, batch_size=100)
    assert isinstance(found, source)
    found.chunk = 77  # chunks that end inside batches of the protocol
    ours = metric(name).score(GridSampler(found, 3), settings).values
    named = {key: value for key, value in dataclasses.asdict(settings).items() if key != "era"}
    theirs = reference.score(name, dataset, encode, named, 3)
    for key in set(theirs) - {"num_active_dims"}:
        assert ours[key] == pytest.approx(float(theirs[key]), abs=1e-6), key


def test_noise_matters_to_the_number() -> None:
    """The comparison above is not vacuous: another order of draws gives another number."""
    settings = dataclasses.replace(metric("mig").settings, num_train=900)
    scores = {
        metric("mig").score(GridSampler(ImageSource(Noisy(), encode), seed), settings).values["discrete_mig"]
        for seed in range(3)
    }
    assert len(scores) == 3
