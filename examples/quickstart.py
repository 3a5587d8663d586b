"""A whole project in a minute: train two seeds, score, compare, draw, report.

`python examples/quickstart.py FOLDER` writes everything into FOLDER. Longer training (take the
bindings away) gives numbers worth reading.
"""

import sys
from pathlib import Path

import submission
from submission.plots import save, training_curves

SHORT = {"train.steps": 40, "train.batch_size": 64, "model.networks": "mlp_small", "data.name": "dsprites_small"}


def main(folder: Path) -> None:
    """Train, evaluate, compare and report, into ``folder``."""
    runs = [submission.train("demo", folder / f"seed_{seed}", bind={**SHORT, "train.seed": seed}) for seed in range(2)]
    for run in runs:
        results = submission.evaluate(run, preset="fast", metrics=["mig", "sap"])
        sys.stdout.write(f"{run.path.name}: {results.scores}\n")
    comparison = submission.compare(runs, protocol="fast")
    sys.stdout.write(f"methods: {comparison.methods}\n")
    save(training_curves({run.path.name: run.log() for run in runs}), folder / "curves.svg")
    sys.stdout.write(f"report: {submission.write_report(runs, folder / 'report.html')}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/quickstart"))
