"""The one exception a user is meant to read."""


class SubmissionError(Exception):
    """Bad input or a failed step, told in one line: what, where, and what to do about it.

    The command-line doors print it without a traceback and exit with ``exit_code``.
    """

    exit_code = 1

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what} — {fix}" if fix else what)
        self.what = what
        self.fix = fix


class UsageError(SubmissionError):
    """The command line or the configuration is at fault (exit code 2)."""

    exit_code = 2
