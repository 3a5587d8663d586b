"""Programs that take files, network and privileges away from a process: bubblewrap, or a container engine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import submission
from submission.errors import SubmissionError
from submission.export.foreign import OPENERS
from submission.export.sandbox import SCRATCH

IMAGE = "disentanglement-submission"
"""The project's own image (`make image`); ``$SUBMISSION_IMAGE`` names another."""
INSIDE = "/model/model"
"""Where the file is, inside, without its ending."""
NOBODY = 65534
START = "from submission.export.sandbox import main; main()"
INSTALL = (
    "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap), or Docker or Podman and this project's image "
    "(make image)"
)
TRIAL_SECONDS = 60


class IsolationError(SubmissionError):
    """This machine has nothing that can isolate a process."""


@dataclass(frozen=True)
class Limits:
    """What the process may use.

    Attributes:
        memory: bytes of data, on top of the libraries' code.
        seconds: of processor time in all, and of wall-clock time for loading and for each batch.
        threads: of torch.
    """

    memory: int = 4 * 2**30
    seconds: int = 3600
    threads: int = 2

    def arguments(self) -> list[str]:
        """The limits as ``submission.export.sandbox`` reads them."""
        return [str(number) for number in (self.threads, self.memory, self.seconds)]


DEFAULT = Limits()


@dataclass(frozen=True)
class Launch:
    """How to start the process.

    Attributes:
        command: program and arguments.
        environment: of the program itself, not of what runs inside.
        stop: command that ends what a killed program may leave behind; empty where there is nothing.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    stop: tuple[str, ...] = ()


ImageShape = tuple[int, int, int]


def launch(file: Path, limits: Limits, image_shape: ImageShape | None = None) -> Launch:
    """How to run ``submission.export.sandbox`` on a file in isolation.

    Args:
        file: TorchScript, or with an ``image_shape`` a file of the format that its ending names.
        limits: what the process may use.
        image_shape: (height, width, channels) of the images.

    Raises:
        IsolationError: there is neither a bubblewrap that works here nor a container engine with the image.
    """
    if program := bubblewrap():
        return in_bubblewrap(program, file, limits, image_shape)
    if engine := container_engine():
        return in_container(engine, file, limits, image_shape)
    raise IsolationError(f"{file} cannot be isolated: neither bubblewrap nor a container engine works here", INSTALL)


@functools.cache
def bubblewrap() -> str | None:
    """The ``bwrap`` that can make namespaces here."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    return program if succeeds([program, *NOTHING, *system(), *READ_ONLY, "/usr/bin/env", "true"]) else None


@functools.cache
def container_engine() -> str | None:
    """The container engine that runs here and has the image."""
    candidates = filter(None, (os.environ.get("DOCKER"), "docker", "podman"))
    found = (program for name in candidates if (program := shutil.which(name)))
    return next((program for program in found if succeeds([program, "image", "inspect", image()])), None)


def image() -> str:
    """The image's name."""
    return os.environ.get("SUBMISSION_IMAGE") or IMAGE


def succeeds(command: Sequence[str]) -> bool:
    """Whether a command ends well within a minute."""
    try:
        return subprocess.run(command, capture_output=True, timeout=TRIAL_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


NOTHING = (
    *("--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
    *("--uid", str(NOBODY), "--gid", str(NOBODY), "--proc", "/proc", "--dev", "/dev"),
    *("--size", str(SCRATCH), "--tmpfs", "/tmp", "--chdir", "/tmp"),
)
"""bubblewrap: own user, network, process and other namespaces; no environment, capabilities or files."""


def inside(file: Path, image_shape: ImageShape | None) -> str:
    """Where a file is, inside; its ending says what it is taken for."""
    return INSIDE + (file.suffix.lower() if image_shape and file.suffix.lower() in OPENERS else ".pt")


def arguments(file: Path, limits: Limits, image_shape: ImageShape | None) -> list[str]:
    """The arguments of ``submission.export.sandbox``."""
    return [inside(file, image_shape), *limits.arguments(), *map(str, image_shape or ())]


READ_ONLY = ("--remount-ro", "/dev", "--remount-ro", "/")
"""bubblewrap: after all mounts, what it made in memory for them cannot be written; only /tmp can."""


def in_bubblewrap(program: str, file: Path, limits: Limits, image_shape: ImageShape | None = None) -> Launch:
    """The process in bubblewrap, with Python, its packages, the system's libraries and the file, all read-only."""
    given = {"OMP_NUM_THREADS": str(limits.threads), "PYTHONDONTWRITEBYTECODE": "1"}
    variables = [part for name, value in given.items() for part in ("--setenv", name, value)]
    mounts = [part for path in packages() for part in ("--ro-bind", path, path)]
    start = f"import sys; sys.path.insert(0, {str(package().parent)!r}); {START}"
    python = [sys.executable, "-I", "-W", "ignore", "-c", start, *arguments(file, limits, image_shape)]
    model = ["--ro-bind", str(file.resolve()), inside(file, image_shape)]
    command = [program, *NOTHING, *variables, *system(), *mounts, *model, *READ_ONLY, *python]
    return Launch(tuple(command), {})


def system() -> list[str]:
    """The system's programs and libraries, without its settings."""
    arguments: list[str] = []
    for path in map(Path, ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def packages() -> list[str]:
    """Folders that Python needs to import this package and torch, parents before what is inside them."""
    libraries = [Path(module.__file__ or "").parents[1] for module in (torch, np)]
    places: list[str | Path] = [
        sys.prefix,
        sys.exec_prefix,
        sys.base_prefix,
        sysconfig.get_path("stdlib"),
        *libraries,
        package(),
    ]
    folders = {str(path) for place in places for path in (Path(place), Path(place).resolve())}
    return sorted(outermost(folders - {"/", "/usr", "/usr/local"}), key=len)


def outermost(folders: set[str]) -> Iterator[str]:
    """Those that are in no other folder of the set, and not below /usr, which is there."""
    for folder in folders:
        parents = set(map(str, Path(folder).parents))
        if "/usr" not in parents and not parents & folders:
            yield folder


def package() -> Path:
    """The folder of this package."""
    return Path(submission.__file__).resolve().parent


def in_container(engine: str, file: Path, limits: Limits, image_shape: ImageShape | None = None) -> Launch:
    """The process in a container of the project's image: no network, nothing writable, no privileges, limits."""
    name = f"submission-isolated-{uuid.uuid4().hex}"
    memory = f"--memory={limits.memory + 2**30}"  # of data; the libraries need more
    options = (
        *("--rm", "--interactive", "--init", f"--name={name}", "--network=none", "--read-only"),
        *(f"--tmpfs=/tmp:size={SCRATCH}", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *(memory, memory.replace("--memory", "--memory-swap"), "--pids-limit=256", f"--user={NOBODY}:{NOBODY}"),
        *("--env", f"OMP_NUM_THREADS={limits.threads}", "--workdir=/tmp", "--entrypoint=python"),
        f"--mount=type=bind,source={mountable(file)},target={inside(file, image_shape)},readonly",
    )
    python = ("-I", "-W", "ignore", "-c", START, *arguments(file, limits, image_shape))
    command = (engine, "run", *options, image(), *python)
    names = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    return Launch(command, environment, (engine, "rm", "--force", name))


def mountable(file: Path) -> str:
    """The file's path, if a container engine's option can hold it."""
    path = str(file.resolve())
    if "," in path or '"' in path:
        raise SubmissionError(f"{file} cannot be given to a container: its path has a comma or a quote", "rename it")
    return path
