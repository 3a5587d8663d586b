"""``python -m submission grade``: the image's entry point."""

from __future__ import annotations

import argparse

SUMMARY = "Train and write a submission as environment variables ask (the container's entry point for the grader)."
EPILOG = """environment:
  AICROWD_OUTPUT_PATH        folder of all experiments (default ./scratch/shared)
  AICROWD_EVALUATION_NAME    folder of this one (default experiment_name)
  AICROWD_DATASET_NAME       data set (default cars3d)
  DISENTANGLEMENT_LIB_DATA   folder of the data files (default ./scratch/dataset)
  AICROWD_CUDA               use a GPU if there is one: true or false (default true)
  AICROWD_IS_GRADING         send events to the grader: true or false (default false)
  SUBMISSION_CONFIG          gin configuration (default challenge)
  SUBMISSION_BIND            further bindings, separated by ;
  SUBMISSION_TIME_BUDGET     finish within e.g. 45m or 8h (default: no limit)

Exit code 0: the submission is written and checked; 1: it failed; 2: a variable is wrong; 128 + n: ended by signal n."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the grader passes none."""


def run(arguments: argparse.Namespace) -> int:
    """Train as the environment variables ask."""
    import os

    from submission.challenge.grade import grade
    from submission.cli.console import say

    folder = grade(os.environ, say)
    say(f"the submission is in {folder.representation_folder}")
    return 0
