"""Hostile and damaged data files: one line that names the file, whatever the bytes; nothing runs, hangs or crashes."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from PIL import Image

from submission.data import load, npz, originals
from submission.data.readers import hdf5
from submission.data.readers.matlab import read_matlab
from submission.errors import SubmissionError
from submission.text import printable
from tests.security.data_files import write_h5

IMAGES = np.random.RandomState(0).randint(0, 256, (12, 5, 6, 3)).astype(np.uint8)
ROWS = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
MESH = np.random.RandomState(1).randint(0, 256, (4, 5, 3)).astype(np.uint8)
FIX = "get another file"
Read = Callable[[Path], object]


def refused(read: Callable[[], object]) -> str:
    """The one line of the error that ``read`` must end in."""
    with pytest.raises(SubmissionError) as caught:
        read()
    line = str(caught.value)
    assert printable(line) == line
    assert len(line) < 1000
    return line


PLACES = {
    "dsprites_full": originals.DSPRITES_FILE,
    "mpi3d_toy": originals.MPI3D_FILES["mpi3d_toy"],
    "shapes3d": originals.SHAPES3D_FILE,
    "faces3d": originals.FACES3D_FILE,
    "caltech101": originals.CALTECH_FILE,
    "scream_dsprites": originals.SCREAM_FILE,
    "mnist": f"{originals.MNIST_FOLDER}/train-images-idx3-ubyte",
    "smallnorb": f"{originals.SMALLNORB_FOLDER}/{originals.SMALLNORB_CHUNKS[0]}-dat.mat",
    "omniglot": f"{originals.OMNIGLOT_FOLDER}/images_background.zip",
    "own.npz": "own.npz",
    "own.h5": "own.h5",
}


@pytest.mark.parametrize("name", PLACES)
def test_a_pipe_in_place_of_a_file_is_not_waited_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / PLACES[name]
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    line = refused(lambda: load(name, tmp_path))
    # a pipe in place of dSprites' file or an archive's is not taken for the file
    assert "is a pipe, a device or a socket" in line or "exist" in line


@pytest.mark.parametrize("name", PLACES)
def test_a_device_in_place_of_a_file_is_not_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / PLACES[name]
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/dev/zero")
    line = refused(lambda: load(name, tmp_path))
    assert "is a pipe, a device or a socket" in line or "exist" in line


def npy(header: bytes, version: bytes = b"\x01\x00", body: bytes = b"") -> bytes:
    """A .npy file with a header of any content."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header + body


def archive(path: Path, **members: bytes) -> Path:
    """An .npz archive of raw members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"(" * 5000,
        b"[" * 9000,
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-5,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (True,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (1.5,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (" + b"9" * 4400 + b",), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (" + b"0," * 60 + b"), }",
        b"{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,), }",
        b"{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000000,), }",
        b"{'descr': '<U1000000000', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,), }",
        b"{'descr': ('<f4', (1000000,)), 'fortran_order': False, 'shape': (0,), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }",
        b"{'descr': '|u1', 'fortran_order': 3, 'shape': (1,), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (0L,), }",
        b"\xff\xfe" * 50,
    ],
    ids=lambda header: repr(header[:60]),
)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"])
def test_odd_headers_of_arrays(tmp_path: Path, header: bytes, version: bytes) -> None:
    path = archive(tmp_path / "own.npz", images=npy(header, version))
    assert str(path) in refused(lambda: load(str(path)))


def test_an_array_that_is_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header is true, and its compressed bytes are few; nothing is unpacked."""
    monkeypatch.setattr("submission.data.reading.free_memory", lambda: 1 << 20)
    monkeypatch.setattr(npz, "fill", lambda *_: pytest.fail("unpacked"))
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (512, 64, 64), }"
    path = archive(tmp_path / "own.npz", images=npy(header, body=bytes(512 * 64 * 64)))
    assert "is 2,097,152 bytes, more than the 1,048,576 bytes of free memory" in refused(lambda: load(str(path)))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("images", (1 << 10, 64, 64), np.uint8, compression="gzip", chunks=(1, 64, 64))
    assert "bytes of free memory" in refused(lambda: load(str(tmp_path / "own.h5")))


@pytest.mark.parametrize("name", ["factor_names", "factors", "periodic"])
def test_texts_of_a_million_letters(tmp_path: Path, name: str) -> None:
    arrays = {"images": IMAGES, "factors": ROWS, name: np.array(["x" * 1_000_000] * 2)}
    np.savez(tmp_path / "own.npz", **arrays)
    refused(lambda: load(str(tmp_path / "own.npz")))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        for key, value in arrays.items():
            file[key] = value.tolist() if key == name else value
    refused(lambda: load(str(tmp_path / "own.h5")))


def test_many_arrays_with_names_that_a_terminal_obeys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = {f"\x1b[2J{number}{'n' * 1000}": IMAGES for number in range(300)}
    np.savez(tmp_path / "own.npz", **names)
    assert "and 292 more" in refused(lambda: load(str(tmp_path / "own.npz")))
    np.savez(tmp_path / "own.npz", images=IMAGES, **names)
    load(str(tmp_path / "own.npz"))
    assert printable(caplog.messages[-1]) == caplog.messages[-1]
    assert len(caplog.messages[-1]) < 1000


def matlab(path: Path, *elements: bytes) -> Path:
    """A MATLAB 5 file of raw elements."""
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + b"".join(elements))
    return path


def tagged(kind: int, content: bytes, size: int | None = None) -> bytes:
    """A data element with its tag, and padding."""
    return struct.pack("<II", kind, len(content) if size is None else size) + content + bytes(-len(content) % 8)


def matrix(data: bytes, shape: tuple[int, ...] = (4, 5, 3), flags: int = 9, name: bytes = b"im") -> bytes:
    """The content of a matrix element."""
    head = tagged(6, struct.pack("<II", flags, 0)) + tagged(5, struct.pack(f"<{len(shape)}i", *shape))
    return head + tagged(1, name) + data


GOOD = matrix(tagged(2, MESH.tobytes("F")))
BOMB = zlib.compress(struct.pack("<II", 14, 1 << 30) + matrix(struct.pack("<II", 2, 1 << 30)) + bytes(1 << 24))


def read_im(path: Path) -> object:
    """The variable of the tests' MATLAB files."""
    return read_matlab(path, "im", (4, 5, 3), ("uint8",), FIX)


def test_a_matlab_file_of_the_tests_own_making_is_read(tmp_path: Path) -> None:
    for content in (tagged(14, GOOD), tagged(15, zlib.compress(tagged(14, GOOD)))):
        other = tagged(14, matrix(b"", flags=1, name=b"cells"))
        np.testing.assert_array_equal(read_im(matlab(tmp_path / "a.mat", other, content)), MESH)


@pytest.mark.parametrize(
    "element",
    [
        tagged(99, b"12345678"),
        tagged(14, tagged(99, b"12345678")),
        tagged(14, matrix(tagged(99, MESH.tobytes("F")))),
        tagged(14, b""),
        tagged(14, GOOD[:40]),
        tagged(14, GOOD, size=1 << 31),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), shape=(-4, -5, 3))),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), shape=(2**31 - 1,) * 3)),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")[:30]))),
        tagged(14, matrix(tagged(9, MESH.tobytes("F")))),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), shape=(4, 5, 3) * 20)),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), flags=0x0809)),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), flags=0xFF)),
        tagged(14, matrix(tagged(2, MESH.tobytes("F")), name=b"n" * 5000)),
        tagged(15, b"not zlib"),
        tagged(15, zlib.compress(tagged(14, GOOD))[:-3]),
        tagged(15, zlib.compress(tagged(14, GOOD))[:-1] + b"x"),
        tagged(15, zlib.compress(tagged(2, GOOD))),
        tagged(15, zlib.compress(b"")),
        tagged(15, zlib.compress(tagged(14, GOOD) + bytes(1 << 20))),
        tagged(15, BOMB),
        struct.pack("<II", 15, 1 << 31),
        b"123",
    ],
    ids=lambda element: repr(element[:24]),
)
def test_damaged_matlab_files(tmp_path: Path, element: bytes) -> None:
    path = matlab(tmp_path / "a.mat", element)
    assert str(path) in refused(lambda: read_im(path))


def test_a_damaged_file_on_which_the_hdf5_library_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free space after two texts has the size 0: the library looks for the next text in the same place for ever."""
    monkeypatch.setattr("submission.data.readers.hdf5.PROBE_SECONDS", 1)
    path = tmp_path / "own.h5"
    write_h5(path)
    raw = bytearray(path.read_bytes())
    heap = raw.index(b"GCOL")
    assert raw[heap + 64 : heap + 66] == b"\0\0"
    raw[heap + 72 : heap + 80] = bytes(8)
    path.write_bytes(raw)
    assert "it is damaged, " in refused(lambda: load(str(path)))


@pytest.mark.parametrize(
    "program", ["while True: pass", "import os; os.abort()", "print('short')", "import sys; sys.exit('\\x1b[2Jno')"]
)
def test_3d_shapes_images_on_which_the_hdf5_library_loops_or_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Images are read by a process of its own, which a limit on its time ends."""
    monkeypatch.setattr("submission.data.readers.hdf5.PROBE_SECONDS", 1)
    monkeypatch.setattr("submission.data.readers.hdf5.BLOCK_SECONDS", 1)
    monkeypatch.setattr("submission.data.readers.hdf5.STREAM", program)
    path = tmp_path / "3dshapes.h5"
    write_h5(path)
    line = refused(lambda: list(hdf5.streamed(path, "images", IMAGES.shape, 5, FIX)))
    assert f"cannot read 'images' of {path}: it is damaged, " in line


def test_3d_shapes_images_come_as_they_are(tmp_path: Path) -> None:
    write_h5(tmp_path / "3dshapes.h5")
    assert b"".join(hdf5.streamed(tmp_path / "3dshapes.h5", "images", IMAGES.shape, 5, FIX)) == IMAGES.tobytes()


def test_a_picture_of_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    """A PNG whose head promises 100,000 x 100,000 pixels."""
    (tmp_path / "pictures").mkdir()
    path = tmp_path / "pictures" / "big.png"
    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    assert str(path) in refused(lambda: load(str(path.parent)))


def test_no_format_that_starts_a_program_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: SimpleNamespace
) -> None:
    """PostScript called .jpg: Pillow would start Ghostscript for it."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(IMAGES[0], 100, axis=0)).save(buffer, "EPS")
    (tmp_path / "scream").mkdir()
    (tmp_path / originals.SCREAM_FILE).write_bytes(buffer.getvalue())
    refused(lambda: load("scream_dsprites", tmp_path))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.jpg").write_bytes(buffer.getvalue())
    refused(lambda: load(str(tmp_path / "pictures")))
    folder = tmp_path / originals.OMNIGLOT_FOLDER
    folder.mkdir()
    with zipfile.ZipFile(folder / "images_background.zip", "w") as file:
        for number in range(964 * 20):
            file.writestr(f"{number:05}.png", buffer.getvalue() if not number else b"")
    refused(lambda: load("omniglot", tmp_path))
