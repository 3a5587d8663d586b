"""Addresses, published hashes and licences of the original files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from submission.data import originals


@dataclass(frozen=True)
class RemoteFile:
    """One file: its place under the data root, its addresses in order of preference, its hash if one is published.

    ``member`` marks a tar archive: its files under that folder go into the folder ``path``, nothing else is unpacked.
    ``limit`` is the most bytes that are accepted.
    """

    path: str
    urls: tuple[str, ...]
    md5: str = ""
    member: str = ""
    limit: int = 20_000_000_000

    def located(self, root: Path) -> Path:
        """Where the file is under ``root``: unpacked files and .npz re-packings count for their archives."""
        path = root / self.path
        others = {".gz": path.with_suffix(""), ".zip": path.with_suffix(".npz")}
        return next((other for other in (path, others.get(path.suffix, path)) if other.exists()), path)


@dataclass(frozen=True)
class Source:
    """The files of a data set, who may use them how, and what to do by hand where no program can."""

    licence: str
    files: tuple[RemoteFile, ...]
    page: str
    manual: str = ""

    def state(self, root: Path) -> str:
        """``present``, ``missing`` or how many of the files are there."""
        there = sum(file.located(root).exists() for file in self.files)
        return {0: "missing", len(self.files): "present"}.get(there, f"{there} of {len(self.files)}")


NORB = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small"
MPI3D = "https://storage.googleapis.com/mpi3d_disentanglement_dataset/data"
MPI3D_MIRROR = "https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main"
MPI3D_PAGE = "https://github.com/rr-learning/disentanglement_dataset"
MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
MNIST_MD5 = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}
OMNIGLOT = "https://github.com/brendenlake/omniglot/raw/master/python"


def mpi3d_source(name: str, md5: str) -> Source:
    """One of the three MPI3D sets with a direct address."""
    path = originals.MPI3D_FILES[name]
    file = path.rpartition("/")[2]
    remote = RemoteFile(path, (f"{MPI3D}/{file}", f"{MPI3D_MIRROR}/{file}"), md5)
    manual = (
        "The hash is that of the files of 2019; if a re-issued file differs, compare with the page and use --accept"
    )
    return Source("CC BY 4.0", (remote,), MPI3D_PAGE, manual)


DSPRITES_FILE = RemoteFile(
    originals.DSPRITES_FILE,
    tuple(
        f"https://github.com/{owner}/dsprites-dataset/raw/master/{originals.DSPRITES_FILE.rpartition('/')[2]}"
        for owner in ("google-deepmind", "deepmind")
    ),
    "b331c4447a651c44bf5e8ae09022e230",
)
DSPRITES = Source("Apache 2.0", (DSPRITES_FILE,), "https://github.com/google-deepmind/dsprites-dataset")
PAINTING = RemoteFile(
    originals.SCREAM_FILE, ("https://upload.wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg",), limit=100_000_000
)
SOURCES: dict[str, Source] = {
    "dsprites_full": DSPRITES,
    "dsprites_noshape": DSPRITES,
    "color_dsprites": DSPRITES,
    "noisy_dsprites": DSPRITES,
    "scream_dsprites": Source(
        "Apache 2.0; the painting is in the public domain", (DSPRITES_FILE, PAINTING), DSPRITES.page
    ),
    "smallnorb": Source(
        "research use",
        tuple(
            RemoteFile(f"{originals.SMALLNORB_FOLDER}/{chunk}-{part}.mat.gz", (f"{NORB}/{chunk}-{part}.mat.gz",))
            for chunk in originals.SMALLNORB_CHUNKS
            for part in ("dat", "cat", "info")
        ),
        f"{NORB}/",
    ),
    "cars3d": Source(
        "none stated",
        (
            RemoteFile(
                "cars",
                (
                    "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",
                    "http://www-personal.umich.edu/~reedscot/files/nips2015-analogy-data.tar.gz",
                ),
                "4e866a7919c1beedf53964e6f7a23686",
                member="data/cars",
            ),
        ),
        "http://www.scottreed.info/",
    ),
    "shapes3d": Source(
        "Apache 2.0",
        (
            RemoteFile(
                originals.SHAPES3D_FILE,
                ("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
                "099a2078d58cec4daad0702c55d06868",
            ),
        ),
        "https://github.com/google-deepmind/3d-shapes",
    ),
    "mpi3d_toy": mpi3d_source("mpi3d_toy", "55889cb7c7dfc655d6e0277beee88868"),
    "mpi3d_realistic": mpi3d_source("mpi3d_realistic", "59a6225b88b635365f70c91b3e52f70f"),
    "mpi3d_real": mpi3d_source("mpi3d_real", "0f33f609918fb5c97996692f91129802"),
    "mpi3d_complex": Source(
        "CC BY 4.0",
        (RemoteFile(originals.MPI3D_FILES["mpi3d_complex"], ()),),
        MPI3D_PAGE,
        "The download needs a browser: follow 'complex real-world objects' on the page",
    ),
    "faces3d": Source(
        "of the Basel Face Model: only for people who have signed it, no redistribution",
        (RemoteFile(originals.FACES3D_FILE, ()),),
        "https://faces.dmi.unibas.ch/bfm/",
        "Sign the licence of the Basel Face Model 2009 and render the faces, or ask someone who did. The file is a "
        "PyTorch file with one uint8 tensor of 127,050 grey images 64x64, in the order identity 50, azimuth 21, "
        "elevation 11, lighting 11 (the file that the beta-TCVAE experiments read)",
    ),
    "mnist": Source(
        "CC BY-SA 3.0 according to catalogues",
        tuple(
            RemoteFile(f"{originals.MNIST_FOLDER}/{name}.gz", tuple(f"{base}/{name}.gz" for base in MNIST), md5)
            for name, md5 in MNIST_MD5.items()
        ),
        "http://yann.lecun.com/exdb/mnist/",
    ),
    "omniglot": Source(
        "MIT",
        tuple(
            RemoteFile(f"{originals.OMNIGLOT_FOLDER}/{name}.zip", (f"{OMNIGLOT}/{name}.zip",), md5)
            for name, md5 in (
                ("images_background", "68d2efa1b9178cc56df9314c21c6e718"),
                ("images_evaluation", "6b91aef0f799c5bb55b94e3f2daec811"),
            )
        ),
        "https://github.com/brendenlake/omniglot",
        "For the exact pixels and split of the published tables, add chardata.mat of github.com/yburda/iwae",
    ),
    "caltech101": Source(
        "none stated",
        (
            RemoteFile(
                originals.CALTECH_FILE,
                ("https://people.cs.umass.edu/~marlin/data/caltech101_silhouettes_28_split1.mat",),
                "4483e9c14b188fd09937f9ea6f9ea777",
            ),
        ),
        "https://people.cs.umass.edu/~marlin/data.shtml",
    ),
}
SOURCES["mnist_grey"] = SOURCES["mnist"]
