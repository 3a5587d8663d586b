"""Several runs: the leaderboard, methods compared, seeds of one configuration that agree."""
