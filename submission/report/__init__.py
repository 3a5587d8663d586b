"""The report: one self-contained HTML page about one run, several runs, or a score file."""
