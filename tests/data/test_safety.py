"""Hostile and broken files: refused by name in one line; nothing runs, nothing is written outside."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch

from submission.data import load, npz, originals
from submission.data.archive import unpack
from submission.data.readers import mpi3d
from submission.errors import SubmissionError


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return Path.touch, (self.trace,)  # type: ignore[return-value]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Where a bomb leaves its trace; the test checks that the bomb works."""
    path = tmp_path / "trace"
    pickle.loads(pickle.dumps(Bomb(path)))  # noqa: S301 - shows that the bomb is live
    assert path.exists()
    path.unlink()
    return path


def one_line(error: pytest.ExceptionInfo[SubmissionError], *parts: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def object_array(trace: Path) -> np.ndarray:
    array = np.empty((1,), dtype=object)
    array[0] = Bomb(trace)
    return array


@pytest.mark.parametrize("name", ["dsprites_full", "mpi3d_toy", "own.npz"])
def test_a_pickle_in_an_npz_is_refused_and_not_run(tmp_path: Path, trace: Path, name: str) -> None:
    files = {
        "dsprites_full": originals.DSPRITES_FILE,
        "mpi3d_toy": originals.MPI3D_FILES["mpi3d_toy"],
        "own.npz": "own.npz",
    }
    member = "imgs" if name == "dsprites_full" else "images"
    path = tmp_path / files[name]
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **{member: object_array(trace)})
    with pytest.raises(SubmissionError) as error:
        load(name, tmp_path)
    one_line(error, f"'{member}'", str(path), "pickled object array")
    assert not trace.exists()


def test_the_originals_pickled_metadata_is_never_touched(
    tmp_path: Path, trace: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submission.data.synthetic.dsprites.SIZES", (1, 1, 1, 1, 4))
    path = write.dsprites(tmp_path, np.zeros((4, 512), np.uint8), (1, 1, 1, 1, 4))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("latents_names.npy", write.npy(object_array(trace)))
    assert len(load("dsprites_full", tmp_path)) == 4
    assert not trace.exists()


def test_a_pickle_in_a_torch_file_is_refused_and_not_run(tmp_path: Path, trace: Path) -> None:
    path = tmp_path / originals.FACES3D_FILE
    path.parent.mkdir()
    torch.save(Bomb(trace), path)
    with pytest.raises(SubmissionError) as error:
        load("faces3d", tmp_path)
    one_line(error, str(path), "cannot read")
    path.write_bytes(pickle.dumps(Bomb(trace), protocol=2))
    with pytest.raises(SubmissionError):
        load("faces3d", tmp_path)
    assert not trace.exists()


def huge_npz(path: Path, shape: tuple[int, ...], member: str, body: bytes = b"") -> None:
    """An archive whose header promises ``shape`` and whose member is ``body``."""
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        buffer = io.BytesIO()
        np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
        archive.writestr(f"{member}.npy", buffer.getvalue() + body)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    huge_npz(tmp_path / "own.npz", (10**7, 10**4, 10**4), "images")
    with pytest.raises(SubmissionError) as error:
        load("own.npz", tmp_path)
    one_line(error, "'images'", "is 0 bytes long, its header says 1000000000000000")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header and directory agree, but it unpacks to more than is accepted: refused before anything is unpacked."""
    monkeypatch.setattr("submission.data.reading.free_memory", lambda: 1 << 20)
    huge_npz(tmp_path / "own.npz", (1 << 21, 1, 1), "images", bytes(1 << 21))
    monkeypatch.setattr(npz, "fill", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(SubmissionError) as error:
        load("own.npz", tmp_path)
    one_line(error, "'images'", "is 2,097,152 bytes, more than the 1,048,576 bytes of free memory")


def test_a_bomb_in_place_of_a_known_file_is_refused_by_its_shape(tmp_path: Path) -> None:
    huge_npz(tmp_path / originals.DSPRITES_FILE, (1 << 22, 8, 8), "imgs")
    with pytest.raises(SubmissionError, match="bytes long, its header says"):
        load("dsprites_full", tmp_path)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
def test_a_truncated_npz(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "own.npz"
    np.savez_compressed(path, images=np.random.RandomState(0).randint(0, 256, (50, 8, 8)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(SubmissionError) as error:
        load("own.npz", tmp_path)
    one_line(error, str(path))


def test_a_truncated_dsprites_file_is_not_silently_rendered_over(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submission.data.synthetic.dsprites.SIZES", (1, 1, 1, 2, 4))
    path = write.dsprites(
        tmp_path, np.random.RandomState(0).randint(0, 256, (8, 512)).astype(np.uint8), (1, 1, 1, 2, 4)
    )
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(SubmissionError) as error:
        load("dsprites_full", tmp_path)
    one_line(error, str(path))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_flipped_byte_is_noticed(tmp_path: Path, write: SimpleNamespace, compressed: bool) -> None:
    images = np.random.RandomState(0).randint(0, 256, (50, 8, 8)).astype(np.uint8)
    path = write.images_npz(tmp_path / "own.npz", images, compressed)
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(SubmissionError) as error:
        load("own.npz", tmp_path)
    one_line(error, "'images'", str(path))


def test_a_half_converted_file_is_never_used(
    tmp_path: Path, write: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpi3d, "SIZES", {60: (60, 1, 1, 1, 1, 1, 1)})
    images = np.random.RandomState(0).randint(0, 256, (60, 64, 64, 3)).astype(np.uint8)
    path = write.images_npz(tmp_path / originals.MPI3D_FILES["mpi3d_real"], images, True)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(SubmissionError):
        load("mpi3d_real", tmp_path)
    assert not list(path.parent.glob("*.npy"))
    assert not list(path.parent.glob(".*.tmp"))


def test_an_h5_of_other_shapes_or_kinds(tmp_path: Path) -> None:
    path = tmp_path / "3dshapes" / "3dshapes.h5"
    path.parent.mkdir()
    path.write_bytes(b"not hdf5 at all")
    with pytest.raises(SubmissionError) as error:
        load("shapes3d", tmp_path)
    one_line(error, "cannot read", str(path))
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((10, 64, 64, 3), np.uint8)
    with pytest.raises(SubmissionError) as error:
        load("shapes3d", tmp_path)
    one_line(error, "'images'", "(10, 64, 64, 3) uint8, not (480000, 64, 64, 3) uint8")
    own = tmp_path / "own.h5"
    with h5py.File(own, "w") as file:
        file["images"] = h5py.SoftLink("/elsewhere")
    with pytest.raises(SubmissionError) as error:
        load("own.h5", tmp_path)
    one_line(error, "'images'")


def tar_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        good = tarfile.TarInfo("data/cars/good.mat")
        good.size = 4
        tar.addfile(good, io.BytesIO(b"mesh"))
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (info("data/cars/../../../escaped", size=1), "leads outside"),
        (info("../escaped", size=1), "leads outside"),
        (info("/tmp/escaped-absolute", size=1), "leads outside"),
        (info("data/cars/link.mat", tarfile.SYMTYPE, "/etc/passwd"), "not a plain file"),
        (info("data/cars/hard.mat", tarfile.LNKTYPE, "/etc/passwd"), ""),
        (info("data/cars/pipe.mat", tarfile.FIFOTYPE), "not a plain file"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_tar_that_reaches_outside_is_refused_whole(tmp_path: Path, member: tarfile.TarInfo, why: str) -> None:
    (tmp_path / "root").mkdir()
    archive = tar_with(tmp_path / "bad.tar", member)
    with pytest.raises(SubmissionError) as error:
        unpack(archive, "data/cars", tmp_path / "root" / "cars")
    one_line(error, str(archive), "is refused", why)
    assert list((tmp_path / "root").iterdir()) == []
    assert not list(tmp_path.rglob("escaped*"))
    assert not Path("/tmp/escaped-absolute").exists()


def test_a_tar_of_endless_size_or_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tar_with(tmp_path / "bomb.tar", info("data/cars/big.mat", size=5000))
    for limit, value in (("MOST_BYTES", 4000), ("MOST_FILES", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(f"submission.data.archive.{limit}", value)
            with pytest.raises(SubmissionError, match="it holds more than"):
                unpack(archive, "data/cars", tmp_path / "cars")
    assert not (tmp_path / "cars").exists()


def test_a_broken_tar_is_refused(tmp_path: Path) -> None:
    archive = tar_with(tmp_path / "short.tar", info("data/cars/more.mat", size=9000))
    archive.write_bytes(archive.read_bytes()[:4000])
    with pytest.raises(SubmissionError, match="is refused"):
        unpack(archive, "data/cars", tmp_path / "cars")
    (tmp_path / "text.tar").write_text("hello")
    with pytest.raises(SubmissionError, match="is refused"):
        unpack(tmp_path / "text.tar", "data/cars", tmp_path / "cars")
    assert not (tmp_path / "cars").exists()
