"""``python -m submission``."""

import sys

if __name__ == "__main__":
    try:
        from submission.cli.main import main

        sys.exit(main())
    except KeyboardInterrupt:  # while modules are imported; later on ``main`` answers it
        sys.exit(130)
