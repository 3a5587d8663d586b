"""The challenge's contract: pre-flight check, events, grading entry, submit, leaderboard."""
