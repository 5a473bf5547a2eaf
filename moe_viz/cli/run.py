"""The command `run`: serve the app."""

from __future__ import annotations

import argparse
import socket
from importlib import import_module
from pathlib import Path
from typing import Any

import moe_viz

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ALL = ("0.0.0.0", "::")  # noqa: S104 - named, in order to be recognised


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("run", help="serve the app")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501, help="the port to listen on (default: 8501)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    serve = import_module("streamlit.web.cli").main  # only this command needs streamlit
    serve(["run", str(app_file()), *server_options(args.host, args.port)], prog_name="streamlit")


def app_file() -> Path:
    """The app's entry file: within an installed package, or beside the package in a checkout."""
    package = Path(moe_viz.__file__).parent
    installed = package / "app" / "app.py"
    return installed if installed.exists() else package.parent / "app.py"


def server_options(host: str, port: int) -> list[str]:
    """Streamlit's options for listening on `host` and `port`.

    An app that is served to other machines is reached under names that cannot be listed here. Streamlit,
    if it is not told the address that people use, asks a public service for it.
    """
    options = ["--server.address", host, "--server.port", str(port)]
    if host not in _LOOPBACK:
        address = socket.gethostname() if host in _ALL else host
        options += ["--server.allowedHosts", "*", "--browser.serverAddress", address]
    return options
