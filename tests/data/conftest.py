"""Writers of the original file formats, for round trips through the readers."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest


def npy(array: np.ndarray) -> bytes:
    """A .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def write_dsprites(root: Path, packed: np.ndarray, sizes: tuple[int, ...]) -> Path:
    """dSprites' .npz: compressed, with the pickled ``metadata`` that the original carries."""
    path = root / "dsprites" / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    path.parent.mkdir(parents=True)
    metadata = np.empty((), dtype=object)
    metadata[()] = {"latents_sizes": np.array((1, *sizes))}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("metadata.npy", npy(metadata))
        with archive.open("imgs.npy", "w", force_zip64=True) as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(packed), 64, 64)}
            np.lib.format.write_array_header_1_0(member, header)
            for block in np.array_split(packed, max(1, len(packed) // 4096)):
                member.write(np.unpackbits(block, axis=1).tobytes())
    return path


def write_images_npz(path: Path, images: np.ndarray, compressed: bool) -> Path:
    """An .npz with one array, ``images``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(path, images=images)
    return path


def norb_matrix(array: np.ndarray) -> bytes:
    """A NORB binary matrix: magic number, rank, at least three dimensions, values."""
    magic = {np.dtype(np.uint8): 0x1E3D4C55, np.dtype(np.int32): 0x1E3D4C54}[array.dtype]
    dimensions = [*array.shape, 1, 1, 1][: max(3, array.ndim)]
    return struct.pack(f"<II{len(dimensions)}I", magic, array.ndim, *dimensions) + array.tobytes()


def write_smallnorb(root: Path, chunks: list[tuple[str, np.ndarray, np.ndarray]], packed: bool = False) -> None:
    """SmallNORB's matrices: images (n, 2, 96, 96) and labels (n, 5) of each chunk, azimuths doubled as recorded."""
    folder = root / "small_norb"
    folder.mkdir(parents=True)
    for name, images, labels in chunks:
        recorded = labels.astype(np.int32) * np.array([1, 1, 1, 2, 1], dtype=np.int32)
        parts = {"dat": images, "cat": recorded[:, 0].copy(), "info": recorded[:, 1:].copy()}
        for kind, array in parts.items():
            raw = norb_matrix(array)
            path = folder / f"{name}-{kind}.mat"
            if packed:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(raw, 1))
            else:
                path.write_bytes(raw)


def write_cars(root: Path, meshes: dict[str, np.ndarray]) -> None:
    """Cars3D's MATLAB files: ``im`` (128, 128, 3, 24, 4) each."""
    from scipy.io import savemat

    folder = root / "cars"
    folder.mkdir(parents=True)
    for name, mesh in meshes.items():
        savemat(folder / name, {"im": mesh}, do_compression=True)


def write_idx(path: Path, array: np.ndarray) -> Path:
    """An idx file of unsigned bytes, gzip-compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), 1))
    return path


@pytest.fixture(scope="session")
def write() -> SimpleNamespace:
    """All writers, by format."""
    return SimpleNamespace(
        npy=npy,
        dsprites=write_dsprites,
        images_npz=write_images_npz,
        smallnorb=write_smallnorb,
        cars=write_cars,
        idx=write_idx,
    )


@pytest.fixture
def noise() -> np.random.RandomState:
    """A generator of test pictures."""
    return np.random.RandomState(7)


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no data and no cache but their own."""
    monkeypatch.delenv("DISENTANGLEMENT_LIB_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
