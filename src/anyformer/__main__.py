"""`python -m anyformer` is the program `anyformer`."""

import sys

from anyformer.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
