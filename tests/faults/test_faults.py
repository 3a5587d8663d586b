"""Real processes, really killed: the last good state stays, and the resumed run ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from submission import checkpoint
from submission.export.torchscript import load_torchscript
from submission.run import Run

pytestmark = pytest.mark.system
KILLS = 20


def state(folder: Path) -> dict[str, Any]:
    """The last checkpoint without the time it took."""
    found = checkpoint.read(folder / "checkpoint.pt")
    return {key: found[key] for key in ("step", "fraction", "model", "objective", "optimizer", "random")}


def same(first: Any, second: Any) -> bool:
    """Bitwise equality of nested containers of tensors."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


@pytest.fixture(scope="module")
def whole(nursery: Any) -> dict[str, Any]:
    """Final state of a run that nothing happened to."""
    ended = nursery.train("whole")
    assert ended["status"] == 0, ended["messages"]
    return state(nursery.folder / "whole")


def test_killed_at_twenty_random_moments_it_ends_with_the_same_weights(nursery: Any, whole: dict[str, Any]) -> None:
    duration = nursery.train("timed")["seconds"]
    random = np.random.default_rng(0)
    kills, runs, resumed_from = 0, 0, set()
    while kills < KILLS:
        folder = nursery.folder / f"killed{runs}"
        status = 1
        while status != 0:
            moment = random.uniform(0, 0.9 * duration) if kills < KILLS else None
            status = nursery.train(folder.name, kill_after=moment)["status"]
            kills += status == -9
            assert status in (0, -9)
            if status == -9 and checkpoint.previous(folder / "checkpoint.pt").exists():
                resumed_from.add(checkpoint.load(folder / "checkpoint.pt")[0]["step"])
        assert same(state(folder), whole)
        steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert steps == list(range(3, 151, 3))
        runs += 1
    assert len(resumed_from & set(range(3, 150))) >= 5, resumed_from


def test_sigterm_saves_and_exports_within_ten_seconds(nursery: Any, whole: dict[str, Any]) -> None:
    ended = nursery.train("terminated", kill_after=2.0, signal=15, steps=10**6)
    assert ended["status"] == 143
    assert ended["seconds"] < 10
    last = re.search(r"stopped by SIGTERM after update ([\d,]+)", ended["messages"])
    assert last
    exported = load_torchscript(nursery.folder / "terminated" / "representation" / "pytorch_model.pt")
    assert exported(torch.rand(2, 1, 8, 8)).shape == (2, 2)
    saved = checkpoint.read(nursery.folder / "terminated" / "checkpoint.pt")["step"]
    assert saved == int(last[1].replace(",", ""))


def test_a_second_process_in_the_same_folder_is_refused(nursery: Any, whole: dict[str, Any]) -> None:
    with Run(nursery.folder / "shared").lock():
        ended = nursery.train("shared")
    assert ended["status"] == 1
    assert f"is being trained by process {os.getpid()}" in ended["messages"]
    assert nursery.train("shared")["status"] == 0


def test_a_full_quota_keeps_the_last_checkpoint(nursery: Any, whole: dict[str, Any]) -> None:
    first = nursery.train("quota", lose_at=0)  # leaves the checkpoint of update 0, which has no optimiser state yet
    path = nursery.folder / "quota" / "checkpoint.pt"
    before = path.read_bytes()
    assert first["status"] == 1
    ended = nursery.train("quota", limit=len(before) + 1000)
    assert ended["status"] == 1
    assert "after update 3: cannot write" in ended["messages"]
    assert "File too large" in ended["messages"]
    assert path.read_bytes() == before
    assert nursery.train("quota")["status"] == 0
    assert same(state(path.parent), whole)


def test_a_full_disk_keeps_the_last_checkpoint(nursery: Any, whole: dict[str, Any]) -> None:
    disk = nursery.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    try:
        ended = nursery.train("disk/run")
        assert ended["status"] == 1
        assert "No space left on device" in ended["messages"]
        assert checkpoint.read(disk / "run" / "checkpoint.pt")["step"] % 3 == 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert nursery.train("disk/run")["status"] == 0
        assert same(state(disk / "run"), whole)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_damaged_checkpoints_are_passed_over_or_refused(nursery: Any, whole: dict[str, Any]) -> None:
    nursery.train("damaged", lose_at=20)
    path = nursery.folder / "damaged" / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    ended = nursery.train("damaged", lose_at=40)
    assert "checkpoint.pt is damaged (its checksum is wrong); continuing from update 15" in ended["messages"]
    path.write_bytes(path.read_bytes()[:1000])
    ended = nursery.train("damaged")
    assert "checkpoint.pt is damaged" in ended["messages"]
    assert ended["status"] == 0
    assert same(state(path.parent), whole)
    for file in (path, checkpoint.previous(path)):
        file.write_bytes(file.read_bytes()[:-1])
    ended = nursery.train("damaged")
    assert ended["status"] == 1
    assert "this run cannot be resumed" in ended["messages"]


def test_the_error_for_a_vanished_data_file_names_the_update(nursery: Any, whole: dict[str, Any]) -> None:
    ended = nursery.train("vanished", lose_at=31)
    assert ended["status"] == 1
    assert "the images of update 31 cannot be read" in ended["messages"]
    assert "vanished.npy" in ended["messages"]
    assert "Traceback" not in ended["messages"]
    assert checkpoint.read(nursery.folder / "vanished" / "checkpoint.pt")["step"] == 30
    assert nursery.train("vanished")["status"] == 0
    assert same(state(nursery.folder / "vanished"), whole)
