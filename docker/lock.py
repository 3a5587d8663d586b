"""Write requirements.lock and requirements-cuda.lock: every wheel of the image, pinned by version and SHA-256.

    python docker/lock.py CPU_REPORT CUDA_REPORT

The arguments are reports that pip writes without installing anything:

    pip install --dry-run --ignore-installed --only-binary=:all: --python-version 3.11 --target /tmp/none \\
        --report REPORT -r docker/requirements.in

once where pip finds the CPU wheel of torch, once where it finds the CUDA one (which needs further packages). Both
wheels of torch carry one version number, so one line with two hashes serves both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
Pins = dict[tuple[str, str], str]


def pins(report: Path) -> Pins:
    """(name, version without local part) → hash of the wheel."""
    found = {}
    for item in json.loads(report.read_text())["install"]:
        name = item["metadata"]["name"].lower().replace("_", "-")
        version = item["metadata"]["version"].partition("+")[0]
        found[name, version] = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return found


def line(name: str, version: str, *hashes: str) -> str:
    """One requirement."""
    return f"{name}=={version} " + " ".join(f"--hash=sha256:{digest}" for digest in hashes) + "\n"


def main() -> None:
    """Write both locks."""
    cpu, cuda = (pins(Path(argument)) for argument in sys.argv[1:3])
    shared = {name for name, _ in cpu}
    text = "# Made by docker/lock.py from docker/requirements.in (Linux x86-64, Python 3.11).\n"
    for key in sorted(cpu):
        hashes = dict.fromkeys([cpu[key], cuda.get(key, cpu[key])])
        text += line(*key, *hashes)
    (ROOT / "requirements.lock").write_text(text)
    extra = "# Made by docker/lock.py: what the CUDA wheel of torch needs beside requirements.lock.\n"
    extra += "".join(line(*key, digest) for key, digest in sorted(cuda.items()) if key[0] not in shared)
    (ROOT / "requirements-cuda.lock").write_text(extra)


if __name__ == "__main__":
    main()
