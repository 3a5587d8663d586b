"""Where the trials of a sweep run: local processes, a Ray cluster, or SLURM. The engines schedule; we keep no queue."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from submission.errors import UsageError
from submission.studies.trial import Job

GRACE = 120.0
"""Seconds that a stopped trial has for its checkpoint."""
LOG = "trial.log"


class Engine(ABC):
    """Runs jobs.

    Attributes:
        slots: how many jobs to start at the same time; an engine that queues jobs by itself takes them all.
    """

    slots: int

    @abstractmethod
    def start(self, job: Job) -> Any:
        """Start a job; returns a handle."""

    @abstractmethod
    def finished(self, handle: Any) -> bool:
        """Whether the job has ended, however it did; its folder says how."""

    @abstractmethod
    def stop(self, handles: list[Any]) -> None:
        """Stop these jobs with a checkpoint, and wait until they have ended."""


def start_process(line: str, threads: int, folder: Path) -> subprocess.Popen[str]:
    """A process of its own for a job; it stops when its standard input closes."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "submission.studies.trial"]
    with (folder / LOG).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, env=environment, start_new_session=True
        )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    return process


def end_process(process: subprocess.Popen[str]) -> int:
    """Close the input of a trial's process and wait for its checkpoint; its exit code."""
    close_input(process)
    try:
        return process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def close_input(process: subprocess.Popen[str]) -> None:
    """Tell a trial's process to stop, if it has not ended."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def run_remotely(line: str, threads: int, folder: str) -> int:
    """Run a job from start to end, on whatever machine this is called; stops it when the caller is interrupted."""
    process = start_process(line, threads, Path(folder))
    try:
        return process.wait()
    finally:
        end_process(process)


class LocalEngine(Engine):
    """Processes on this machine; its cores are shared out among them."""

    def __init__(self, workers: int) -> None:
        self.slots = workers

    def start(self, job: Job) -> subprocess.Popen[str]:
        """Start a process."""
        return start_process(job.line(), job.threads, Path(job.folder))

    def finished(self, handle: subprocess.Popen[str]) -> bool:
        """Whether the process has ended."""
        if handle.poll() is None:
            return False
        end_process(handle)
        return True

    def stop(self, handles: list[subprocess.Popen[str]]) -> None:
        """Close all inputs first, so that the checkpoints are written at the same time."""
        for process in handles:
            close_input(process)
        for process in handles:
            end_process(process)


class RayEngine(Engine):
    """Tasks on a Ray cluster whose nodes share the study's folder; Ray starts again what a lost node was doing."""

    def __init__(self, address: str, cpus: int, gpus: float, retries: int) -> None:
        try:
            import ray
        except ImportError:
            raise UsageError("--on ray needs Ray", "pip install 'disentanglement-submission[ray]'") from None
        self.ray, self.slots = ray, sys.maxsize
        try:
            ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"no Ray cluster at {address or 'auto'!r}: {reason}", "start one: ray start --head"
            ) from None
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries)
        self.task: Callable[..., Any] = remote(run_remotely).remote

    def start(self, job: Job) -> Any:
        """Submit a task."""
        return self.task(job.line(), job.threads, job.folder)

    def finished(self, handle: Any) -> bool:
        """Whether the task has ended or failed for good."""
        return bool(self.ray.wait([handle], timeout=0)[0])

    def stop(self, handles: list[Any]) -> None:
        """Cancel the tasks; each ends its process with a checkpoint."""
        for handle in handles:
            self.ray.cancel(handle)
        if handles:
            self.ray.wait(handles, num_returns=len(handles), timeout=GRACE)


class SlurmEngine(Engine):
    """Jobs of SLURM, submitted with submitit; ``cluster="local"`` runs them as processes, for a try.

    Submitit writes the parameters into a script, where sbatch's environment variables such as ``SBATCH_PARTITION`` win.
    """

    def __init__(self, folder: Path, cluster: str = "slurm", minutes: int = 24 * 60, **parameters: Any) -> None:
        try:
            import submitit
        except ImportError:
            raise UsageError("--on slurm needs submitit", "pip install 'disentanglement-submission[slurm]'") from None
        self.slots = sys.maxsize
        try:
            self.executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        except RuntimeError as error:
            raise UsageError(
                f"SLURM cannot be used: {error}", "run this on a login node, where sbatch is found"
            ) from None
        self.executor.update_parameters(name="submission-sweep", timeout_min=minutes, **parameters)

    def start(self, job: Job) -> Any:
        """Submit a job."""
        from submitit.core.utils import FailedJobError

        try:
            return self.executor.submit(run_remotely, job.line(), job.threads, job.folder)
        except FailedJobError as error:
            reason = next(iter(reversed(str(error).splitlines())), "no reason given")
            fix = "ask for fewer --cpus or --gpus, or set SBATCH_PARTITION, SBATCH_ACCOUNT or SBATCH_TIMELIMIT"
            raise UsageError(f"SLURM refuses the job: {reason}", fix) from None

    def finished(self, handle: Any) -> bool:
        """Whether the job has ended."""
        return bool(handle.done())

    def stop(self, handles: list[Any]) -> None:
        """Cancel the jobs; SLURM sends SIGTERM first."""
        for handle in handles:
            handle.cancel()
