"""The pictures of docs/metrics.md: one for every metric, made by the script, and as the metrics compute them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from submission import metrics
from submission.metrics.angular_error import angles
from submission.metrics.registry import REGISTRY
from submission.plots.style import styled
from tests.script import load_script

matplotlib = pytest.importorskip("matplotlib")
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text()
FOLDER = ROOT / "docs" / "results" / "metrics"
EMBEDDED = re.compile(r"!\[([^]]+)\]\(results/metrics/(\w+)\.svg\)")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/metric_pictures.py as a module."""
    return load_script("scripts/metric_pictures.py")


@pytest.fixture(scope="module")
def shared(script: ModuleType) -> ModuleType:
    """What the script's drawings share."""
    return sys.modules["metric_drawings.panels"]


def sections() -> dict[str, str]:
    """Heading of each section of the page → its text."""
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_the_page_embeds_what_the_script_makes(script: ModuleType) -> None:
    embedded = [name for _, name in EMBEDDED.findall(PAGE)]
    assert sorted(embedded) == sorted(script.PICTURES)
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{name}.svg" for name in script.PICTURES)


def test_every_metric_has_a_picture_in_its_section(script: ModuleType) -> None:
    explained = {metric for picture in script.PICTURES.values() for metric in picture.metrics}
    assert explained == set(REGISTRY)
    for heading, text in sections().items():
        found = [name for _, name in EMBEDDED.findall(text)]
        own = [metric for metric in heading.split(", ") if metric in REGISTRY]
        assert len(found) == bool(own or heading == "udr"), heading
        assert not own or set(own) <= set(script.PICTURES[found[0]].metrics)


@pytest.mark.parametrize("name", ["mig", "d_lsbd", "udr"])
def test_a_picture_is_the_same_when_drawn_again(script: ModuleType, name: str, tmp_path: Path) -> None:
    assert script.main([name, "--out", str(tmp_path)]) == 0
    assert (tmp_path / f"{name}.svg").read_bytes() == script.make(name, tmp_path / "again").read_bytes()


def test_the_picture_in_the_repository_is_what_the_script_draws(script: ModuleType, tmp_path: Path) -> None:
    recorded = re.search(r"matplotlib ([\d.]+), numpy ([\d.]+)", PAGE)
    assert recorded is not None
    if recorded.groups() != (matplotlib.__version__, np.__version__):
        pytest.skip(f"drawn with matplotlib {recorded[1]} and numpy {recorded[2]}")
    # mutual information counts points, so no linear algebra library changes a bit of it
    assert script.make("mig", tmp_path).read_bytes() == (FOLDER / "mig.svg").read_bytes()


def test_numbers_of_a_logarithmic_axis_are_plain(script: ModuleType) -> None:
    figure = styled(script.information.dci_es)()
    figure.canvas.draw()
    labels = [label.get_text() for axes in figure.axes for label in axes.get_xticklabels()]
    assert "64" in labels
    assert not any("$" in label for label in labels)


def test_titles_have_the_values_of_the_metric(script: ModuleType, shared: ModuleType) -> None:
    factors = shared.grid()
    made = shared.representations(factors)
    titles = [axes.get_title(loc="left") for axes in styled(script.leading.mig)().axes]
    values = [metrics.mig(codes, factors)["discrete_mig"] for codes in made.values()]
    assert titles == [f"{name}\nMIG {value:.2f}" for name, value in zip(made, values, strict=True)]


def test_the_points_turned_back_give_d_lsbd(script: ModuleType, shared: ModuleType) -> None:
    factor, made = script.cycles.cycle()
    for codes in made.values():
        scores = metrics.d_lsbd(codes, factor)
        frequency = int(scores.details["frequency"][0])
        back = script.cycles.turned_back(script.cycles.plane_of(codes), angles(factor[:, 0], shared.TURN), frequency)
        assert 1 - abs(back.mean()) ** 2 == pytest.approx(scores["d_lsbd"], abs=1e-9)


def test_bars_of_deviation_give_irs(script: ModuleType, shared: ModuleType) -> None:
    factors = shared.grid()
    panels = styled(script.leading.irs)().axes
    for axes, codes in zip(panels, shared.representations(factors).values(), strict=True):
        bars = np.array([[bar.get_height() for bar in group] for group in axes.containers]).T
        lines = np.abs(codes - codes.mean(axis=0)).max(axis=0)
        score = np.average(1 - bars.min(axis=1) / lines, weights=lines)
        assert score == pytest.approx(metrics.irs(codes, factors)["IRS"])
