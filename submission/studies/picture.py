"""What a study's figure shows: the kind of picture, and the quantities or settings on its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from submission.errors import UsageError, did_you_mean
from submission.studies.fields import fields_of_part

KINDS = {
    "dots": "a panel per quantity, a row per method: every seed, the mean with its interval, the paper's number",
    "lines": "a quantity (y) over the number in a setting (x), a line per method",
    "tradeoff": "a quantity (y) against another one (x), a line per method through its settings",
    "rates": "the share of seeds in which a quantity is 1, over two settings (x and y), a panel per method",
    "histograms": "how often values of some quantities occur over seeds and settings: a panel per method",
}
WITHOUT_AXES = ("dots", "histograms")
"""Kinds that need neither x nor y."""


@dataclass(frozen=True)
class Picture:
    """The figure of a study, as ``study.figure`` describes it.

    Attributes:
        kind: one of ``KINDS``.
        quantities: what ``dots`` shows, by default all that were measured; the one that ``rates`` shows; those of
            ``histograms``, in one unit.
        x, y: quantities or settings on the axes of the other kinds.
    """

    kind: str = "dots"
    quantities: Sequence[str] = ()
    x: str = ""
    y: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"study.figure has an unknown kind {self.kind!r}",
                did_you_mean(self.kind, KINDS, f"choose {', '.join(KINDS)}"),
            )
        if self.kind == "histograms" and not self.quantities:
            raise UsageError("study.figure of kind 'histograms' lacks quantities", "e.g. quantities = ['exponent 1']")
        if self.kind not in WITHOUT_AXES and not (self.x and self.y):
            raise UsageError(f"study.figure of kind {self.kind!r} lacks x or y", f"it shows {KINDS[self.kind]}")
        if self.kind == "rates" and len(self.quantities) != 1:
            raise UsageError("study.figure of kind 'rates' shows one quantity", "set quantities = ['captured']")

    def drawn_as(self, kind: str = "", quantities: Sequence[str] = ()) -> Picture:
        """The same with another kind or other quantities; with ``quantities`` alone, their ``dots``."""
        return Picture(kind or ("dots" if quantities else self.kind), quantities or self.quantities, self.x, self.y)

    @classmethod
    def of(cls, value: object, where: str = "study.figure") -> Picture:
        """From a kind's name, or a dictionary of these attributes; UsageError, with ``where``, for anything else."""
        return cls(**fields_of_part(cls, value, where, "kind"))
