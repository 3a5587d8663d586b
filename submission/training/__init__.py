"""The training loop: steps, checkpoints, precision, time budget, seeds."""
