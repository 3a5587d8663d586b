"""Data sets: seconds until ready, memory above the interpreter, and batches against training steps.

Each memory figure is the peak of a process of its own, less that of one that only imports. The files are written here
in the original formats, with dSprites' contents and with an MPI3D-sized grid of zeros.
"""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from submission.data import GroundTruthDataset, load
from submission.data.synthetic.dsprites import SIZES, render

WRITERS = Path(__file__).resolve().parents[1] / "tests" / "data" / "conftest.py"
CHILD = """
import re, time
from pathlib import Path
import numpy as np
from submission.data import load
start, cpu = time.perf_counter(), time.process_time()
{work}
seconds = time.perf_counter() - start
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(seconds, time.process_time() - cpu, int(peak) / 1024)
"""
OURS = "data = load({name!r}, {root!r})\nfor _ in range(400): data.images(np.random.randint(len(data), size=64))"
PEER = "images = np.load({path!r})['imgs']\nfor _ in range(400): images[np.random.randint(len(images), size=64)]"
MPI3D_COUNT = 1_036_800


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        memory(root)
    rates()


def memory(root: Path) -> None:
    """Ready and 400 random batches of 64, in a process of its own."""
    spec = importlib.util.spec_from_file_location("writers", WRITERS)
    assert spec is not None
    assert spec.loader is not None
    writers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writers)
    npz = writers.write_dsprites(root, render(), SIZES)
    write_sparse_mpi3d(root / "mpi3d_real" / "mpi3d_real.npz")
    base = child("pass")[2]
    cases = {
        "dsprites_full, rendered": OURS.format(name="dsprites_full", root="/nowhere"),
        "dsprites_full, its own file": OURS.format(name="dsprites_full", root=str(root)),
        "  peer: np.load of that file": PEER.format(path=str(npz)),
        "mpi3d_real, 1,036,800 images": OURS.format(name="mpi3d_real", root=str(root)),
        "turntable": OURS.format(name="turntable", root=""),
        "cars3d_standin": OURS.format(name="cars3d_standin", root=""),
        "faces3d_standin": OURS.format(name="faces3d_standin", root=""),
        "mpi3d_standin": OURS.format(name="mpi3d_standin", root=""),
    }
    print(f"{'ready + 400 batches of 64':32} {'seconds':>8} {'of CPU':>7} {'MB above the interpreter':>26}")
    for label, work in cases.items():
        seconds, cpu, peak = child(work)
        print(f"{label:32} {seconds:8.2f} {cpu:7.2f} {peak - base:26.0f}")


def child(work: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and peak memory (MB) of a process that does ``work``."""
    done = subprocess.run([sys.executable, "-c", CHILD.format(work=work)], capture_output=True, text=True, check=True)
    seconds, cpu, peak = map(float, done.stdout.split())
    return seconds, cpu, peak


def write_sparse_mpi3d(path: Path) -> None:
    """An uncompressed archive of MPI3D's size (12.7 GB of zeros) that takes no room: the file has a hole."""
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as member:
        shape = (MPI3D_COUNT, 64, 64, 3)
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": shape})
    grow(path, MPI3D_COUNT * 64 * 64 * 3)


def grow(path: Path, extra: int) -> None:
    """Insert ``extra`` zeros behind the only member, as a hole, and write the directory anew."""
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
        end = archive.start_dir
    with path.open("rb+") as file:
        file.truncate(end)
        file.truncate(end + extra)
    with zipfile.ZipFile(path, "a") as archive:
        info.file_size += extra
        info.compress_size += extra
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        archive._didModify = True


def rates() -> None:
    """Images a second of batches against those of the training step that they feed, in turns."""
    print(f"\n{'images/s':34} {'batches':>12} {'training step':>14} {'ratio':>7}")
    cases: list[tuple[str, dict[str, object], Callable[[int], nn.Module], int]] = [
        ("dsprites_full", {}, mlp, 256),
        ("turntable", {"color": True}, convolutional, 64),
        ("mpi3d_standin", {}, convolutional, 64),
    ]
    for name, options, network, batch in cases:
        dataset = load(name, "/nowhere", **options)
        assert isinstance(dataset, GroundTruthDataset)
        step = training_step(network(dataset.image_shape[2]), dataset, batch)
        feed = functools.partial(batches, dataset, batch)
        pairs = [(timed(feed, 50), timed(step, 4)) for _ in range(3)]
        ours, bound = (batch / min(times) for times in zip(*pairs, strict=True))
        print(
            f"{name + ', ' + network.__name__ + f', batch {batch}':34} {ours:12,.0f} {bound:14,.0f} {ours / bound:7.1f}"
        )


def batches(dataset: GroundTruthDataset, batch: int) -> torch.Tensor:
    """One random batch as floats."""
    return torch.from_numpy(dataset.images(np.random.randint(len(dataset), size=batch))).float()


def mlp(channels: int) -> nn.Module:
    """The fully connected networks of Stühmer et al. (2020): 1200-1200 and 1200-1200-1200."""
    encoder = [nn.Linear(4096 * channels, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 10)]
    decoder = [nn.Linear(10, 1200), nn.Tanh(), nn.Linear(1200, 1200), nn.Tanh(), nn.Linear(1200, 4096 * channels)]
    return nn.Sequential(nn.Flatten(), *encoder, *decoder, nn.Unflatten(1, (channels, 64, 64)))


def convolutional(channels: int) -> nn.Module:
    """disentanglement_lib's convolutional networks."""
    down = [nn.Conv2d(a, b, 4, 2, 1) for a, b in ((channels, 32), (32, 32), (32, 64), (64, 64))]
    up = [nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((64, 64), (64, 32), (32, 32), (32, channels))]
    layers = [part for layer in down for part in (layer, nn.ReLU())]
    middle = [nn.Flatten(), nn.Linear(1024, 10), nn.Linear(10, 1024), nn.Unflatten(1, (64, 4, 4))]
    return nn.Sequential(*layers, *middle, *[part for layer in up for part in (layer, nn.ReLU())][:-1])


def training_step(network: nn.Module, dataset: GroundTruthDataset, batch: int) -> Callable[[], torch.Tensor]:
    """Forward, backward and Adam on one fixed batch: the step without its data."""
    optimiser = torch.optim.Adam(network.parameters())
    images = batches(dataset, batch).movedim(3, 1).contiguous() / dataset.maximum

    def step() -> torch.Tensor:
        loss = nn.functional.binary_cross_entropy_with_logits(network(images), images)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    return step


def timed(work: Callable[[], object], repeats: int) -> float:
    """Least seconds of one call."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
