"""Tests leave nothing behind that later ones of the same process would see."""

from __future__ import annotations

from pathlib import Path

import pytest

from submission import plugins
from submission.metrics.registry import REGISTRY as METRICS
from tests.registries import REGISTRIES, put_back


@pytest.mark.parametrize("registry", REGISTRIES, ids=range(len(REGISTRIES)))
def test_what_a_block_registers_and_changes_is_undone(registry: dict[str, object]) -> None:
    before = dict(registry)
    with put_back():
        registry["mine"] = registry.pop(next(iter(registry)))
    assert registry == before
    assert list(registry) == list(before)


def test_a_module_imported_in_a_block_is_imported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = "from submission.metrics.registry import REGISTRY\nREGISTRY['mine'] = REGISTRY['mig']\n"
    Path("parts_of_a_block.py").write_text(own)
    for _ in range(2):
        with put_back():
            plugins.import_modules(["parts_of_a_block"])
            assert plugins.imported_modules() == ("parts_of_a_block",)
            assert "mine" in METRICS
        assert plugins.imported_modules() == ()
        assert "mine" not in METRICS
