"""``python -m submission export``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from submission.errors import UsageError

SUMMARY = (
    "Export a trained run as TorchScript, torch.export, ONNX and safetensors, and check that all give the same codes."
)
EPILOG = """examples:
  python -m submission export runs/demo                            all formats, the run's mode
  python -m submission export runs/demo --mode ambient --formats pt
  python -m submission export runs/demo --formats onnx,pt2

The TorchScript file replaces representation/pytorch_model.pt, which evaluate.py then scores. The other files go into
export/, with config.gin and meta.json. docs/export.md explains the formats, docs/latent.md the modes."""


@dataclass(frozen=True)
class ExportOptions:
    """The command line of ``export``.

    Attributes:
        run: the run folder.
        mode: codes to export; empty for those that the run exports.
        formats: names in ``submission.export.formats.FORMATS``.
        isolated: whether to load the untrained encoder in a sandbox.
    """

    run: Path
    mode: str
    formats: tuple[str, ...]
    isolated: bool

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> ExportOptions:
        """The command line, checked."""
        from submission.export.formats import FORMATS

        formats = tuple(name.strip() for name in arguments.formats.split(",") if name.strip())
        if not formats:
            raise UsageError("--formats is empty", "e.g. --formats pt,onnx")
        for name in formats:
            if name not in FORMATS:
                raise UsageError(f"unknown format {name!r}", f"choose from {', '.join(FORMATS)}")
        return cls(arguments.folder, arguments.mode, formats, arguments.isolated)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``export``."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    parser.add_argument(
        "--mode", default="", help="codes to export (default: the run's mode; docs/latent.md lists them)"
    )
    text = "with another --mode: load baseline/untrained.pt in a sandbox (docs/security.md)"
    parser.add_argument("--isolated", action="store_true", help=text)
    parser.add_argument(
        "--formats",
        default="pt,pt2,onnx,safetensors",
        help="comma-separated formats (default: pt,pt2,onnx,safetensors)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export and report the differences."""
    options = ExportOptions.of(arguments)
    from submission.cli.console import Bars, say
    from submission.export.bundle import write_bundle
    from submission.export.formats import FORMATS
    from submission.run import Run

    folder = Run.open(options.run)
    model = folder.model()
    mode = options.mode or folder.meta.representation.mode or model.space.export_modes[0]
    gaps = write_bundle(folder, model, mode, options.formats, Bars(), options.isolated)
    for name, gap in gaps.items():
        verdict = "not compared: its reader is not installed" if gap is None else f"differs by at most {gap:.1e}"
        say(f"✓ {folder.path / FORMATS[name].file}: {verdict}")
    return 0
