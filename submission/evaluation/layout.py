"""Which columns of a representation belong together, and which are angles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from submission.metrics.base import Blocks, Codes
from submission.run import BlockMeta

ANGLES = {"circle": 1, "torus": 2}
"""Columns of a block of this topology when they are angles; its ambient coordinates are more."""


@dataclass(frozen=True)
class Layout:
    """Blocks of columns, each one component of the latent space.

    Attributes:
        names: of the blocks.
        blocks: their columns.
        angles: columns that hold an angle in radians, for which 0 and 2π are the same.
    """

    names: tuple[str, ...] = ()
    blocks: Blocks = ()
    angles: tuple[int, ...] = ()

    @classmethod
    def of(cls, described: Sequence[BlockMeta], width: int) -> Layout:
        """From a run's ``meta.json``; blocks beyond ``width`` columns are left out, and names made distinct.

        Blocks that are empty or share columns stay as they are: scores by block will fail, others do not depend on
        them.
        """
        known = [block for block in described if block.stop <= width]
        columns = [tuple(range(block.start, block.stop)) for block in known]
        names = distinct(block.name for block in known)
        angles = [
            column
            for block, own in zip(known, columns, strict=True)
            if ANGLES.get(block.topology) == len(own)
            for column in own
            if column >= 0
        ]
        return cls(names, tuple(columns), tuple(dict.fromkeys(angles)))

    @classmethod
    def labelled(cls, labels: Sequence[int]) -> Layout:
        """From a label per column; columns of equal labels are a block."""
        found = list(dict.fromkeys(labels))
        blocks = tuple(tuple(k for k, own in enumerate(labels) if own == label) for label in found)
        return cls(tuple(f"block {label}" for label in found), blocks)

    @property
    def joins(self) -> bool:
        """Whether scores by block differ from scores by column."""
        return len(self.blocks) > 1 and (bool(self.angles) or any(len(block) > 1 for block in self.blocks))

    def unrolled(self, codes: Codes) -> Codes:
        """Codes (n, D) with cosine and sine in the place of each angle."""
        if not self.angles:
            return codes
        columns = [
            np.stack([np.cos(column), np.sin(column)]) if number in self.angles else column[None]
            for number, column in enumerate(codes.T)
        ]
        return np.ascontiguousarray(np.concatenate(columns).T)

    @property
    def unrolled_blocks(self) -> Blocks:
        """The blocks' columns in ``unrolled`` codes."""
        return [[new for column in block for new in self._places(column)] for block in self.blocks]

    def _places(self, column: int) -> tuple[int, ...]:
        """Where a column's values are in ``unrolled`` codes."""
        first = column + sum(angle < column for angle in self.angles)
        return (first, first + 1) if column in self.angles else (first,)


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names, with a number behind one that was there before.

    >>> distinct(["S^1", "R^1", "S^1"])
    ('S^1', 'R^1', 'S^1[2]')
    """
    found: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}[{number}]" for number in count(2))
        found[name if name not in found else next(other for other in numbered if other not in found)] = None
    return tuple(found)


PLAIN = Layout()
"""Every column on its own."""
