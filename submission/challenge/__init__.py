"""The challenge: contract, check, the grader's entry point, and submitting."""
