"""Valid files of data sets: users' own, pictures, and those of the published ones."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from submission.data.readers import omniglot

IMAGES = np.random.RandomState(0).randint(0, 256, (12, 5, 6, 3)).astype(np.uint8)
ROWS = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
MESH = np.random.RandomState(1).randint(0, 256, (4, 5, 3)).astype(np.uint8)


def write_npz(path: Path) -> None:
    """A small data set of a user's, compressed."""
    np.savez_compressed(path, images=IMAGES, factors=ROWS, factor_names=np.array(["a", "b"]), periodic=ROWS[:2, 0] > 0)


def write_h5(path: Path) -> None:
    """The same in HDF5, compressed, with text of variable length."""
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=IMAGES, compression="gzip", chunks=(3, 5, 6, 3))
        file["factors"], file["factor_names"] = ROWS, ["a", "b"]
        file["periodic"] = np.array([True, False])


def write_mat(path: Path) -> None:
    """A matrix as scipy writes it."""
    savemat(path, {"words": "text", "im": MESH}, do_compression=path.name.startswith("c"))


def write_picture(path: Path) -> None:
    """A picture in the format of its suffix."""
    Image.fromarray(IMAGES[0]).save(path)


def write_table(path: Path) -> None:
    """The factors of a folder of pictures, with the pictures."""
    lines = [("file", "size", "colour")]
    for number, row in enumerate(ROWS):
        Image.fromarray(IMAGES[number]).save(path.with_name(f"{number}.png"))
        lines.append((f"{number}.png", str(row[0]), f"c{row[1]}"))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)


FACES = torch.arange(2 * 64 * 64, dtype=torch.int64).remainder(251).to(torch.uint8).reshape(2, 64, 64)


def write_faces(path: Path) -> None:
    """A PyTorch file, a zip archive."""
    torch.save(FACES, path)


def write_old_faces(path: Path) -> None:
    """A PyTorch file as versions before 1.6 wrote it."""
    torch.save(FACES, path, _use_new_zipfile_serialization=False)


def write_turned_faces(path: Path) -> None:
    """A view: other strides, an offset, and a storage that is larger than the tensor."""
    torch.save(torch.cat([FACES[:1], FACES]).transpose(1, 2)[1:], path)


def write_labels(path: Path) -> None:
    """MNIST's labels, compressed."""
    path.write_bytes(gzip.compress(struct.pack(">HBBI", 0, 8, 1, 12) + bytes(range(12))))


def write_tar(path: Path) -> None:
    """A tar archive, compressed, of one file in a folder."""
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("data/cars/one.mat")
        member.size = 1000
        tar.addfile(member, io.BytesIO(bytes(1000)))


NORB = np.random.RandomState(2).randint(0, 256, (6, 2, 8, 8)).astype(np.uint8)


def write_norb(path: Path) -> None:
    """A NORB matrix, compressed."""
    path.write_bytes(gzip.compress(struct.pack("<II4I", 0x1E3D4C55, 4, *NORB.shape) + NORB.tobytes()))


def write_drawings(path: Path) -> None:
    """Omniglot's drawings, a zip archive of pictures."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            buffer = io.BytesIO()
            pixels = np.random.RandomState(number).rand(omniglot.SIDE, omniglot.SIDE) > 0.1
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"images/{number}.png", buffer.getvalue())


def write_dsprites(path: Path) -> None:
    """dSprites' archive, of 12 images."""
    np.savez_compressed(path, imgs=np.random.RandomState(3).randint(0, 2, (12, 64, 64)).astype(np.uint8))


def write_shapes(path: Path) -> None:
    """The images of 3D Shapes' file, of 12 images."""
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.tile(IMAGES, (4, 1, 1, 1)), chunks=(8, 5, 6, 3), compression="gzip")
