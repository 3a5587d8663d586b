"""Commands: each file is one command with SUMMARY, add_arguments(parser) and run(arguments) -> exit code."""
