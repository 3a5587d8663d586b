"""Pictures of a report: figures for light and for dark pages, and strips of frames for sliders."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from submission.plots.encoding import Encoded
from submission.plots.images import Bytes, as_rgb
from submission.plots.recolouring import recolour
from submission.plots.style import DARK, LIGHT, to_bytes
from submission.plots.traversal import Path, path_images, traversal_paths
from submission.report.page import Picture, Slider, Sliders, data_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from submission.models.vae import VAE

DPI = 150
FRAMES, STRIPS = 16, 12
"""Frames per slider, and sliders at most."""
QUALITY = 86


def chart(draw: Callable[[], Figure], caption: str, alt: str) -> Picture:
    """A chart of lines and bars as SVG."""
    light, dark = (data_uri(file, "image/svg+xml") for file in drawn(draw, "svg", DPI))
    return Picture(light, alt, caption, dark)


def photograph(draw: Callable[[], Figure], caption: str, alt: str, dpi: int = DPI) -> Picture:
    """A figure of points and images as WebP."""
    light, dark = map(webp, drawn(draw, "png", dpi))
    return Picture(light, alt, caption, dark)


def drawn(draw: Callable[[], Figure], kind: str, dpi: int) -> tuple[bytes, bytes]:
    """A figure as files for light and for dark pages."""
    figure = draw()
    light = to_bytes(figure, kind, dpi)
    recolour(figure, LIGHT, DARK)
    return light, to_bytes(figure, kind, dpi)


def webp(png: bytes, lossless: bool = False) -> str:
    """A PNG file as a ``data:`` URI of a WebP file, which is several times smaller."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(buffer, "WEBP", quality=QUALITY, method=4, lossless=lossless)
    return data_uri(buffer.getvalue(), "image/webp")


def sliders(model: VAE, encoded: Encoded) -> Sliders:
    """A strip of frames per path of the traversals: one component moves, the greatest KL first."""
    paths = traversal_paths(encoded, (), FRAMES, STRIPS)
    images = path_images(model, paths)
    return Sliders([strip(path, row, encoded) for path, row in zip(paths, images, strict=True)])


def strip(path: Path, images: Bytes, encoded: Encoded) -> Slider:
    """Frames (steps, H, W, C) side by side."""
    joined = np.concatenate(list(as_rgb(images)), axis=1)
    return Slider(path.label, webp(png_bytes(joined)), len(images), f"{encoded.mean_kl[path.component]:.2f} nats")


def png_bytes(pixels: Bytes) -> bytes:
    """RGB pixels (H, W, 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence, the first ones of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
