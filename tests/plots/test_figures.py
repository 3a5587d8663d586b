"""Figures are drawn for every latent space, equal byte for byte, and without matplotlib's global state."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from submission.data import from_arrays
from submission.errors import SubmissionError, UsageError
from submission.latent import parse
from submission.models.vae import build
from submission.plots import (
    DARK,
    Encoded,
    codes_and_factors,
    component_curves,
    component_kl,
    decoder,
    encode_dataset,
    heat_maps,
    latent_space,
    matrices_of,
    mosaic,
    prior_samples,
    reconstructions,
    save,
    score_dots,
    to_bytes,
    tradeoff,
    training_curves,
)
from submission.plots.images import as_rgb
from submission.plots.manifolds import parts_of
from submission.plots.studies import Line, SeedRow, histograms, means_and_seeds, rate_grids, seed_dots
from submission.run import read_log, series
from tests.plots.conftest import Make, assert_legible

SPACES = {
    "S^1": ["circle"],
    "T^2": ["flat torus"],
    "T^3": ["flat torus", "circle"],
    "S^2": ["sphere, Hammer projection"],
    "S^5": ["two principal axes of 6 coordinates"],
    "RP^2": ["RP² as a disc"],
    "RP^3": ["RP³ as a ball"],
    "SO(3)": ["SO(3) as a ball"],
    "Torus": ["torus in R³"],
    "R^1": ["R¹"],
    "R^2": ["R²"],
    "R^3": ["R³"],
    "R^6": ["R²"],
    "ISA(2x2)": ["R²"],
    "Klein": ["Klein, fundamental domain"],
    "O(2)": ["two principal axes of 4 coordinates"],
    "S^2 x T^2 x R^2": ["sphere, Hammer projection", "flat torus", "R²"],
}


LONG = "β-VAE, a method with a long name, β = Geometric(start=30, stop=2, fraction=0.8)"


@pytest.mark.parametrize("spec", SPACES)
def test_every_space_has_its_picture(spec: str, make: Make) -> None:
    model, encoded = make(spec)
    parts = parts_of(encoded)
    assert sorted(part.charts[0].name for part in parts) == sorted(SPACES[spec])
    assert [part.kl for part in parts] == sorted((part.kl for part in parts), reverse=True)
    assert to_bytes(latent_space(encoded, decoder(model)), dpi=40).startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_is_the_same_file(kind: str, make: Make) -> None:
    model, encoded = make("T^2")
    first, second = (to_bytes(latent_space(encoded, decoder(model), theme=DARK), kind, 60) for _ in range(2))
    assert first == second
    assert b"2026" not in first[:400]


@pytest.mark.system
def test_global_state_of_matplotlib_is_left_alone() -> None:
    program = """
import sys
from submission.plots import score_dots, to_bytes
import matplotlib
matplotlib.rcParams["font.size"] = 31
settings = lambda: {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}
before = settings()
to_bytes(score_dots({"a": {"mig": [0.1, 0.2]}}, ["mig"]))
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_settings_of_the_user_do_not_change_figures() -> None:
    import matplotlib

    plain = to_bytes(score_dots({"a": {"mig": [0.1, 0.2]}}, ["mig"]))
    with matplotlib.rc_context({"font.size": 40, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert to_bytes(score_dots({"a": {"mig": [0.1, 0.2]}}, ["mig"])) == plain


def test_a_figure_is_saved_in_the_format_of_its_ending(tmp_path: Path) -> None:
    figure = score_dots({"a": {"mig": [0.1]}}, ["mig"])
    assert save(figure, tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
    assert b"<svg" in save(figure, str(tmp_path / "x.svg")).read_bytes()
    with pytest.raises(UsageError, match="'gif'"):
        save(figure, tmp_path / "x.gif")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_images_of_any_number_of_channels_are_shown(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, channels), np.uint8)
    model = build("mlp_small", parse("R^2"), (64, 64, channels)).eval()
    dataset = from_arrays(images, layout="NHWC")
    encoded = encode_dataset(model, dataset)
    batch = torch.from_numpy(dataset.observations(np.arange(6))).movedim(3, 1)
    for figure in (reconstructions(model, batch), prior_samples(model, 1, 3), latent_space(encoded, decoder(model))):
        assert to_bytes(figure, dpi=30)
    assert as_rgb(images).shape == (6, 64, 64, 3)


def test_mosaic_puts_every_image_where_it_belongs() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1).repeat(4, 2).repeat(5, 3)
    picture = mosaic(images)
    assert picture.shape == (2 * 4 + 2, 3 * 5 + 4, 3)
    for row in range(2):
        for column in range(3):
            top, left = row * 6, column * 7
            assert (picture[top : top + 4, left : left + 5] == images[row, column, 0, 0, 0]).all()


def test_one_logged_step_is_a_dot_that_is_seen() -> None:
    figure = training_curves({"run": [{"step": 3, "kl": 2.0}]})
    (line,) = figure.axes[0].lines
    assert line.get_marker() == "o"
    assert component_curves([{"step": 3, "kl": [0.5, 0.001]}], ["R^1", "S^1"]).axes[0].lines[0].get_marker() == "o"


@pytest.mark.parametrize("last", [60, 8_000, 2_000_000])
@pytest.mark.parametrize(
    "runs", [("a",), (*"abcd", "β-VAE, a method with a long name, β = Geometric(start=30, stop=2, fraction=0.8)")]
)
def test_curves_are_legible(last: int, runs: Sequence[str]) -> None:
    """Also with a panel of held-out images, after many updates, and with a legend of long names."""
    steps = range(0, last + 1, last // 5)
    log = [{"step": step, "reconstruction": 500.0, "kl": 3.0, "images_per_second": 1e4} for step in steps]
    held_out = [{"step": step, "elbo": -520.0} for step in steps] if len(runs) == 1 else []
    assert_legible(training_curves(dict.fromkeys(runs, log), held_out))
    assert_legible(component_curves([{"step": step, "kl": [0.5, 0.1]} for step in steps], ["R^1", "S^1"]))


@pytest.mark.parametrize("count", [2, 24])
def test_long_names_of_many_methods_are_legible(count: int) -> None:
    methods = [f"{LONG}, k = {number}" for number in range(count)]
    seeds = {"mig": [0.0, 1.0], "dci": [0.2, 0.3], "sap": [0.1], "factor_vae": [0.5], "irs": [0.4]}
    assert_legible(score_dots(dict.fromkeys(methods, seeds), list(seeds)))
    assert_legible(tradeoff({method: [(500.0 + place, place)] for place, method in enumerate(methods)}))
    lines = [Line(method, [("", [1.0], [place]), ("", [2.0], [place])]) for place, method in enumerate(methods)]
    assert_legible(means_and_seeds(lines, "β", "MIG"))
    assert_legible(seed_dots([SeedRow(method, seeds) for method in methods[:4]], dict.fromkeys(seeds, LONG)))
    assert_legible(histograms({method: {name: [0.0, 1.0] for name in methods} for method in methods[:2]}))
    assert_legible(rate_grids({method: {("1", "2"): [0.0, 1.0]} for method in methods[:3]}, "β", "N"))


def test_no_two_methods_have_the_same_colour_and_mark() -> None:
    figure = tradeoff({str(place): [(place, 0.1)] for place in range(20)})
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == 20


@pytest.mark.parametrize(("seeds", "name"), [(2, "mean"), (3, "mean with 95 % interval")])
def test_the_key_has_an_interval_where_one_is_drawn(seeds: int, name: str) -> None:
    figure = seed_dots([SeedRow("a", {"mig": [0.1, 0.2, 0.3][:seeds]})], {"mig": "MIG"})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one seed", name]


def test_figures_of_nothing_are_empty_and_no_error() -> None:
    for figure in (training_curves({}), component_curves([], []), heat_maps({}), score_dots({}, []), tradeoff({})):
        assert to_bytes(figure, dpi=30)


def test_a_log_cut_short_by_a_crash_is_read(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(b'null\n\xff\xfe\n{"step": 1, "kl": 2.0}\n{"step": 2, "k')
    assert series(read_log(log), "kl") == ([1.0], [2.0])


def test_a_thousand_components_are_counted_and_not_drawn(make: Make) -> None:
    encoded = make("R^1000")[1]
    figure = component_kl(encoded)
    assert len(figure.axes[0].patches) == 24
    assert "976 more are not shown" in figure.axes[0].get_title(loc="left")


def test_components_name_the_factor_that_they_know() -> None:
    """A posterior whose centre is one factor's angle knows all of that factor and nothing of the other."""
    sizes, count = (20, 3), 600
    factors = np.random.default_rng(0).integers(0, sizes, (count, 2))
    angle = 2 * np.pi * (factors[:, 0] + 0.5) / 20
    centres = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    space = parse("S^1")
    encoded = Encoded(space, torch.zeros(count, space.parameter_size), centres, np.ones((count, 1)), factors,
                      ("turn", "class"), sizes, (True, False))  # fmt: skip
    share = encoded.information()
    assert share[0, 0] > 0.95
    assert share[0, 1] < 0.1
    assert any("turn" in text.get_text() for text in component_kl(encoded).axes[0].texts)


def test_votes_are_turned_so_that_rows_are_codes() -> None:
    details = {
        "mig": {"mutual_information": [[1.0, 0.0], [0, 1], [0, 0]]},
        "factor_vae": {"votes": [[1, 2, 3], [4, 5, 6]]},
    }
    matrices = matrices_of(details)
    assert [matrix.shape for matrix in matrices.values()] == [(3, 2), (3, 2)]
    assert matrices_of({"mig": {"mutual_information": None}, "dci": {}}) == {}
    assert to_bytes(heat_maps(matrices, ["a", "b"]), dpi=30)


def test_codes_need_factors(make: Make) -> None:
    assert to_bytes(codes_and_factors(make("S^2 x T^2 x R^2")[1]), dpi=30)
    model = build("mlp_small", parse("R^2"), (64, 64, 1))
    encoded = encode_dataset(model, from_arrays(np.zeros((5, 64, 64, 1), np.uint8)))
    with pytest.raises(SubmissionError, match="factors"):
        codes_and_factors(encoded)


def test_a_panel_shows_the_column_whose_information_it_names(make: Make) -> None:
    """A noisy copy of the factor tells its three values apart; the other column has less noise, but only two values."""
    encoded = make("S^2")[1]
    places = np.arange(len(encoded.kl))
    values, noise = places % 3, 0.3 * (places // 3 % 3 - 1)
    split, copy = np.where(values == 2, 1.0, 0.0), values + noise
    columns = np.stack([np.zeros(len(values)), split, copy], axis=1).astype(np.float32)
    known = replace(
        encoded,
        centres=columns,
        factors=values[:, None],
        factor_names=("a",),
        factor_sizes=(3,),
        periodic=(False,),
        labels=(),
    )
    axes = codes_and_factors(known).axes[0]
    shown = np.asarray(axes.collections[0].get_offsets())[:, 1]
    assert sorted(shown) == pytest.approx(sorted(columns[:, 2]))
    assert axes.texts[0].get_text() == "100%, column 3"


def test_classes_are_called_what_the_data_calls_them() -> None:
    words, numbers = ["red", "blue", "a word of many letters"], [1.5, 2.5]
    factors = {"colour": np.repeat(words, 2), "size": np.tile(numbers, 3).astype(str)}
    images = np.random.RandomState(0).randint(0, 255, (6, 8, 8, 1)).astype(np.uint8)
    model = build("mlp_small", parse("S^2"), (8, 8, 1)).eval()
    encoded = encode_dataset(model, from_arrays(images, factors))
    for figure in (codes_and_factors(encoded), latent_space(encoded, decoder(model))):
        shown = to_bytes(figure, "svg", text=True).decode()
        assert all(f">{label}<" in shown for label in ("red", "blue", "a word of m…", "1.5", "2.5"))
    assert (encoded.label(0, 3), encoded.label(0, 0.5)) == ("", "")


def test_every_seed_is_a_dot_and_the_mean_has_its_interval() -> None:
    figure = score_dots({"a": {"mig": [0.1, 0.2, 0.6]}, "b": {"mig": [0.3]}, "c": {}}, ["mig"])
    axes = figure.axes[0]
    assert [len(line.get_xdata()) for line in axes.lines] == [3, 2, 1, 1]
    assert axes.lines[2].get_xdata()[0] == pytest.approx(0.3)
    assert any(text.get_text() == "not computed" for text in axes.texts)


def test_the_text_of_an_svg_file_stays_text_when_asked(tmp_path: Path) -> None:
    figure = score_dots({"a method": {"mig": [0.1, 0.2]}}, ["mig"])
    outlines = save(figure, tmp_path / "outlines.svg").read_text()
    text = save(figure, tmp_path / "text.svg", text=True).read_text()
    assert ">a method</text>" in text
    assert "<text" not in outlines
    assert len(text) < len(outlines)


@pytest.mark.parametrize("name", [r"$\foo$", "a$^$", "$x$ or $"])
def test_names_are_shown_as_they_are(name: str) -> None:
    """Between two dollar signs matplotlib expects a formula, and raises an error where there is none."""
    drawn = to_bytes(score_dots({name: {"mig": [0.1, 0.2]}, "b": {"mig": [0.3]}}, ["mig"]), "svg", text=True)
    assert f">{name}<".encode() in drawn


def test_no_title_or_label_covers_a_neighbour(make: Make) -> None:
    """A bar of colours is narrow, and the names of factors may be long."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    model, encoded = make("S^1 x S^2 x R^2")
    named = replace(
        encoded,
        periodic=(False, False),
        factor_names=tuple(f"a rather long name {k}" for k in range(len(encoded.factor_names))),
    )
    figure = latent_space(named, decoder(model))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [
        text for axes in figure.axes for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)
    ]
    shown = [text for text in texts if text.get_text().strip() and text.get_visible()]
    boxes = [text.get_window_extent(renderer) for text in shown]
    assert len(boxes) > 4
    for first, second in itertools.combinations(range(len(boxes)), 2):
        assert not boxes[first].overlaps(boxes[second]), (shown[first].get_text(), shown[second].get_text())
