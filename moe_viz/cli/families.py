"""The command `families`: which model families are recorded, and what is proven about each."""

from __future__ import annotations

import argparse
from typing import Any


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("families", help="list the recorded model families, and what is proven about each")
    parser.set_defaults(run=_run)


def _run(_args: argparse.Namespace) -> None:
    from moe_viz.model.routers.family_support import table

    print(table())
