"""The commands that repeat runs: training, scoring and report, as they are typed in a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from submission.evaluation.plan import PRESETS
from submission.run import Run, ScoreFile
from submission.run.checks import is_known
from submission.run.folder import REFERENCE_PREFIX

SETTING = re.compile(r" (\w+)\.(\w+)=")
"""A setting of one's own in the preset of a score file, such as ``fast mig.num_bins=10``."""


def train_command(run: Run, out: str, *seeds: str) -> str:
    """What trains a run's configuration again, in the folder ``out``; ``seeds`` are the words that choose them."""
    words = ["python", "train.py", *imports(run), "--config", f"{run.path}/config.gin", *seeds, "--out", out]
    return shlex.join([*words, *unpickling(run.meta.dataset.name)])


def data_note(run: Run) -> list[str]:
    """A comment where the images that the commands need are not found by name."""
    name = run.meta.dataset.name
    if not name or is_known(name):
        return []
    return [f"# {' '.join(name.split())}: images in memory, which submission.train and load_run take as data=..."]


def report_command(folders: Sequence[str]) -> str:
    """What writes the report on the repeated runs."""
    return shlex.join(["python", "-m", "submission", "report", *folders])


def evaluate_command(run: Run, scores: ScoreFile, folder: str) -> str:
    """What scores the run in ``folder`` as ``run`` was scored.

    Settings of one's own can be given from Python only.
    """
    options, settings = evaluate_options(run, scores), own_settings(scores)
    if settings:
        named = ", ".join(f"{name}={value!r}" for name, value in {**options, "settings": settings}.items())
        modules = ", ".join(["submission", *run.meta.imports])
        return shlex.join(["python", "-c", f"import {modules}; submission.evaluate({folder!r}, {named})"])
    words = ["python", "evaluate.py", *imports(run), folder, *switches(options)]
    return shlex.join([*words, *unpickling(str(options.get("data", "")))])


def evaluate_options(run: Run, scores: ScoreFile) -> dict[str, object]:
    """Arguments of ``evaluate`` that give these scores: the preset, and what is not as by default."""
    preset, encoder, data = scores.preset.partition(" ")[0], scores.representation, scores.data.name
    own_data = data == run.meta.dataset.name and not data.startswith(REFERENCE_PREFIX)
    whole_preset = set(scores.metrics) == set(PRESETS.get(preset, ()))
    device = str(encoder.extra.get("device", ""))
    found: dict[str, tuple[object, object]] = {
        "data": ("" if own_data else data, ""),
        "metrics": ([] if whole_preset else list(scores.metrics), []),
        "seed": (min(scores.seeds, default=0), 0),
        "repeats": (max(1, len(scores.seeds)), 1),
        "era": (scores.era, "installed"),
        "backend": (scores.backend, "submission"),
        "precision": (encoder.precision, "float32"),
        "device": (device if device.startswith("cuda") else "cpu", "cpu"),
        "baselines": (len(scores.columns) > 1, True),
        "name": (scores.name, ""),
    }
    return {"preset": preset, **{name: value for name, (value, default) in found.items() if value != default}}


def own_settings(scores: ScoreFile) -> dict[str, dict[str, object]]:
    """Metric → settings in which the scores differ from their preset."""
    recorded = {name.lower(): (name, about.settings) for name, about in scores.metrics.items()}
    found: dict[str, dict[str, object]] = {}
    for given, key in SETTING.findall(scores.preset):
        name, settings = recorded.get(given, (given, {}))
        found.setdefault(name, {})[key] = settings.get(key)
    return found


def switches(options: Mapping[str, object]) -> list[str]:
    """Arguments of ``evaluate`` as words of a command line."""
    words: list[str] = []
    for name, value in options.items():
        if name == "baselines":
            words.append("--no-baselines")
        else:
            words += [f"--{name}", ",".join(value) if isinstance(value, list) else str(value)]
    return words


def imports(run: Run) -> list[str]:
    """Words that import the modules of one's own that the run needs."""
    return [word for name in run.meta.imports for word in ("--import", name)]


def unpickling(data: str) -> list[str]:
    """The word that a data set of disentanglement_lib needs."""
    return ["--allow-unpickling"] if data.startswith(REFERENCE_PREFIX) else []
