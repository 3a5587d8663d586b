"""The command `submission train` as a program."""

import sys

if __name__ == "__main__":
    try:
        from submission.cli.main import run_program

        sys.exit(run_program("train"))
    except KeyboardInterrupt:  # while modules are imported; later on `run_program` answers it
        sys.exit(130)
