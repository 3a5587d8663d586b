"""Door to `python -m submission train`."""

import sys

if __name__ == "__main__":
    try:
        from submission.cli.main import door

        sys.exit(door("train"))
    except KeyboardInterrupt:  # while modules are imported; later on `door` answers it
        sys.exit(130)
