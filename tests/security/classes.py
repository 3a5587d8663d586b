"""Every class of files that others may have made: valid examples of it, its reader, and how it is damaged.

``tests/security/test_fuzz.py`` tries each class for a moment in `make test` and for a minute in `make test-slow`;
``python -m tests.security.table`` counts the outcomes for docs/security.md.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import faulthandler
import gzip
import io
import json
import random
import shutil
import socketserver
import struct
import tarfile
import threading
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from submission import checkpoint
from submission.configuration import load as load_settings
from submission.data import load
from submission.data.archive import unpack
from submission.data.download import fetch
from submission.data.readers import faces3d, hdf5, mnist, omniglot, smallnorb
from submission.data.readers.dsprites import read_packed
from submission.data.readers.matlab import read_matlab
from submission.data.sources import RemoteFile
from submission.data.web import RetryPolicy
from submission.errors import SubmissionError
from submission.evaluation.codes import load_codes
from submission.export.archive import read_archive
from submission.export.torchscript import traced
from submission.report.write import scores_page
from submission.run import Run, ScoreFile, read_log
from submission.studies.comparison import compare
from submission.studies.records import Record, read_records
from submission.text import printable

Make = Callable[[Path], None]
Read = Callable[[Path], object]
Damage = Callable[[bytes, random.Random], bytes]
IMAGES = np.random.RandomState(0).randint(0, 256, (12, 5, 6, 3)).astype(np.uint8)
ROWS = np.stack(np.unravel_index(np.arange(12), (3, 4)), axis=1)
MESH = np.random.RandomState(1).randint(0, 256, (4, 5, 3)).astype(np.uint8)
FIX = "get another file"
LONGEST_LINE = 1000
HANGING = 300
"""Seconds after which reading one file counts as a hang and ends the process."""


@dataclass(frozen=True)
class Class:
    """One class of files.

    Attributes:
        file: a name with the class's ending.
        makes: writers of valid files; the first one is accepted as it is.
        read: the reader; SubmissionError for what it refuses.
        damage: a damaged copy of a valid file's bytes.
    """

    file: str
    makes: tuple[Make, ...]
    read: Read
    damage: Damage


# Damage


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` with bytes flipped, set to extremes, removed, repeated or cut off."""
    raw = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(raw))
        way, width = chance.randrange(6), chance.choice((1, 2, 4, 8))
        if way == 0:
            raw[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            raw[at : at + width] = chance.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * width
        elif way == 2:
            raw[at : at + width] = chance.randbytes(width)
        elif way == 3:
            del raw[at : at + chance.randrange(1, 64)]
        elif way == 4:
            raw[at:at] = raw[at : at + chance.randrange(1, 64)]
        else:
            del raw[at:]
        raw = raw or bytearray(b"x")
    return bytes(raw)


HOSTILE: list[Any] = [
    *(None, True, 0, -1, 2**70, 10**6, 1.5, float("inf"), float("nan"), 1e308, "", "x" * 100, "\x1b[31m", "\u2028"),
    *("../..", "/dev/zero", "=1+1", [], [[]], {}, {"a": {}}, "NaN", [1] * 40),
]


def other(value: Any, chance: random.Random) -> Any:
    """``value`` with one part, anywhere in it, replaced, renamed or removed."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {name: item for name, item in value.items() if name != key}
        if chance.random() < 0.1:
            return {str(chance.choice(HOSTILE)) if name == key else name: item for name, item in value.items()}
        return value | {key: other(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        index = chance.randrange(len(value))
        return [*value[:index], other(value[index], chance), *value[index + 1 :]]
    return copy.deepcopy(chance.choice(HOSTILE))


def other_json(content: bytes, chance: random.Random) -> bytes:
    """JSON with other values; sometimes with other bytes."""
    text = json.dumps(other(json.loads(content), chance)).encode()
    return mutated(text, chance) if chance.random() < 0.2 else text


def other_lines(content: bytes, chance: random.Random) -> bytes:
    """Lines of JSON, one of them with other values."""
    lines = content.splitlines()
    at = chance.randrange(len(lines))
    lines[at] = other_json(lines[at], chance)
    return b"\n".join(lines) + b"\n"


PIECES = (b"%", b"@", b"(", b")", b"\n", b"=", b"'", b"include ", b"\xff", b"\0", b"1e999", b"None", b".", b"/", b"\t")


def other_gin(content: bytes, chance: random.Random) -> bytes:
    """A configuration with other pieces of gin's syntax."""
    text = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(text) + 1)
        text[at : at + chance.randrange(4)] = chance.choice(PIECES) + chance.randbytes(chance.randrange(2))
    return bytes(text)


def signed(content: bytes, chance: random.Random) -> bytes:
    """A damaged checkpoint whose checksum fits, as its maker can have it."""
    archive = mutated(content[: -checkpoint.COMMENT_SIZE], chance)
    return archive + checkpoint.comment(archive)


def repacked(content: bytes, chance: random.Random) -> bytes:
    """A zip archive with one damaged member and right checksums; sometimes a damaged archive."""
    if chance.random() < 0.3:
        return mutated(content, chance)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = chance.choice(old.namelist())
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, mutated(data or b"x", chance) if name == chosen else data)
    return buffer.getvalue()


# Valid files


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


def write_script(path: Path) -> None:
    """A small TorchScript file."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()
    path.write_bytes(traced(module, (1, 8, 8)))


def write_codes(path: Path) -> None:
    """A table of codes on a full grid."""
    np.savez(path, codes=np.random.RandomState(0).rand(12, 3).astype(np.float32), factor_sizes=np.array([3, 4]))


def write_csv_codes(path: Path) -> None:
    """A table of codes as text, with factors in a file beside it."""
    np.savetxt(path.with_name("factors.csv"), ROWS, delimiter=",")
    np.savetxt(path, np.random.RandomState(0).rand(12, 3), delimiter=",", header="a,b,c", comments="")


def training_state() -> dict[str, Any]:
    """Everything that a checkpoint has."""
    weights = {"encoder.weight": torch.ones(3, 4), "encoder.bias": torch.zeros(3)}
    return {
        "step": 3,
        "fraction": 0.5,
        "reserve": 1.0,
        "ahead": 0.0,
        "seconds": 2.0,
        "config": "train.steps = 6\n",
        "precision": "float32",
        "versions": {"torch": "2.13"},
        "data": {"data.name": "d"},
        "model": weights,
        "objective": {},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3, 4)}}, "param_groups": []},
        "random": {"torch": torch.zeros(8, dtype=torch.uint8)},
        "average": weights,
        "validation": {"best": -3.5, "best_step": 2},
        "best_model": weights,
    }


def write_checkpoint(path: Path) -> None:
    """A checkpoint of a run with held-out images."""
    checkpoint.save(path, training_state())
    checkpoint.previous(path).unlink(missing_ok=True)


def write_meta(path: Path) -> None:
    """A whole ``meta.json``."""
    block = {"name": "S^2", "start": 0, "stop": 3, "topology": "sphere"}
    data = {"name": "dsprites_full", "options": {}, "factor_names": ["shape"], "factor_sizes": [3], "periodic": [False]}
    meta = {
        "format": 1,
        "created": "",
        "versions": {"torch": "2"},
        "seed": 0,
        "space": "S^2",
        "dataset": {**data, "image_shape": [8, 8, 1]},
        "model": {"networks": "mlp_small", "weights": 3, "likelihood": "bernoulli", "variance": 1.0},
        "representation": {"mode": "mean", "scale": 1.0, "width": 3, "blocks": [block]},
        "training": {"steps": 1, "finished": True, "best_elbo": -3.5},
    }
    path.write_text(json.dumps(meta))


def scores() -> dict[str, Any]:
    """A whole score file."""
    outcome = {"values": {"mig": 0.5}, "per_seed": [{"mig": 0.5}], "notes": ["n"], "details": {}, "seconds": 0.1}
    repeated = {"mig": {"mean": 0.5, "sd": 0.1, "low": 0.4, "high": 0.6, "count": 3, "level": 0.95}}
    column = {"scores": {"mig": outcome | {"summary": repeated}}, "blocks": {"S^2": [0]}, "standard_deviations": [1.0]}
    about = {"headline": "mig", "range": [0.0, 1.0], "shown": ["mig"], "settings": {"bins": 20}}
    return {
        "format": 1,
        "preset": "challenge",
        "era": "installed",
        "seeds": [0],
        "name": "mine",
        "created": "2026",
        "data": {"name": "dsprites_full", "periodic": [False], "factors": ["shape"]},
        "representation": {"file": "f", "width": 3},
        "metrics": {"mig": about},
        "columns": {"trained": column, "untrained": copy.deepcopy(column)},
    }


def write_scores(path: Path) -> None:
    """A score file."""
    path.write_text(json.dumps(scores()))


def write_log(path: Path) -> None:
    """A training log."""
    rows = ({"step": step, "loss": 1.0 / step, "kl": [0.1, 0.2], "images_per_second": 10.0} for step in range(1, 9))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_records(path: Path) -> None:
    """Records of a study."""
    how: dict[str, Any] = {"config": {"train.steps": "3"}, "values": {"elbo": -3.0}, "training": {"seconds": 1.0}}
    records = [Record("s", "smoke", f"t{seed}", "β-VAE", {"β": 4}, seed, **how) for seed in range(4)]
    path.write_text("".join(f"{record.line()}\n" for record in records), encoding="utf-8")


def write_gin(path: Path) -> None:
    """A configuration."""
    path.write_text(
        'train.steps = 10\nmodel.space = "R^3 x S^1"\ndata.name = "dsprites_small"\nobjective.name = "beta_vae"\n'
    )


def write_answer(path: Path) -> None:
    """A server's answer."""
    head = ("HTTP/1.1 200 OK", "Content-Length: 64", 'ETag: "1"', "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT")
    path.write_bytes("\r\n".join((*head, "", "")).encode() + bytes(64))


def write_chunked_answer(path: Path) -> None:
    """A server's answer in chunks."""
    head = ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", 'ETag: "1"')
    path.write_bytes(
        "\r\n".join((*head, "", "20", "")).encode() + bytes(32) + b"\r\n20\r\n" + bytes(32) + b"\r\n0\r\n\r\n"
    )


def write_redirection(path: Path) -> None:
    """A redirection to itself."""
    head = ("HTTP/1.1 302 Found", f"Location: http://127.0.0.1:{answering()[1]}/elsewhere", "Content-Length: 0")
    path.write_bytes("\r\n".join((*head, "", "")).encode())


# Readers


def read_user_file(path: Path) -> object:
    """A user's file, and all images of it."""
    dataset = load(str(path))
    return dataset.observations(np.arange(len(dataset)))


def read_unpacked(path: Path) -> object:
    """The archive unpacked into a new folder."""
    folder = path.parent / f"out{time.monotonic_ns()}"
    unpack(path, "data/cars", folder)
    return shutil.rmtree(folder)


def read_run(path: Path) -> object:
    """What commands ask a run's metadata for."""
    run = Run.open(path.parent)
    run.meta.to_json()
    return run.summary(), repr(run), run._repr_html_(), run.untrained_model()


def read_scores(path: Path) -> object:
    """What commands ask a score file for."""
    found = ScoreFile.read(path)
    found.to_json(), found.rows(), found.headlines(), found._repr_html_(), found.protocol, found.is_stale(path)
    return scores_page(path), compare([path])


def read_checkpoint(path: Path) -> object:
    """What commands ask a checkpoint for."""
    checkpoint.read_training(path)
    return checkpoint.exported_weights(path, path.with_name("best.pt"))


@cache
def answering() -> tuple[list[bytes], int]:
    """A server of this process that answers anything with one content: the content, to be changed, and its port."""
    content = [b""]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.recv(1 << 16)
                self.request.sendall(content[0])

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 50

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return content, server.server_address[1]


def read_download(path: Path) -> object:
    """A file downloaded from a server that answers with the bytes of ``path``."""
    content, port = answering()
    content[0] = path.read_bytes()
    folder = path.parent / f"root{time.monotonic_ns()}"
    file = RemoteFile("set/file.bin", (f"http://127.0.0.1:{port}/file.bin",), "", limit=1 << 20)
    try:
        return fetch(file, folder, "its page", retry=RetryPolicy(timeout=1, tries=2, pause=0, window=0.5)).read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_shapes(path: Path) -> object:
    """The images as 3D Shapes' reader takes them."""
    shape = (48, 5, 6, 3)
    with hdf5.open_file(path, FIX) as file:
        hdf5.require(path, file, "images", shape, "uint8", FIX)
    return b"".join(hdf5.streamed(path, "images", shape, 10, FIX))


def read_csv_codes(path: Path) -> object:
    """Codes as text, with their factors."""
    return load_codes(path, path.with_name("factors.csv"))


CLASSES = {
    "own data (.npz)": Class("own.npz", (write_npz,), read_user_file, repacked),
    "own data (.h5)": Class("own.h5", (write_h5,), read_user_file, mutated),
    "folder of pictures (factors.csv)": Class(
        "factors.csv", (write_table,), lambda path: load(str(path.parent)), mutated
    ),
    "picture (.png)": Class("one.png", (write_picture,), lambda path: load(str(path.parent)), mutated),
    "picture (.jpg)": Class("one.jpg", (write_picture,), lambda path: load(str(path.parent)), mutated),
    "picture (.bmp)": Class("one.bmp", (write_picture,), lambda path: load(str(path.parent)), mutated),
    "picture (.ppm)": Class("one.ppm", (write_picture,), lambda path: load(str(path.parent)), mutated),
    "MATLAB (.mat)": Class(
        "plain.mat", (write_mat,), lambda path: read_matlab(path, "im", (4, 5, 3), ("uint8",), FIX), mutated
    ),
    "MATLAB, compressed": Class(
        "compressed.mat", (write_mat,), lambda path: read_matlab(path, "im", (4, 5, 3), ("uint8",), FIX), mutated
    ),
    "3D Faces (.pth)": Class(
        "faces.pth",
        (write_faces, write_old_faces, write_turned_faces),
        lambda path: faces3d.read_tensor(path, len(FACES)),
        lambda content, chance: (repacked if content.startswith(b"PK") else mutated)(content, chance),
    ),
    "MNIST labels (.gz)": Class(
        "labels.gz", (write_labels,), lambda path: mnist.read_idx(path.with_suffix(""), (12,)), mutated
    ),
    "Cars3D (.tar.gz)": Class("cars.tar.gz", (write_tar,), read_unpacked, mutated),
    "SmallNORB (.mat.gz)": Class(
        "norb.mat.gz",
        (write_norb,),
        lambda path: smallnorb.read_matrix(path.with_suffix(""), NORB.shape, "|u1"),
        lambda content, chance: (
            mutated(content, chance)
            if chance.random() < 0.5
            else gzip.compress(mutated(gzip.decompress(content), chance))
        ),
    ),
    "Omniglot (.zip)": Class("drawings.zip", (write_drawings,), lambda path: omniglot.read_pictures(path, 4), repacked),
    "dSprites (.npz)": Class("dsprites.npz", (write_dsprites,), lambda path: read_packed(path, 12), repacked),
    "3D Shapes (.h5)": Class("3dshapes.h5", (write_shapes,), read_shapes, mutated),
    "download (HTTP answer)": Class(
        "answer.http", (write_answer, write_chunked_answer, write_redirection), read_download, mutated
    ),
    "TorchScript archive": Class("model.pt", (write_script,), read_archive, repacked),
    "checkpoint": Class("checkpoint.pt", (write_checkpoint,), read_checkpoint, mutated),
    "checkpoint, signed anew": Class("checkpoint.pt", (write_checkpoint,), read_checkpoint, signed),
    "run metadata": Class("meta.json", (write_meta,), read_run, other_json),
    "training log": Class("metrics.jsonl", (write_log,), read_log, other_lines),
    "score file": Class("scores.json", (write_scores,), read_scores, other_json),
    "records of a study": Class("records.jsonl", (write_records,), read_records, other_lines),
    "codes (.npz)": Class("codes.npz", (write_codes,), load_codes, repacked),
    "codes (.csv)": Class("codes.csv", (write_csv_codes,), read_csv_codes, mutated),
    "configuration (.gin)": Class("run.gin", (write_gin,), lambda path: load_settings([str(path)]), other_gin),
}


# Trying


@dataclass
class Outcomes:
    """What became of the inputs of a class.

    Attributes:
        tried, refused, accepted: numbers of inputs.
        others: what was neither refused in one line nor accepted, with the number of the seed's input.
    """

    tried: int = 0
    refused: int = 0
    accepted: int = 0
    others: tuple[str, ...] = ()


def attack(name: str, folder: Path, seconds: float, seed: int = 0, most: int = 1 << 30) -> Outcomes:
    """Damage valid files of a class and read them, for a time or a number of inputs.

    A warning counts like an exception. A hang ends the process with a traceback.
    """
    chosen, chance = CLASSES[name], random.Random(f"{name} {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    path, valid, found = folder / chosen.file, [], Outcomes()
    for make in chosen.makes:
        make(path)
        valid.append(path.read_bytes())
    path.write_bytes(valid[0])
    chosen.read(path)
    end = time.monotonic() + seconds
    while time.monotonic() < end and found.tried < most:
        path.write_bytes(chosen.damage(chance.choice(valid), chance))
        found.tried += 1
        faulthandler.dump_traceback_later(HANGING, exit=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                chosen.read(path)
            found.accepted += 1
        except (SubmissionError, FileNotFoundError) as error:
            line = str(error)
            good = isinstance(error, SubmissionError) and printable(line) == line and len(line) < LONGEST_LINE
            found.refused += good
            if not good:
                found.others = (*found.others, f"input {found.tried}: {line[:300]!r}")
        except Exception as error:  # noqa: BLE001 - what is counted
            found.others = (*found.others, f"input {found.tried}: {type(error).__name__}: {str(error)[:300]!r}")
        finally:
            faulthandler.cancel_dump_traceback_later()
    return found
