"""``pip install``: checks that the package and its extras exist, without fetching them (tests/install does that)."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]

if __name__ == "__main__":
    action, *wanted = sys.argv[2:]
    assert action == "install", sys.argv
    for word in [word for word in wanted if not word.startswith("-") and word.startswith((".", PROJECT["name"]))]:
        place, _, extras = word.partition("[")
        assert place in (".", PROJECT["name"]), word
        for extra in filter(None, re.split("[],]", extras)):
            assert extra in PROJECT["optional-dependencies"], extra
