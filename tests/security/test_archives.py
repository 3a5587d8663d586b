"""Archives are read before anything of them is loaded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from submission.errors import SubmissionError
from submission.export.archive import read_archive
from submission.export.torchscript import load_torchscript
from tests.security.attacks import bodies, with_two_tables, write_attack
from tests.security.commands import Attack, model_of, untouched

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


def test_operators_are_listed_without_loading(attack: Attack, user_file: Path) -> None:
    contents = read_archive(model_of(attack("write")))
    assert {"aten::save", "aten::ones", "aten::flatten"} <= set(contents.operators)
    assert contents.files == ("aten::save",)
    assert contents.restoring == 1
    assert contents.foreign == ()
    assert untouched(user_file)


def test_an_archive_with_two_tables_is_refused(tmp_path: Path, user_file: Path) -> None:
    """Python's reader finds a harmless program in it, PyTorch's one that writes."""
    seen = write_attack("pass", tmp_path / "seen_.pt", tmp_path).read_bytes()
    loaded = write_attack(bodies(user_file)["overwrite"], tmp_path / "loads.pt", tmp_path).read_bytes()
    path = tmp_path / "two.pt"
    path.write_bytes(with_two_tables(seen, loaded))
    with pytest.raises(SubmissionError, match="programs could read different contents from it"):
        load_torchscript(path)
    assert untouched(user_file)
    torch.jit.load(str(path))  # what would have happened
    assert not untouched(user_file)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("constants.pkl", "data.pkl", "code/a.py"):
            archive.writestr(f"bomb/{name}", bytes(100 << 20))
    started = time.monotonic()
    with pytest.raises(SubmissionError, match="unpacks to 314,572,800 bytes, too many for its size"):
        read_archive(path)
    assert time.monotonic() - started < 1
