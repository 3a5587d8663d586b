"""The grader's environment variables, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from submission.errors import UsageError

TRUE, FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Environment:
    """What the grader, or a test in its place, asks for.

    Attributes:
        output: the submission's run folder, ``$AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME``.
        dataset: data set to train on, ``$AICROWD_DATASET_NAME``.
        data_root: folder of the data files, ``$DISENTANGLEMENT_LIB_DATA``.
        grading: whether events go to the grader rather than to the terminal (``$AICROWD_IS_GRADING``, or the older
            ``$CROWDAI_IS_GRADING``).
        cuda: whether a GPU may be used, ``$AICROWD_CUDA``.
        config, bindings, time_budget: ``$SUBMISSION_CONFIG``, ``$SUBMISSION_BIND`` (separated by ``;``) and
            ``$SUBMISSION_TIME_BUDGET``, this package's own.
    """

    output: Path
    dataset: str
    data_root: Path
    grading: bool
    cuda: bool
    config: str
    bindings: tuple[str, ...]
    time_budget: str


def read(variables: Mapping[str, str]) -> Environment:
    """The environment; UsageError for a value that cannot be understood."""
    get = variables.get
    return Environment(
        output=Path(get("AICROWD_OUTPUT_PATH") or "./scratch/shared") / experiment(variables),
        dataset=get("AICROWD_DATASET_NAME") or "cars3d",
        data_root=Path(get("DISENTANGLEMENT_LIB_DATA") or "./scratch/dataset"),
        grading=boolean(variables, "AICROWD_IS_GRADING", False) or boolean(variables, "CROWDAI_IS_GRADING", False),
        cuda=boolean(variables, "AICROWD_CUDA", True),
        config=get("SUBMISSION_CONFIG") or "challenge",
        bindings=tuple(part.strip() for part in get("SUBMISSION_BIND", "").split(";") if part.strip()),
        time_budget=get("SUBMISSION_TIME_BUDGET", ""),
    )


def experiment(variables: Mapping[str, str]) -> str:
    """``$AICROWD_EVALUATION_NAME``, one folder name."""
    name = variables.get("AICROWD_EVALUATION_NAME") or "experiment_name"
    if Path(name).name != name or name == "..":
        raise UsageError(f"AICROWD_EVALUATION_NAME={name!r} is not a folder name", "use a name without slashes")
    return name


def boolean(variables: Mapping[str, str], name: str, default: bool) -> bool:
    """A variable as true or false; unlike the starter kit, ``False`` and ``0`` are false."""
    value = variables.get(name)
    if value is None:
        return default
    if value.strip().lower() not in TRUE + FALSE:
        raise UsageError(f"{name}={value!r} is neither true nor false", f"use one of {', '.join(TRUE + FALSE[1:])}")
    return value.strip().lower() in TRUE
