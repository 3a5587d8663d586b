"""Door to `python -m submission evaluate`."""

import sys

from submission.cli.main import door

if __name__ == "__main__":
    sys.exit(door("evaluate"))
