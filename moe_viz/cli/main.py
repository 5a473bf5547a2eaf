"""The command line: every command, and the message when one fails."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import moe_viz
from moe_viz.cli import families, outputs, parameters, profile, run, trace

COMMANDS = (run, trace, profile, outputs, parameters, families)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after a message on standard error."""
    module = Path(sys.argv[0]).name == "__main__.py"
    parser = argparse.ArgumentParser(
        prog="python -m moe_viz" if module else "moe-viz", description=moe_viz.__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(commands)
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except moe_viz.MoeVizError as error:
        print(f"moe_viz: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"moe_viz: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
