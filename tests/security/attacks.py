"""TorchScript files that attack while they are loaded, by a ``__setstate__`` of their own."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import torch

SECRET = b"0123456789"
TOUCHING = ("write", "overwrite", "read")
ENDLESS = ("memory", "loop")
HEAD = "from typing import Tuple\nimport torch\nfrom torch import Tensor, nn\n"


def attacking(body: str) -> str:
    """The source of a module that runs ``body`` while it is loaded."""
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    return f"""{HEAD}
class Attack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.data = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self) -> Tuple[Tensor, bool]:
        return self.data, False

    @torch.jit.export
    def __setstate__(self, state: Tuple[Tensor, bool]) -> None:
{indented}
        self.data = state[0]
        self.training = False

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :4]
"""


def bodies(target: Path) -> dict[str, str]:
    """Attack → what runs while the file is loaded; ``target`` is a file of the user's."""
    found = {
        "write": f"torch.save(torch.ones(3), {str(target.parent / 'written')!r})",
        "overwrite": f"torch.save(torch.ones(3), {str(target)!r})",
        "read": f"print(torch.from_file({str(target)!r}, False, 4, dtype=torch.uint8))",
        "memory": "x = [torch.rand(1 << 27)]\nfor i in range(100):\n    x.append(x[-1] + 1)\nprint(x[-1].sum())",
        "loop": "i = 0\nwhile i >= 0:\n    i = (i + 1) % 1000",
        "nothing": "pass",
    }
    return found | {"touch": "\n".join(found[name] for name in TOUCHING)}


def write_attack(body: str, path: Path, scratch: Path) -> Path:
    """A TorchScript file with that ``body``; its source must be a file, which PyTorch reads."""
    source = scratch / f"{path.stem}_source.py"
    source.write_text(attacking(body))
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path.parent.mkdir(parents=True, exist_ok=True)
    made: torch.nn.Module = module.Attack()
    torch.jit.save(torch.jit.script(made), str(path))
    return path


END = struct.Struct("<4s4H2LH")
"""The last record of a zip archive: signature, four numbers of disks and members, size and place of the table."""


def with_two_tables(seen: bytes, loaded: bytes) -> bytes:
    """An archive in which Python finds the members of ``seen`` and PyTorch those of ``loaded``.

    Python takes the table of members that ends where the last record begins, PyTorch the one at the place that the
    record states. Both archives must have tables of one size.
    """
    _, *_, members, size, place, _ = END.unpack_from(loaded, loaded.rfind(b"PK\x05\x06"))
    _, *_, seen_size, seen_place, _ = END.unpack_from(seen, seen.rfind(b"PK\x05\x06"))
    assert seen_size == size
    assert seen_place <= place
    table = seen[seen_place : seen_place + size]
    end = END.pack(b"PK\x05\x06", 0, 0, members, members, size, place, 0)
    return loaded[: place + size] + seen[:seen_place] + bytes(place - seen_place) + table + end
