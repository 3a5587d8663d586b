"""Run the image as the grader would, locked down, and compare what it wrote: `make image-test` after `make image`.

Prints one line per step and writes the figures as a page when ``RESULTS`` names a file. Exit code 0: all good, or no
container engine ("skipped: no engine").
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.io import savemat

from submission import data, provenance

ROOT = Path(__file__).resolve().parents[1]
DOCKER = os.environ.get("DOCKER", "docker")
IMAGE = os.environ.get("IMAGE", "disentanglement-submission")
LIMIT = 1300  # MB
LOCKED = shlex.split("""--rm --init --network=none --user 1001:1001 --read-only --tmpfs /tmp --cap-drop=ALL
--security-opt=no-new-privileges --memory=4g --memory-swap=4g --cpus=2 --pids-limit=512 --shm-size=512m
-e OMP_NUM_THREADS=2""")
GRADER = shlex.split("""-e AICROWD_OUTPUT_PATH=/shared/output -e AICROWD_EVALUATION_NAME=experiment
-e AICROWD_DATASET_NAME=cars3d -e DISENTANGLEMENT_LIB_DATA=/shared/data""")
SMALL = ["-e", "SUBMISSION_BIND=train.steps=100; model.networks='mlp_small'; train.learning_rate=1e-3"]
MODEL = "experiment/representation/pytorch_model.pt"
PLAIN = ["--no-baselines", "--metrics", "mig,factor_vae,dci,sap,irs", "--json", "-"]
Figures = dict[str, str]


def main() -> int:
    """Every step in order; an assertion names what failed."""
    if subprocess.run([DOCKER, "version"], capture_output=True, check=False).returncode:
        say("skipped: no engine")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "output").mkdir(mode=0o777)
        (work / "output").chmod(0o777)
        work.chmod(0o755)
        write_cars(work / "data")
        figures = image_figures() | train(work) | limits(work) | scores(work)
    for name, value in figures.items():
        say(f"{name}: {value}")
    if os.environ.get("RESULTS"):
        Path(os.environ["RESULTS"]).write_text(page(figures))
    return 0


def write_cars(root: Path) -> None:
    """The made stand-in for Cars3D as the original's 183 files, which disentanglement_lib and our reader take."""
    dataset = data.load("cars3d_standin")
    (root / "cars").mkdir(parents=True)
    views = dataset.images(np.arange(len(dataset))).reshape(4, 24, 183, 64, 64, 3)
    for number in range(183):
        mesh = views[:, :, number].repeat(2, axis=2).repeat(2, axis=3).transpose(2, 3, 4, 1, 0)
        savemat(root / "cars" / f"car_{number:03}_mesh.mat", {"im": mesh}, do_compression=True)


def docker(work: Path, options: list[str], *command: str, output: str = "") -> subprocess.CompletedProcess[str]:
    """Run the image locked down; ``output`` is the mount of the output folder, e.g. ``:ro``."""
    mounts = ["-v", f"{work}/data:/shared/data:ro", "-v", f"{work}/output:/shared/output{output}"]
    arguments = [DOCKER, "run", *LOCKED, *GRADER, *mounts, *options, IMAGE, *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def image_figures() -> Figures:
    """Size and user."""
    found = subprocess.run([DOCKER, "image", "inspect", IMAGE], capture_output=True, text=True, check=True)
    about = json.loads(found.stdout)[0]
    megabytes = about["Size"] / 1e6
    assert megabytes <= LIMIT, f"the image has {megabytes:.0f} MB, more than {LIMIT}"
    assert about["Config"]["User"] not in ("", "0", "root"), "the image runs as root"
    return {"image size": f"{megabytes:.0f} MB (at most {LIMIT})", "user of the image": about["Config"]["User"]}


def train(work: Path) -> Figures:
    """The entry point as the grader starts it, then our check from outside."""
    start = time.perf_counter()
    result = docker(work, SMALL, "/home/aicrowd/run.sh")
    seconds = time.perf_counter() - start
    assert result.returncode == 0, result.stdout + result.stderr
    assert "AIcrowd Submit" in result.stdout, result.stdout
    model = work / "output" / MODEL
    assert model.is_file()
    assert (model.parent / "results").is_dir()
    check = run_here("check", str(work / "output/experiment"))
    assert check.returncode == 0, check.stdout
    wrong = docker(work, ["-e", "AICROWD_CUDA=maybe"])
    assert wrong.returncode == 2, f"a bad variable gives exit code {wrong.returncode}"
    none = docker(work, ["-e", "AICROWD_DATASET_NAME=shapes3d", "-e", "AICROWD_EVALUATION_NAME=none"])
    assert none.returncode == 1, f"missing data give exit code {none.returncode}"
    readonly = docker(work, ["-e", "AICROWD_EVALUATION_NAME=readonly", *SMALL], output=":ro")
    assert readonly.returncode == 1, readonly.stdout + readonly.stderr
    return {
        "entry point on Cars3D's files: read, 100 updates of a small network, export, check": f"{seconds:.1f} s",
        "`check` on what it wrote, outside": "passes",
        "exit codes": "0 done, 2 bad variable, 1 missing data, 1 read-only output",
    }


def run_here(*command: str) -> subprocess.CompletedProcess[str]:
    """A command of this package on this machine."""
    arguments = [sys.executable, "-m", "submission", *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT)


def limits(work: Path) -> Figures:
    """Each limit is hit on purpose."""
    python = "/opt/venv/bin/python"
    memory = docker(work, ["--memory=64m", "--memory-swap=64m"], python, "-c", "bytearray(10**9)")
    assert memory.returncode == 137, memory.returncode
    connect = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    network = docker(work, [], python, "-c", connect)
    assert "Network is unreachable" in network.stderr, network.stderr
    places = {"/shared/data/x": "data", "/home/aicrowd/x": "root", "/opt/venv/x": "root"}
    for path in places:
        written = docker(work, [], python, "-c", f"open({path!r}, 'w')")
        assert "Read-only file system" in written.stderr, f"{path}: {written.stderr}"
    user = docker(work, [], "id", "-u").stdout.strip()
    assert user == "1001", user
    kernels = "from submission.accelerators.library import library; print(library('trees') is not None)"
    compiled = docker(work, [], python, "-c", kernels).stdout.strip()
    return {
        "64 MB of memory": "killed, exit code 137",
        "network": "unreachable",
        "data, root file system": "read-only",
        "user of the run": user,
        "compiled kernels in the image": compiled,
    }


def scores(work: Path) -> Figures:
    """The same scores inside and outside."""
    inside = docker(work, [], "python", "evaluate.py", f"/shared/output/{MODEL}", "--data", "cars3d", *PLAIN)
    assert inside.returncode == 0, inside.stderr
    outside = run_here(
        "evaluate", str(work / "output" / MODEL), "--data", "cars3d", "--data-root", str(work / "data"), *PLAIN
    )
    assert outside.returncode == 0, outside.stderr
    first, second = headlines(json.loads(inside.stdout)), headlines(json.loads(outside.stdout))
    assert first == second, f"inside {first}, outside {second}"
    return {"scores inside = outside": ", ".join(f"{name} {value:.6f}" for name, value in first.items())}


def headlines(scores: dict) -> dict[str, float]:
    """Metric → headline of the first column."""
    column = next(iter(scores["columns"].values()))["scores"]
    return {name: outcome["values"][scores["metrics"][name]["headline"]] for name, outcome in column.items()}


def page(figures: Figures) -> str:
    """The figures as a page."""
    rows = "".join(f"| {name} | {value} |\n" for name, value in figures.items())
    build = f"Built with `make image` in {os.environ['BUILD_SECONDS']} s.\n" if os.environ.get("BUILD_SECONDS") else ""
    engine = subprocess.run([DOCKER, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True,
                            check=True).stdout.strip()  # fmt: skip
    base = os.environ.get("BASE_IMAGE") or "python:3.11-slim-bookworm"
    return (
        "# Test of the container image\n\nThe image was built with `make image`, and tested with `make image-test` as "
        "the grader would run it: without network, as user\n1001, with a read-only file system and limits on memory, "
        f"cores and processes.\n\n| what | result |\n|---|---|\n{rows}\n{build}\n"
        "## Provenance\n\n| figures | command | commit | machine |\n|---|---|---|---|\n"
        f"| the table | `make image && make image-test`, Docker {engine}, base `{base}`, {provenance.now()} | "
        f"{provenance.commit()} | {provenance.machine()} |\n\nThe containers ran with `{' '.join(LOCKED)}`.\n"
    )


def say(line: str) -> None:
    """One line on standard output."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
