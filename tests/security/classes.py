"""Every class of files that others may have made: valid examples of it, its reader, and how it is damaged.

``tests/security/test_fuzz.py`` tries each class with a few inputs in `make test`, for a minute in `make test-slow`;
``python -m tests.security.table`` counts the outcomes for docs/security.md.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from submission import checkpoint
from submission.configuration import load as load_settings
from submission.data import load
from submission.data.archive import unpack
from submission.data.readers import faces3d, hdf5, mnist, omniglot, smallnorb
from submission.data.readers.dsprites import read_packed
from submission.data.readers.matlab import read_matlab
from submission.evaluation.codes import load_codes
from submission.export.archive import read_archive
from submission.report.write import scores_page
from submission.run import Run, ScoreFile, read_log
from submission.studies.comparison import compare
from submission.studies.records import read_records
from tests.security.damage import Damage, mutated, other_gin, other_json, other_lines, recompressed, repacked, signed
from tests.security.data_files import (
    FACES,
    NORB,
    write_drawings,
    write_dsprites,
    write_faces,
    write_h5,
    write_labels,
    write_mat,
    write_norb,
    write_npz,
    write_old_faces,
    write_picture,
    write_shapes,
    write_table,
    write_tar,
    write_turned_faces,
)
from tests.security.downloads import read_download, write_answer, write_chunked_answer, write_redirection
from tests.security.run_files import (
    write_checkpoint,
    write_codes,
    write_csv_codes,
    write_gin,
    write_log,
    write_meta,
    write_records,
    write_scores,
    write_script,
)

Make = Callable[[Path], None]
Read = Callable[[Path], object]
FIX = "get another file"


@dataclass(frozen=True)
class Class:
    """One class of files.

    Attributes:
        file: a name with the class's ending.
        makes: writers of valid files; the first one is accepted as it is.
        read: the reader; SubmissionError for what it refuses.
        damage: the strategy of damaged copies of a valid file's bytes.
    """

    file: str
    makes: tuple[Make, ...]
    read: Read
    damage: Damage


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
        lambda content: (repacked if content.startswith(b"PK") else mutated)(content),
    ),
    "MNIST labels (.gz)": Class(
        "labels.gz", (write_labels,), lambda path: mnist.read_idx(path.with_suffix(""), (12,)), mutated
    ),
    "Cars3D (.tar.gz)": Class("cars.tar.gz", (write_tar,), read_unpacked, mutated),
    "SmallNORB (.mat.gz)": Class(
        "norb.mat.gz",
        (write_norb,),
        lambda path: smallnorb.read_matrix(path.with_suffix(""), NORB.shape, "|u1"),
        recompressed,
    ),
    "Omniglot (.zip)": Class("drawings.zip", (write_drawings,), lambda path: omniglot.read_pictures(path, 4), repacked),
    "dSprites (.npz)": Class("dsprites.npz", (write_dsprites,), lambda path: read_packed(path, 12), repacked),
    "3D Shapes (.h5)": Class("3dshapes.h5", (write_shapes,), read_shapes, mutated),
    "download (HTTP answer)": Class(
        "answer.http", (write_answer, write_chunked_answer, write_redirection), read_download, mutated
    ),
    "TorchScript archive": Class("model.pt", (write_script,), read_archive, repacked),
    "checkpoint": Class("checkpoint.pt", (write_checkpoint,), read_checkpoint, mutated),
    "checkpoint, checksum recomputed": Class("checkpoint.pt", (write_checkpoint,), read_checkpoint, signed),
    "run metadata": Class("meta.json", (write_meta,), read_run, other_json),
    "training log": Class("metrics.jsonl", (write_log,), read_log, other_lines),
    "score file": Class("scores.json", (write_scores,), read_scores, other_json),
    "records of a study": Class("records.jsonl", (write_records,), read_records, other_lines),
    "codes (.npz)": Class("codes.npz", (write_codes,), load_codes, repacked),
    "codes (.csv)": Class("codes.csv", (write_csv_codes,), read_csv_codes, mutated),
    "configuration (.gin)": Class("run.gin", (write_gin,), lambda path: load_settings([str(path)]), other_gin),
}
