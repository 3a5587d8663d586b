"""Findings of a check, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        state: ``good``, ``warning`` (the grader works, but the score may suffer) or ``bad`` (the grader fails).
        detail: what was found.
        fix: what to do about it; empty when good.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def passed(findings: list[Finding]) -> bool:
    """Whether the grader would accept it."""
    return all(finding.state != "bad" for finding in findings)


def finding(name: str, good: bool, detail: str, problem: str, fix: str, otherwise: State = "bad") -> Finding:
    """A good finding, or else a problem with its fix."""
    return Finding(name, "good", detail) if good else Finding(name, otherwise, problem, fix)
