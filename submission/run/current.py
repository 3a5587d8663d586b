"""Which score files of runs to show: those of the model that a run holds now, of one protocol for several runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from submission.errors import SubmissionError, UsageError, invocation
from submission.run.folder import Run
from submission.run.scores import ScoreFile


def current_scores(run: Run) -> list[ScoreFile]:
    """Scores of the model that the run holds now, oldest first; SubmissionError where a file cannot be read."""
    return [scores for scores in run.scores() if not scores.is_stale(run.exported_file)]


def on_own_data(run: Run, files: Sequence[ScoreFile]) -> list[ScoreFile]:
    """The scores on the data set that the run was trained on; all where there are none."""
    return [scores for scores in files if scores.data.name == run.meta.dataset.name] or list(files)


def main_scores(files: Iterable[ScoreFile]) -> ScoreFile | None:
    """The file with most metrics, the newest of those; None where there are no files."""
    return max(files, key=weight, default=None)


def weight(scores: ScoreFile) -> tuple[int, str]:
    """Number of metrics, and when they were computed."""
    return len(scores.headlines()), scores.created


def shared_protocol(runs: Iterable[Sequence[ScoreFile]]) -> str | None:
    """The protocol that all of several runs were scored by; of several such, the one with most metrics.

    Args:
        runs: score files of each run; those without any do not count.
    """
    known = [{file.protocol: weight(file) for file in sorted(files, key=weight)} for files in runs if files]
    shared = set.intersection(*map(set, known)) if known else set()
    return max(sorted(shared), key=lambda name: min(weights[name] for weights in known), default=None)


def comparable_scores(runs: Sequence[Run], metric: str = "") -> list[ScoreFile | None]:
    """Each run's main scores, by the protocol that all share where there is one; None for a run without scores.

    Args:
        runs: the runs.
        metric: without which scores count only where a run has no others.
    """
    files = [on_own_data(run, current_scores(run)) for run in runs]
    files = [[file for file in own if metric in file.headlines()] or own for own in files]
    protocol = shared_protocol(files)
    return [main_scores(file for file in own if protocol in (None, file.protocol)) for own in files]


def scores_of_one_protocol(runs: Sequence[Run], metric: str = "") -> list[ScoreFile]:
    """Each run's main scores, all by one protocol; arguments as for ``comparable_scores``.

    Raises:
        SubmissionError: a run has no scores, or only those of an earlier model.
        UsageError: there is no protocol by which all runs were scored.
    """
    found = [required(run, scores) for run, scores in zip(runs, comparable_scores(runs, metric), strict=True)]
    protocols = sorted({scores.protocol for scores in found})
    if len(protocols) > 1:
        what = f"the runs were scored by different protocols ({', '.join(protocols)}) and share none"
        raise UsageError(what, f"score them alike: {invocation('evaluate')} RUN ... --preset NAME")
    return found


def required(run: Run, scores: ScoreFile | None) -> ScoreFile:
    """``scores``, or the error for a run that has none."""
    if scores is None:
        why = "only scores of an earlier model" if run.score_paths() else "no scores"
        raise SubmissionError(f"{run.path} has {why}", f"run: {invocation('evaluate', run.path)}")
    return scores
