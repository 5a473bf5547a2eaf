"""The command line: `python -m moe_viz trace ...`, `profile ...`, `outputs ...`, `parameters ...` and `families`."""

import sys

from moe_viz.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
