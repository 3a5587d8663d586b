"""A repository to submit from, and a bare one whose hook plays the grader."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOOK = """#!/bin/sh
while read old new ref; do
  case "$ref" in
    refs/tags/submission-bad*) echo "grader: this one is refused" >&2; exit 1 ;;
    refs/tags/submission-*) echo "grader: evaluating $(git cat-file -t $new) $ref"
                            git show "$new:aicrowd.json" > "$GIT_DIR/graded.json" ;;
  esac
done
"""


def git(folder: Path, *arguments: str) -> str:
    """A git command of the test itself."""
    options = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *options, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def make_repository(tmp_path: Path) -> Path:
    """A clean repository with the shipped files, and the remote ``aicrowd``."""
    bare, folder = tmp_path / "grader.git", tmp_path / "mine"
    git(tmp_path, "init", "--bare", str(bare))
    (bare / "hooks" / "pre-receive").write_text(HOOK)
    (bare / "hooks" / "pre-receive").chmod(0o755)
    git(tmp_path, "init", str(folder))
    manifest = json.loads((ROOT / "aicrowd.json").read_text()) | {"authors": ["me"]}
    (folder / "aicrowd.json").write_text(json.dumps(manifest))
    for name in ("Dockerfile", "run.sh"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "run.sh").chmod(0o755)
    git(folder, "add", ".")
    git(folder, "commit", "-m", "First")
    git(folder, "remote", "add", "aicrowd", str(bare))
    return folder
