"""A run on a data set that its user loaded with options finds the same images again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import submission
from submission.configuration import load
from submission.data import GroundTruthDataset, ImageDataset, from_arrays, registry
from submission.errors import UsageError

TINY = ["train.steps = 2", "train.batch_size = 8", "model.space = 'R^2'", "model.networks = 'mlp_small'"]
TINY += ["objective.name = 'beta_vae'", "train.precision = 'float32'"]


def trained(out: Path, data: ImageDataset, *binds: str) -> submission.Run:
    """A run of two updates on ``data``."""
    return submission.train("demo", out, bind=[*TINY, *binds], data=data, device="cpu")


def same_images(found: ImageDataset, data: ImageDataset) -> bool:
    """Whether both have the same images, evenly spaced ones, and the same cycles."""
    chosen = np.linspace(0, len(data) - 1, 32).astype(np.int64)
    cycles = [getattr(dataset, "periodic", ()) for dataset in (found, data)]
    return np.array_equal(found.images(chosen), data.images(chosen)) and cycles[0] == cycles[1]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("torus_pictures", {"seed": 3}),
        ("torus_pictures", {"seed": np.int64(3), "pictures": 2}),
        ("dsprites_small", {"periodic_orientation": True}),
        ("dsprites_tiny", {}),
    ],
)
def test_a_run_loads_the_data_set_it_was_given(name: str, options: dict[str, object], tmp_path: Path) -> None:
    data = submission.load_data(name, **options)
    run = trained(tmp_path / "run", data)
    assert same_images(run.dataset(), data)
    assert run.meta.dataset.options == run.settings.data.options == options
    again = trained(tmp_path / "again", run.dataset())
    assert again.settings.data == run.settings.data


def test_options_that_are_bound_apply_to_data_that_is_named(tmp_path: Path) -> None:
    data = submission.load_data("torus_pictures", seed=3)
    bind = [*TINY, {"data.seed": 3}]
    run = submission.train("demo", tmp_path / "run", bind=bind, data="torus_pictures", device="cpu")
    assert same_images(run.dataset(), data)
    again = submission.train(run.settings, tmp_path / "again", data="torus_pictures", device="cpu")
    assert again.settings.data == run.settings.data
    with pytest.raises(UsageError, match=r"has no option 'sead'"):
        submission.train("demo", tmp_path / "no", bind=[*TINY, {"data.sead": 3}], data="torus_pictures")


def test_options_of_the_configuration_do_not_replace_those_of_the_data(tmp_path: Path) -> None:
    data = submission.load_data("torus_pictures", seed=3)
    run = trained(tmp_path / "run", data, "data.name = 'torus_pictures'", "data.seed = 1", "data.cutoff = 2.0")
    assert same_images(run.dataset(), data)


def test_a_run_resumes_with_the_data_set_or_without_it(tmp_path: Path) -> None:
    data = submission.load_data("torus_pictures", seed=3)
    run = trained(tmp_path / "run", data)
    for steps, given in ((3, data), (4, None)):
        settings = load([str(run.config_file)], [f"train.steps = {steps}"])
        submission.train(settings, run.path, data=given, resume=True, device="cpu")
        assert run.meta.training.steps == steps


def test_a_folder_of_pictures_keeps_its_cycles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    for angle in range(8):
        Image.fromarray(np.eye(8, dtype=np.uint8)[[angle] * 8] * 255).save(tmp_path / "pictures" / f"{angle}.png")
    table = "file,angle\n" + "".join(f"{angle}.png,{angle}\n" for angle in range(8))
    (tmp_path / "pictures" / "factors.csv").write_text(table)
    monkeypatch.chdir(tmp_path)
    data = submission.load_data("./pictures", periodic="angle")
    run = trained(tmp_path / "run", data)
    assert same_images(run.dataset(), data)
    assert run.meta.dataset.periodic == (True,)


def test_arrays_have_no_options(tmp_path: Path) -> None:
    data = from_arrays(np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8))
    assert trained(tmp_path / "run", data).meta.dataset.options == {}


def test_an_option_that_no_configuration_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(name: str, root: Path, function: object = None) -> ImageDataset:
        return from_arrays(np.eye(32, 64, dtype=np.uint8).reshape(32, 8, 8), name=name)

    monkeypatch.setitem(registry.REGISTRY, "shifted", registry.Entry(shifted, "for the test"))
    with pytest.raises(UsageError, match="which a configuration cannot hold"):
        trained(tmp_path / "run", submission.load_data("shifted", function=len))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [None, "dsprites_small", "the data set"])
def test_a_run_is_scored_on_the_images_it_was_trained_on(given: str | None, tmp_path: Path) -> None:
    data = submission.load_data("dsprites_small", periodic_orientation=True)
    run = trained(tmp_path / "run", data)
    own = data if given == "the data set" else given
    assert isinstance(data, GroundTruthDataset)
    results = submission.evaluate(run, data=own, metrics=["mig"], preset="fast", baselines=False)
    assert results.record.data.periodic == tuple(data.periodic)
    assert results.path is not None
    assert results.path.name == "fast-0-mig.json"
