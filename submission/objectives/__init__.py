"""Loss terms from one batch of a model's output, and annealing schedules."""
