"""Round trips: files written in the original formats come back as the data sets they are."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from submission.data import load, npz, originals
from submission.data.readers import cars3d, faces3d, mpi3d, shapes3d, smallnorb
from submission.data.synthetic import dsprites as made_dsprites
from submission.errors import SubmissionError


def test_dsprites_from_its_own_file(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> None:
    monkeypatch.setattr(made_dsprites, "SIZES", (3, 2, 4, 3, 3))
    packed = noise.randint(0, 256, (216, 512)).astype(np.uint8)
    path = write.dsprites(tmp_path, packed, (3, 2, 4, 3, 3))
    dataset = load("dsprites_full", tmp_path)
    assert str(path) in dataset.notes
    np.testing.assert_array_equal(dataset.packed, packed)
    np.testing.assert_array_equal(dataset.images(np.array([5]))[0].ravel(), np.unpackbits(packed[5]))


def test_dsprites_with_another_shape_or_values_is_refused(tmp_path: Path, write: SimpleNamespace) -> None:
    path = tmp_path / originals.DSPRITES_FILE
    write.images_npz(path, np.zeros((4, 64, 64), np.uint8), True)
    with pytest.raises(SubmissionError, match=r"no array 'imgs' \(it has images\)"):
        load("dsprites_full", tmp_path)
    np.savez(path, imgs=np.zeros((4, 64, 64), np.uint8))
    with pytest.raises(SubmissionError, match=r"'imgs' of .* is 4x64x64 uint8, not 737280x64x64 uint8"):
        load("dsprites_full", tmp_path)


@pytest.mark.parametrize("compressed", [True, False])
def test_mpi3d_both_sizes(
    tmp_path: Path,
    write: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    noise: np.random.RandomState,
    compressed: bool,
) -> None:
    monkeypatch.setattr(mpi3d, "SIZES", {12: (2, 1, 2, 1, 1, 3, 1), 24: (4, 1, 2, 1, 1, 3, 1)})
    images = noise.randint(0, 256, (24, 64, 64, 3)).astype(np.uint8)
    write.images_npz(tmp_path / originals.MPI3D_FILES["mpi3d_toy"], images, compressed)
    dataset = load("mpi3d_toy", tmp_path)
    assert dataset.factor_sizes == (4, 1, 2, 1, 1, 3, 1)
    order = noise.permutation(24)
    np.testing.assert_array_equal(dataset.images(order), images[order])
    again = load("mpi3d_toy", tmp_path)
    np.testing.assert_array_equal(again.images(np.array([-1])), images[-1:])
    with pytest.raises(IndexError):
        again.images(np.array([24]))
    copies = list((tmp_path / "mpi3d_toy").glob("*.npy"))
    assert len(copies) == compressed


def test_mpi3d_literal_sizes_are_the_librarys(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / originals.MPI3D_FILES["mpi3d_toy"]
    path.parent.mkdir()
    count = 1_036_800
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": "|u1", "fortran_order": False, "shape": (count, 64, 64, 3)}
        )
    monkeypatch.setattr(npz, "check", lambda *_: None)  # the images themselves, 12.7 GB, are left out
    assert load("mpi3d_toy", tmp_path).factor_sizes == (6, 6, 2, 3, 3, 40, 40)
    assert load("mpi3d_toy", tmp_path, literal=True).factor_sizes == (4, 4, 2, 3, 3, 40, 40)


def test_mpi3d_is_converted_beside_a_writable_file_else_in_the_cache(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from submission.data import store

    path = write.images_npz(tmp_path / "x.npz", np.zeros((2, 64, 64, 3), np.uint8), True)
    assert store.converted_path(path).parent == tmp_path
    monkeypatch.setattr(store.os, "access", lambda *_: False)
    assert store.converted_path(path).parent == tmp_path / "cache" / "disentanglement-submission"


def test_a_replaced_source_is_converted_again(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpi3d, "SIZES", {2: (2, 1, 1, 1, 1, 1, 1)})
    path = tmp_path / originals.MPI3D_FILES["mpi3d_real"]
    for value in (3, 4):
        write.images_npz(path, np.full((2, 64, 64, 3), value, np.uint8), True)
        assert load("mpi3d_real", tmp_path).images(np.array([1])).max() == value


def test_real_mpi3d_tiles_survive_the_trip(
    shared_data: Path, tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(shared_data / "mpi3d" / "mpi3d_gif_tiles.npz") as tiles:
        images = tiles["real1"].reshape(-1, 64, 64, 3)
    monkeypatch.setattr(mpi3d, "SIZES", {140: (7, 1, 1, 1, 1, 20, 1)})
    write.images_npz(tmp_path / originals.MPI3D_FILES["mpi3d_complex"], images, True)
    np.testing.assert_array_equal(load("mpi3d_complex", tmp_path).images(np.arange(140)), images)


def test_cars3d_numbers_cars_by_file_name(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> None:
    monkeypatch.setattr(cars3d, "SIZES", (4, 24, 2))
    meshes = {name: noise.randint(0, 256, (128, 128, 3, 24, 4)).astype(np.uint8) for name in ("car_b.mat", "car_a.mat")}
    write.cars(tmp_path, meshes)
    dataset = load("cars3d", tmp_path)
    assert dataset.factor_names == ("elevation", "azimuth", "object type")
    for elevation, azimuth, number, name in [(0, 0, 0, "car_a.mat"), (3, 7, 1, "car_b.mat"), (2, 23, 0, "car_a.mat")]:
        view = Image.fromarray(np.ascontiguousarray(meshes[name][..., azimuth, elevation]))
        expected = np.asarray(view.resize((64, 64), Image.Resampling.LANCZOS))
        cell = dataset.indices(np.array([[elevation, azimuth, number]]))
        np.testing.assert_array_equal(dataset.images(cell)[0], expected)


def test_cars3d_wrong_files_are_refused(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SubmissionError, match="does not exist"):
        load("cars3d", tmp_path)
    write.cars(tmp_path, {"one.mat": np.zeros((8, 8), np.uint8)})
    with pytest.raises(SubmissionError, match=r"has 1 \.mat files, not 183"):
        load("cars3d", tmp_path)
    monkeypatch.setattr(cars3d, "SIZES", (4, 24, 1))
    with pytest.raises(SubmissionError, match=r"'im' of .*one\.mat is \(8, 8\) uint8"):
        load("cars3d", tmp_path)
    (tmp_path / "cars" / "one.mat").write_bytes(b"MATLAB 5.0 no")
    with pytest.raises(SubmissionError, match=r"cannot read .*one\.mat"):
        load("cars3d", tmp_path)


@pytest.fixture
def small_norb(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> tuple[Path, np.ndarray, np.ndarray]:
    """A grid of 2 x 3 x 2 x 3 x 2 in two chunks, shuffled, with its images and labels."""
    sizes = (2, 3, 2, 3, 2)
    labels = np.stack(np.unravel_index(noise.permutation(72), sizes), axis=1)
    images = (255 * (noise.random_sample((72, 2, 96, 96)) > 0.5)).astype(np.uint8)
    chunks = [
        (name, images[part], labels[part])
        for name, part in zip(originals.SMALLNORB_CHUNKS, np.split(np.arange(72), 2), strict=True)
    ]
    write.smallnorb(tmp_path, chunks, packed=True)
    read = smallnorb.read_matrix
    monkeypatch.setattr(smallnorb, "ALL_SIZES", sizes)
    monkeypatch.setattr(smallnorb, "read_matrix", lambda path, shape, dtype: read(path, (36, *shape[1:]), dtype))
    return tmp_path, images, labels


def test_smallnorb_is_the_left_camera_unsigned(small_norb: tuple[Path, np.ndarray, np.ndarray]) -> None:
    root, images, labels = small_norb
    dataset = load("smallnorb", root)
    assert len(dataset) == 72
    cell = np.ravel_multi_index(tuple(labels[10]), (2, 3, 2, 3, 2))
    expected = np.asarray(Image.fromarray(images[10, 0]).resize((64, 64), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(dataset.images(np.array([cell]))[0, ..., 0], expected)
    np.testing.assert_array_equal(dataset.factors(np.array([cell]))[0], labels[10, [0, 2, 3, 4]])


def test_smallnorb_literal_leaves_the_unit_interval(small_norb: tuple[Path, np.ndarray, np.ndarray]) -> None:
    root = small_norb[0]
    right, literal = load("smallnorb", root), load("smallnorb", root, literal=True)
    every = np.arange(72)
    assert literal.observations(every).min() < 0
    assert right.observations(every).min() >= 0
    assert right.observations(every).max() <= 1


def test_smallnorb_hidden_instance_is_drawn(small_norb: tuple[Path, np.ndarray, np.ndarray]) -> None:
    dataset = load("smallnorb", small_norb[0])
    rows = np.zeros((200, 4), dtype=np.int64)
    drawn = dataset.draw_indices(rows, np.random.RandomState(0))
    instances = np.unravel_index(drawn, dataset.all_sizes)[1]
    np.testing.assert_array_equal(instances, np.random.RandomState(0).randint(3, size=200))
    assert (dataset.factors(drawn) == 0).all()


@pytest.fixture
def shapes_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> tuple[Path, np.ndarray]:
    """A small 3dshapes.h5 in the original layout and its images."""
    sizes = (2, 2, 2, 2, 2, 3)
    monkeypatch.setattr(shapes3d, "SIZES", sizes)
    monkeypatch.setattr(shapes3d, "COUNT", 96)
    images = noise.randint(0, 256, (96, 64, 64, 3)).astype(np.uint8)
    labels = np.stack(np.unravel_index(np.arange(96), sizes), axis=1) * np.array([0.1, 0.1, 0.1, 0.07, 1, 4.3]) - 0.5
    path = tmp_path / originals.SHAPES3D_FILE
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, chunks=(8, 64, 64, 3), compression="gzip")
        file.create_dataset("labels", data=labels)
    return path, images


def test_shapes3d(shapes_file: tuple[Path, np.ndarray], noise: np.random.RandomState) -> None:
    path, images = shapes_file
    dataset = load("shapes3d", path.parents[1])
    order = noise.permutation(96)
    np.testing.assert_array_equal(dataset.images(order), images[order])
    assert dataset.factor_sizes == (2, 2, 2, 2, 2, 3)


def test_shapes3d_wrong_order_or_shape_is_refused(shapes_file: tuple[Path, np.ndarray]) -> None:
    path, _ = shapes_file
    with h5py.File(path, "a") as file:
        file["labels"][...] = file["labels"][:][::-1]
    with pytest.raises(SubmissionError, match="not in row-major order"):
        load("shapes3d", path.parents[1])
    with h5py.File(path, "a") as file:
        del file["labels"]
        file["labels"] = np.zeros((3, 6))
    with pytest.raises(SubmissionError, match=r"'labels' of .*3dshapes\.h5 is \(3, 6\) float64, not \(96, 6\)"):
        load("shapes3d", path.parents[1])


def test_shapes3d_links_to_other_files_are_refused(shapes_file: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, _ = shapes_file
    with h5py.File(path, "a") as file:
        del file["images"]
        file["images"] = h5py.ExternalLink(str(tmp_path / "elsewhere.h5"), "/images")
    with pytest.raises(SubmissionError, match="has no array 'images' in the file itself"):
        load("shapes3d", path.parents[1])


def test_shapes3d_literal_reads_the_file_that_never_was(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState
) -> None:
    sizes = (1, 2, 1, 2, 1, 3)
    monkeypatch.setattr(shapes3d, "SIZES", sizes)
    images = noise.randint(0, 256, (*sizes, 64, 64, 3)).astype(np.uint8)
    write.images_npz(tmp_path / shapes3d.LITERAL_FILE, images, True)
    dataset = load("shapes3d", tmp_path, literal=True)
    np.testing.assert_array_equal(dataset.images(np.arange(12)), images.reshape(12, 64, 64, 3))


@pytest.mark.parametrize("legacy", [True, False])
def test_faces3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: np.random.RandomState, legacy: bool) -> None:
    monkeypatch.setattr(faces3d, "SIZES", (2, 3, 2, 2))
    images = noise.randint(0, 256, (24, 64, 64)).astype(np.uint8)
    path = tmp_path / originals.FACES3D_FILE
    path.parent.mkdir()
    torch.save(torch.from_numpy(images), path, _use_new_zipfile_serialization=not legacy)
    np.testing.assert_array_equal(load("faces3d", tmp_path).images(np.arange(24))[..., 0], images)
    torch.save(torch.zeros(3), path)
    with pytest.raises(SubmissionError, match="is not a uint8 tensor of 24 images"):
        load("faces3d", tmp_path)
