"""`python -m training.heldout --corpus DIR`: how the bundled model routes text that it never saw, as counts only."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import moe_viz
from moe_viz.model.running.moe_model import MoEModel
from training.corpus import Split, read_corpus
from training.evaluate import DOCUMENTS

TOKENS = 240
"""Tokens that are read of each document: more documents tell more than longer documents, and the file stays small."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.heldout", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train/ and heldout/")
    parser.add_argument("--javascript", type=Path, default=Path("node_modules/eslint/lib"))
    parser.add_argument("--out", type=Path, default=Path("moe_viz/demo/heldout.moeprofile"))
    args = parser.parse_args()
    with moe_viz.load() as model:
        heldout_profile(model, read_corpus(args.corpus, args.javascript)).save(args.out)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")


def heldout_profile(model: MoEModel, domains: Mapping[str, Split]) -> moe_viz.ExpertProfile:
    """The profile of the first `TOKENS` tokens of each held-out document that the card's evaluation reads."""
    texts = {name: split.heldout[:DOCUMENTS] for name, split in domains.items()}
    profile = moe_viz.profile(model, texts, max_tokens_per_document=TOKENS)
    [run] = profile.runs
    return replace(profile, runs=(replace(run, corpus="held-out documents of the training corpus"),))


if __name__ == "__main__":
    main()
