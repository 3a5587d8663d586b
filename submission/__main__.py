"""``python -m submission``."""

import sys

from submission.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
