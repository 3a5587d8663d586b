"""Try the wheel with other releases of Python, numpy and torch, each in an environment of its own.

    python scripts/combinations.py /usr/bin/python3.12 /usr/bin/python3.13 --pin numpy==1.26.4 --pin torch==2.6.0

For every interpreter it makes a virtual environment in a temporary folder, installs the last commit with its
dependencies (those of ``--pin`` in these releases), and outside of the checkout trains, evaluates, reports, checks,
exports and ranks a tiny run. One line per interpreter says what was installed and what failed. Packages come from the
index that pip is configured for; ``--index`` names another one, for instance with CPU builds of torch.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TINY = ["--bind=train.steps=4", "--bind=train.batch_size=8", "--bind=model.networks='mlp_small'", "--device=cpu"]
COMMANDS = (
    ["--version"],
    ["train", "--list"],
    ["train", "--config", "demo", *TINY, "--out", "runs/a"],
    ["evaluate", "runs/a", "--preset", "fast", "--metrics", "mig,sap,dci"],
    ["check", "runs/a"],
    ["export", "runs/a", "--formats", "pt"],
    ["leaderboard", "--protocol", "fast"],
    ["report", "runs/a"],
)
VERSIONS = (
    "import platform, torch, numpy; print(platform.python_version(), "
    "'numpy', numpy.__version__, 'torch', torch.__version__)"
)


def call(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder``."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def attempt(python: str, source: Path, pins: list[str], pip_options: list[str]) -> str:
    """One environment; what was installed and the first thing that failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = call([python, "-m", "venv", "env"], folder)
        inside = str(folder / "env" / "bin" / "python")
        packages = [f"{source}[report]", *pins]
        installed = made.returncode or call([inside, "-m", "pip", "install", "-q", *pip_options, *packages], folder)
        if isinstance(installed, int) or installed.returncode:
            reason = made.stderr if isinstance(installed, int) else installed.stderr
            return f"{python} {' '.join(pins)}: not installed: {reason.strip().splitlines()[-1:]}"
        about = call([inside, "-c", VERSIONS], folder).stdout.strip()
        for words in COMMANDS:
            result = call([inside, "-m", "submission", *words], folder)
            if result.returncode:
                return f"{about}: FAILED {' '.join(words)}: {result.stderr.strip().splitlines()[-1:]}"
        return f"{about}: {len(COMMANDS)} commands work"


def main() -> None:
    """Try every interpreter on the last commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interpreters", nargs="+", metavar="PYTHON")
    parser.add_argument("--pin", action="append", default=[], metavar="PACKAGE==RELEASE")
    parser.add_argument("--index", metavar="URL", help="a further package index")
    parser.add_argument("--find-links", metavar="FOLDER", help="a folder of wheels")
    arguments = parser.parse_args()
    options = ["--extra-index-url", arguments.index] if arguments.index else []
    options += ["--find-links", arguments.find_links] if arguments.find_links else []
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source.tar"
        subprocess.run(["git", "archive", "-o", str(source), "HEAD"], cwd=ROOT, check=True)
        shutil.unpack_archive(source, Path(name) / "source")
        for python in arguments.interpreters:
            sys.stdout.write(attempt(python, Path(name) / "source", arguments.pin, options) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
