"""The command `outputs`: which tokens each expert writes toward, to a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import moe_viz


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("outputs", help="run each expert alone and measure which tokens it writes toward")
    parser.add_argument("--model", default="demo", help="'demo' (default), a hub id, or a local folder")
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--corpus", required=True, help="as of the command 'profile'; texts of at most the context")
    parser.add_argument("--out", type=Path, required=True, help="where to write the outputs (*.moeoutputs)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from moe_viz.corpus.files import open_corpus

    corpus = open_corpus(args.corpus)
    with moe_viz.load(args.model, revision=args.revision) as model:
        texts = (document.text for document in corpus.documents if document.text.strip())
        outputs = moe_viz.expert_outputs(model, texts, corpus=corpus.name)
    outputs.save(args.out)
    print(f"{args.out}: {outputs.taken.size} experts, {outputs.tokens:,} tokens of {outputs.texts:,} texts")
