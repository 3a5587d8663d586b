"""The challenge: contract, check, the grader's entry point, submitting, and the leaderboard."""
