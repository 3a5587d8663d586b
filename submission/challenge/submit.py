"""Submitting: a tag on a clean commit, pushed to the challenge's git remote."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from submission.challenge.check import require_check
from submission.challenge.contract import TAG_PREFIX
from submission.challenge.manifest import read_manifest, require_author
from submission.errors import SubmissionError, UsageError

PLAIN_PUSH = ("-c", "push.followTags=false", "-c", "push.recurseSubmodules=no", "-c", "push.gpgSign=if-asked")
"""Settings of a user that would push more than is shown."""
MANIFEST, ENTRY_POINT, DOCKERFILE = "aicrowd.json", "run.sh", "Dockerfile"


@dataclass(frozen=True)
class Plan:
    """What will be sent.

    Attributes:
        repository: its top folder.
        remote, urls: where to; git pushes to every one of several addresses.
        branch, commit, subject: what.
        tag: under which name.
        authors, gpu: from aicrowd.json.
        files, size: number of tracked files and their bytes.
        checked: the run folder that passed the check, or None.
    """

    repository: Path
    remote: str
    urls: tuple[str, ...]
    branch: str
    commit: str
    subject: str
    tag: str
    authors: tuple[str, ...]
    gpu: bool
    files: int
    size: int
    checked: Path | None


def prepare(repository: Path, version: str, remote: str, run: Path | None, isolated: bool = False) -> Plan:
    """Everything that must be right before a submission; nothing is changed.

    Args:
        repository: the folder with ``aicrowd.json``, ``Dockerfile`` and ``run.sh`` at the top of a git repository.
        version: what follows ``submission-`` in the tag.
        remote: a configured git remote.
        run: a run folder to check like the grader, or None.
        isolated: whether its file is loaded in a sandbox.

    Raises:
        SubmissionError: not a repository, no branch, uncommitted changes, a missing or wrong file, a tag that exists
            here or at the remote, an unknown or unreachable remote, or a failed check; nothing has been sent.
    """
    top = Path(git(repository, "rev-parse", "--show-toplevel"))
    tag = tag_name(repository, version)
    require_clean(top)
    branch = current_branch(top)
    manifest = read_manifest(top / MANIFEST)
    require_author(top / MANIFEST, manifest)
    require_entry_point(top)
    urls = push_urls(top, remote)
    require_new(top, urls, tag)
    if run is not None:
        require_check(run, isolated=isolated)
    names = [name for name in git(top, "ls-files", "-z").split("\0") if name]
    size = sum((top / name).lstat().st_size for name in names)
    commit, subject = git(top, "log", "-1", "--format=%H%n%s").split("\n", 1)
    authors = tuple(manifest["authors"])
    return Plan(top, remote, urls, branch, commit, subject, tag, authors, manifest["gpu"], len(names), size, run)


def send(plan: Plan) -> str:
    """Tag the commit and push branch and tag together; returns what the remote said.

    Nothing but these two is pushed, whatever git is configured to add. A push that fails removes the tag again, so that
    the same command can be repeated.
    """
    git(plan.repository, "tag", "--annotate", "--message", f"Submission {plan.tag}", plan.tag, plan.commit)
    refs = (f"{plan.commit}:refs/heads/{plan.branch}", f"refs/tags/{plan.tag}")
    try:
        result = run_git(plan.repository, *PLAIN_PUSH, "push", "--atomic", "--no-follow-tags", plan.remote, *refs)
        if result.returncode:
            fix = "nothing was submitted; correct the error and repeat"
            if len(plan.urls) > 1:
                fix = "check each address, some may have accepted the tag; correct the error and choose another version"
            raise SubmissionError(f"{', '.join(plan.urls)} refused the push: {last_line(result.stderr)}", fix)
    except BaseException:
        run_git(plan.repository, "tag", "--delete", plan.tag)
        raise
    return "\n".join(line for line in result.stderr.splitlines() if line.startswith("remote:"))


def tag_name(repository: Path, version: str) -> str:
    """``submission-VERSION``; UsageError where git would refuse it."""
    tag = TAG_PREFIX + version.removeprefix(TAG_PREFIX)
    if run_git(repository, "check-ref-format", f"refs/tags/{tag}").returncode or tag == TAG_PREFIX:
        raise UsageError(f"{tag!r} cannot be a tag", "give a version like v0.1")
    return tag


def require_clean(top: Path) -> None:
    """SubmissionError where the working tree differs from the commit."""
    changed = git(top, "status", "--porcelain", "--untracked-files=normal").splitlines()
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        listed = ", ".join(line[3:] for line in changed[:3])
        raise SubmissionError(
            f"{top} has uncommitted changes: {listed}{more}", "commit or remove them; only commits are submitted"
        )


def current_branch(top: Path) -> str:
    """The branch that is checked out; SubmissionError where there is none, as the remote would call its branch HEAD."""
    name = git(top, "rev-parse", "--abbrev-ref", "HEAD")
    if name == "HEAD":
        raise SubmissionError(f"{top} is on no branch (detached HEAD)", "git switch BRANCH, or git switch -c NAME")
    return name


def require_entry_point(top: Path) -> None:
    """SubmissionError where the image could not be built or started."""
    for name in (DOCKERFILE, ENTRY_POINT):
        if not git(top, "ls-files", "--stage", name):
            raise SubmissionError(f"{top / name} is not in the repository", "the image needs it: add and commit it")
    if not git(top, "ls-files", "--stage", ENTRY_POINT).startswith("100755"):
        raise SubmissionError(
            f"{ENTRY_POINT} is not executable in git", f"git update-index --chmod=+x {ENTRY_POINT}, and commit"
        )


def push_urls(top: Path, remote: str) -> tuple[str, ...]:
    """Where pushes to ``remote`` go."""
    result = run_git(top, "remote", "get-url", "--push", "--all", remote)
    if result.returncode:
        known = ", ".join(git(top, "remote").split()) or "none"
        raise SubmissionError(
            f"there is no git remote {remote!r} (known: {known})", f"git remote add {remote} URL, or pass --remote"
        )
    return tuple(result.stdout.splitlines())


def require_new(top: Path, urls: Sequence[str], tag: str) -> None:
    """SubmissionError for a tag that exists, here or there: it would start no new evaluation."""
    if git(top, "tag", "--list", tag):
        raise SubmissionError(f"the tag {tag} already exists", "choose another version")
    for url in urls:
        result = run_git(top, "ls-remote", "--tags", "--", url, f"refs/tags/{tag}")
        if result.returncode:
            raise SubmissionError(f"cannot reach {url}: {last_line(result.stderr)}", "check the address and access")
        if result.stdout.strip():
            raise SubmissionError(f"the tag {tag} already exists at {url}", "choose another version")


def git(folder: Path, *arguments: str) -> str:
    """Output of a git command that must succeed."""
    result = run_git(folder, *arguments)
    if result.returncode:
        raise SubmissionError(f"git {arguments[0]} failed in {folder}: {last_line(result.stderr)}", "see git status")
    return result.stdout.rstrip("\n")


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A git command, whatever comes of it; bytes that are not UTF-8 are kept as surrogates, as in file names."""
    command = ["git", *arguments]
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="surrogateescape", check=False
        )
    except OSError as error:
        raise SubmissionError(f"cannot run git in {folder}: {error.strerror}", "install git, check the path") from error


def last_line(text: str) -> str:
    """The last line that says something; git's own is more telling than its advice."""
    lines = [line for line in text.splitlines() if line.strip()]
    refused = [line for line in lines if line.startswith(("remote: error", "fatal:", "error:"))]
    return (refused or lines or ["no reason given"])[0]
