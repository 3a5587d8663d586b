"""What the image is made of, read without an engine; `make image-test` builds and runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_linter_finds_nothing() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint is not installed")
    found = subprocess.run([program, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_what_runs_belongs_to_root_and_the_user_has_a_group() -> None:
    assert "--chown" not in DOCKERFILE
    assert re.search(r"^USER \$\{NB_UID\}:\$\{NB_UID\}$", DOCKERFILE, re.MULTILINE)
    owned = re.findall(r"install -d -o \S+ -g \S+ (\S+)", DOCKERFILE)
    assert owned == ["/home/aicrowd/scratch"]


def test_the_base_image_is_pinned_by_digest() -> None:
    assert re.search(r"^ARG BASE_IMAGE=python:3\.11-slim-bookworm@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE_IMAGE}"}
    assert "# syntax=" not in DOCKERFILE


def copy_of_scripts(folder: Path) -> Path:
    """The script that renews the pin, in a copy beside a copy of the Dockerfile."""
    shutil.copytree(ROOT / "docker", folder / "docker")
    shutil.copy(ROOT / "Dockerfile", folder)
    return folder / "docker" / "pin-base-image.sh"


def test_pinning_without_an_engine_is_an_error(tmp_path: Path) -> None:
    script = copy_of_scripts(tmp_path)
    environment = {"PATH": "/usr/bin:/bin", "DOCKER": str(tmp_path / "none")}
    found = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "no engine" in found.stderr
    assert (tmp_path / "Dockerfile").read_text() == DOCKERFILE


def test_the_pin_is_the_digest_that_the_engine_reports(tmp_path: Path) -> None:
    """With an engine that answers as Docker does, on a copy of the scripts."""
    script = copy_of_scripts(tmp_path)
    digest = "sha256:" + "0123456789abcdef" * 4
    engine = tmp_path / "engine"
    engine.write_text(f"#!/bin/sh\ncase $1 in image) echo python@{digest} ;; esac\n")
    engine.chmod(0o755)
    for _ in range(2):  # renewing a pin gives the same tag
        subprocess.run([script], env={"PATH": "/usr/bin:/bin", "DOCKER": str(engine)}, check=True, capture_output=True)
    pinned = (tmp_path / "Dockerfile").read_text()
    assert f"ARG BASE_IMAGE=python:3.11-slim-bookworm@{digest}\n" in pinned
    assert re.sub("sha256:[0-9a-f]{64}", digest, DOCKERFILE) == pinned
