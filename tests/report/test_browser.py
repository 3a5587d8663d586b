"""The page in a real browser: no error, no request, no overflow, nothing that axe finds; skipped without Chromium."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from submission.cli.main import run_program
from submission.report.write import write_report
from tests.script import load_script

pytestmark = pytest.mark.system
pytest.importorskip("playwright")
pytest.importorskip("axe_playwright_python")


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The script that looks at pages."""
    module = load_script("scripts/look_at_pages.py")
    if module.chromium() is None:
        pytest.skip("there is no Chromium")
    return module


@pytest.mark.filterwarnings("ignore")
def test_a_report_has_nothing_wrong(pages: ModuleType, tmp_path: Path) -> None:
    bind = ["--bind", "train.steps=4", "--bind", "train.log_every=2", "--bind", "model.space='S^2 x R^1'"]
    assert run_program("train", ["--config", "demo", *bind, "--out", str(tmp_path / "run")]) == 0
    assert run_program("evaluate", [str(tmp_path / "run"), "--preset", "fast", "--metrics", "mig"]) == 0
    assert pages.look(write_report(tmp_path / "run"), tmp_path) == []
    assert (tmp_path / "report-390-dark.png").is_file()
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.filterwarnings("ignore")
def test_what_is_wrong_is_found(pages: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><body style='width:3000px'><img class='dark' src='http://127.0.0.1:9/x.png'><h4>a</h4>"
        "<p style='color:#ccc;background:#fff'>faint</p><script>null.x</script></body></html>"
    )
    found = " ".join(pages.look(page))
    for words in (
        "request: http://127.0.0.1:9",
        "script:",
        "wider than the window",
        "printed: 1 dark",
        "image-alt",
        "color-contrast",
    ):
        assert words in found
