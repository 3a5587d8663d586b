"""Every command and snippet of the documentation is run: each page is followed from top to bottom."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from submission.cli.main import main
from submission.data.sources import SOURCES
from submission.metrics.registry import REGISTRY as METRICS
from tests.docs.cluster import RayCluster, write_program, write_programs
from tests.docs.following import Follower
from tests.docs.pages import PAGES, ROOT, Block, blocks, name

OUTPUT = "a benchmark printed it; the page's table Provenance names the command, which takes minutes"
NOT_RUN = [
    ("CONTRIBUTING.md", ".venv/bin/python -m pytest tests/metrics", "the tests themselves"),
    ("docs/architecture.md", "data → models", "a diagram"),
    ("docs/data.md", "file,angle,shape", "a file of one's own; tests/data/test_user_pictures.py reads such files"),
    ("docs/latent.md", "spec    :=", "a grammar; tests/latent/test_spec.py"),
    ("docs/studies.md", "runs/mystudy/", "contents of a folder; tests/run/test_naming.py"),
    ("docs/submission.md", "$AICROWD_OUTPUT_PATH", "paths; tests/challenge/test_grade.py"),
    ("docs/results/combinations.md", "python scripts/combinations.py", "installs other versions of Python's packages"),
    ("docs/results/data.md", "ready + 400 batches", OUTPUT),
    ("docs/results/distributions.md", "commit ", OUTPUT),
    ("docs/results/training.md", "", OUTPUT),
]
"""(page, how a block begins, why no test runs it). Every other block is run."""
RUN = ["runs/demo"]
GIVEN = {
    "README.md": ["codes.npz"],
    "docs/likelihood.md": RUN,
    "docs/metrics.md": [*RUN, "codes.npz", "model.pt", "runs/beta_vae", "runs/factor_vae"],
    "docs/methods/s-vae.md": RUN,
    "docs/plots.md": [*RUN, "runs/a", "runs/b"],
    "docs/report.md": [*RUN, "runs/a", "runs/b", "runs/mystudy", "scores.json"],
    "docs/run-folder.md": RUN,
    "docs/security.md": ["their_model.pt"],
}
"""What a page takes for granted: files of the ``workshop`` that lie in the reader's folder."""
PLACES = {
    "RUN": "runs/demo",
    "runs/NAME": "runs/demo",
    "FILE.pt": "model.pt",
    "FILE.npz": "codes.npz",
    "NAME": "dsprites_tiny",
    "FOLDER": ".",
    "HEAD": "127.0.0.1",
    "ADDRESS": str(ROOT),
    "git@SERVER:USER/REPOSITORY.git": "../grader-of-the-page.git",
}
FOLLOWED = [page for page in PAGES if blocks(page)]


TRAIN = """import sys
from submission.cli.main import main
from tests.docs.following import shortened
sys.exit(main(shortened(["train", *sys.argv[1:]])))
"""
"""The program ``train.py`` of a page's job script, with less work."""
CYCLES = np.array([True, False, False])
ARCHIVE = b"a small file"


def names_of(page: str) -> dict[str, Any]:
    """What the Python blocks of a page take for granted."""
    if page == "docs/training.md":
        return {"my_metric": METRICS["mig"], "MyPictures": dict}
    if page != "docs/data.md":
        return {}
    pictures = np.zeros((4, 8, 8, 1), np.uint8)
    return {
        "my_renderer": lambda angle, size: np.zeros((64, 64), np.uint8),
        "torch_dataset": pictures,
        "anything": pictures,
    }


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored run, a second one, a model of somebody else, and a file of codes with its scores."""
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = ["--config", "demo", "--bind", "train.steps=8", "--out"]
        assert main(["train", *run, "runs/demo"]) == 0
        assert main(["evaluate", "runs/demo", "--preset", "fast", "--metrics", "mig,sap"]) == 0
        for other in ("a", "b", "mystudy/seed_0", "beta_vae/seed_0", "factor_vae/seed_0"):
            shutil.copytree("runs/demo", f"runs/{other}")
        for model in ("model.pt", "their_model.pt"):
            shutil.copy("runs/demo/representation/pytorch_model.pt", model)
        rng = np.random.default_rng(0)
        factors = rng.integers(0, (16, 5, 4), (800, 3))
        np.savez(
            "codes.npz", codes=factors + 0.1 * rng.standard_normal(factors.shape), factors=factors, periodic=CYCLES
        )
        assert (
            main(["evaluate", "--codes", "codes.npz", "--preset", "fast", "--metrics", "mig", "--json", "scores.json"])
            == 0
        )
    return folder


class Archive(http.server.BaseHTTPRequestHandler):
    """A server of one file."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(ARCHIVE)))
        self.end_headers()
        self.wfile.write(ARCHIVE)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def archive() -> Iterator[str]:
    """The address of a file on this machine, which stands for the one that ``data download`` fetches."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/3dshapes.h5"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """The nodes that pages start; equal lines of several pages start one node."""
    nodes = RayCluster()
    yield nodes
    nodes.close()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str) -> Path:
    """The reader's folder: a small clone of this project, and a PATH with the stand-ins for other machines."""
    write_programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    monkeypatch.setenv("RAY_ADDRESS", "")
    monkeypatch.setenv("SLURM_QUEUE", str(tmp_path / "queue"))
    (tmp_path / "queue").mkdir()
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "t")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "t@example.org")
    folder = tmp_path / "clone"
    folder.mkdir()
    for file in ("aicrowd.json", "Dockerfile", "run.sh", ".gitignore"):
        shutil.copy(ROOT / file, folder)
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    write_program(place(folder / ".venv" / "bin" / "python"), f'exec {sys.executable} "$@"')
    (folder / "docs" / "results").mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "results" / "studies", folder / "docs" / "results" / "studies")
    start = "git init -q -b main && git add . && git commit -q -m Start && git init -q --bare ../grader-of-the-page.git"
    subprocess.run(["bash", "-e", "-c", start], cwd=folder, check=True, timeout=60)
    monkeypatch.chdir(folder)
    files = (dataclasses.replace(SOURCES["shapes3d"].files[0], urls=(archive,), md5=hashlib.md5(ARCHIVE).hexdigest()),)
    monkeypatch.setitem(SOURCES, "shapes3d", dataclasses.replace(SOURCES["shapes3d"], files=files))
    monkeypatch.setattr("sys.argv", ["train.py"])  # hints of commands name them as the pages do
    return folder


@pytest.mark.system
@pytest.mark.usefixtures("blank_pictures")
@pytest.mark.parametrize("page", FOLLOWED, ids=name)
def test_a_page_can_be_followed(
    page: Path, reader: Path, workshop: Path, cluster: RayCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tutorials word for word; other pages with shorter training and fewer metrics; reports without their figures."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    for given in GIVEN.get(name(page), []):
        (shutil.copytree if (workshop / given).is_dir() else shutil.copy)(workshop / given, place(reader / given))
    capsys.readouterr()
    places = {**PLACES, "/shared": str(reader.parent / "shared")}
    follower = Follower(capsys, places, names_of(name(page)), "tutorials" not in page.parts, cluster)
    for block in blocks(page):
        if not exempt(block):
            follower.follow(block)


def place(path: Path) -> Path:
    """A path whose folder exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def exempt(block: Block) -> bool:
    """Whether no test runs a block."""
    return any(block.page == page and block.first.startswith(start) for page, start, _ in NOT_RUN)


def test_exceptions_are_blocks_of_pages() -> None:
    written = [block for page in FOLLOWED for block in blocks(page)]
    for page, start, reason in NOT_RUN:
        assert reason
        assert any(block.page == page and block.first.startswith(start) for block in written), (page, start)
