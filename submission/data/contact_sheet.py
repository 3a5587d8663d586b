"""Contact sheets: one row for each factor, its values from left to right, everything else fixed."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from submission.data.dataset import GroundTruthDataset, ImageDataset, Images
from submission.errors import SubmissionError

COLUMNS = 16
GAP = 2
MARGIN = 150
ROWS = 8  # of images without factors


def contact_sheet(dataset: ImageDataset, seed: int = 0) -> bytes:
    """A PNG: traversals of each factor from a random image (with ``seed``), or random images where there are none."""
    random = np.random.RandomState(seed)
    if not isinstance(dataset, GroundTruthDataset):
        wanted = random.permutation(len(dataset))[: ROWS * COLUMNS]
        return png(
            [("", dataset.images(row)) for row in np.split(wanted, range(COLUMNS, len(wanted), COLUMNS))], dataset
        )
    start = dataset.factors(np.array([random.randint(len(dataset))]))[0]
    rows = [traversal(dataset, start, axis) for axis in range(dataset.num_factors)]
    labels = [f"{f.name} ({f.size}{', a cycle' if f.periodic else ''})" for f in dataset.factors_of_variation]
    return png(list(zip(labels, rows, strict=True)), dataset)


def traversal(dataset: GroundTruthDataset, start: npt.NDArray[np.int64], axis: int) -> Images:
    """Images along one factor: all its values, or 16 spread over them; combinations that are missing are left out."""
    size = dataset.factor_sizes[axis]
    values = np.unique(np.linspace(0, size - 1, min(size, COLUMNS)).round().astype(np.int64))
    rows = np.tile(start, (len(values), 1))
    rows[:, axis] = values
    pictures = [picture for row in rows if (picture := observed(dataset, row)) is not None]
    return np.concatenate(pictures)


def observed(dataset: GroundTruthDataset, row: npt.NDArray[np.int64]) -> Images | None:
    """The image (1, height, width, channels) of one combination, or None if there is none."""
    try:
        return dataset.images(dataset.indices(row[None]))
    except SubmissionError:
        return None


def png(rows: list[tuple[str, Images]], dataset: ImageDataset) -> bytes:
    """Rows of labelled images as a PNG file."""
    height, width, _ = dataset.image_shape
    margin = MARGIN if any(label for label, _ in rows) else GAP
    columns = max(len(images) for _, images in rows)
    size = (margin + columns * (width + GAP), GAP + len(rows) * (height + GAP))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, (label, images) in enumerate(rows):
        top = GAP + number * (height + GAP)
        pen.text((4, top + height // 2 - 6), label, fill="black", font=font(label))
        for column, image in enumerate(images):
            sheet.paste(picture(image, dataset.maximum), (margin + column * (width + GAP), top))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def font(label: str) -> ImageFont.ImageFont | ImageFont.FreeTypeFont | None:
    """The font of ``label``: Pillow's own, None, has ASCII only; for other letters matplotlib's, where it is there."""
    if label.isascii() or importlib.util.find_spec("matplotlib") is None:
        return None
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), 10)


def picture(image: Images, maximum: int) -> Image.Image:
    """One image (height, width, channels) as a picture: in colour if it has three channels, else the first one."""
    scaled = image * np.uint8(255 // maximum)
    return Image.fromarray(scaled if scaled.shape[-1] == 3 else scaled[..., 0])
