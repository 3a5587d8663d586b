"""CPU seconds of each test file, those of its child processes included; they depend little on what else runs.

Arguments are pytest's, e.g. ``python scripts/seconds_of_tests.py -m "not slow and not system" tests/metrics``.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator

import pytest


def seconds() -> float:
    """CPU seconds of this process and of the child processes that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Seconds:
    """What each file's tests and their fixtures took.

    Attributes:
        files: file → CPU seconds.
        tests: file → number of tests.
    """

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.tests: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Count one test with its set-up and tear-down."""
        began = seconds()
        try:
            return (yield)
        finally:
            self.files[item.location[0]] += seconds() - began
            self.tests[item.location[0]] += 1

    def lines(self) -> list[str]:
        """The slowest file first; what is left is imports and collection."""
        shown = [f"{spent:9.1f} {self.tests[file]:6d}  {file}" for file, spent in self.files.most_common()]
        tests = f"{self.files.total():9.1f} {self.tests.total():6d}  all tests"
        return ["  seconds  tests  file", *shown, tests, f"{seconds():9.1f}         with imports and collection"]


def main() -> int:
    """Run the tests in this process and print what they took."""
    found = Seconds()
    code = pytest.main(["-n", "0", *sys.argv[1:]], plugins=[found])
    sys.stdout.write("\n".join(found.lines()) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
