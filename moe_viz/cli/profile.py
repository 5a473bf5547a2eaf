"""The command `python -m moe_viz profile`: a model and a corpus to a profile on disk."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import moe_viz

if TYPE_CHECKING:
    from moe_viz.corpus.profile import Progress

_EVERY = 2.0
"""Seconds between two lines of progress."""


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("profile", help="run a model over a corpus and count how its experts specialise")
    parser.add_argument("--model", default="demo", help="'demo' (default), a hub id, or a local folder")
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument(
        "--corpus",
        required=True,
        help="a folder with one file or folder per domain (.txt, .jsonl, .jsonl.gz, .csv, .parquet), a file,"
        " 'hf:owner/name?split=train&text=text&domain=COLUMN' (a dataset of the hub), or 'probes'",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="where to write the profile (*.moeprofile); if it holds a part of this run, the run continues behind it",
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="read at most N tokens of each document")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    with moe_viz.load(args.model, revision=args.revision) as model:
        try:
            profile = moe_viz.profile(
                model, args.corpus, out=args.out, max_tokens_per_document=args.max_tokens, progress=_Lines()
            )
        except KeyboardInterrupt:
            kept = args.out.exists()
            raise moe_viz.InputError(
                f"stopped; {args.out} keeps what is done, and the same command continues it" if kept else "stopped"
            ) from None
    for line in summary(profile):
        print(line)


class _Lines:
    """Progress on standard error, one line every few seconds."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        print(describe(progress), file=sys.stderr, flush=True)


def describe(progress: Progress) -> str:
    """How far a run is, in one line."""
    parts = [f"{progress.documents:,} documents", f"{progress.tokens:,} tokens", f"{progress.tokens_per_second:,.0f}/s"]
    if progress.share is not None:
        parts.append(f"{progress.share:.0%}")
    if progress.remaining is not None:
        minutes, seconds = divmod(round(progress.remaining), 60)
        parts.append(f"{minutes} min {seconds:02} s left" if minutes else f"{seconds} s left")
    return ", ".join(parts)


def summary(profile: moe_viz.ExpertProfile) -> Iterator[str]:
    """What a profile holds, and each router's load and domain information, in lines."""
    from moe_viz.metrics.domains import domain_information
    from moe_viz.metrics.load import effective_experts, load, max_violation, unused_experts

    documents = sum(run.documents for run in profile.runs)
    whole = "" if profile.complete else ", not the whole corpus"
    yield (
        f"{profile.runs[0].provenance.model}: {profile.tokens.sum():,} tokens of {documents:,} documents in"
        f" {len(profile.domains)} domains{whole}"
    )
    counts = profile.counts()
    even = load(counts).mean(axis=0)  # domains weighing the same
    yield f"{'layer':>5} {'experts':>8} {'effective':>10} {'unused':>7} {'MaxVio':>7} {'domain information':>19}"
    rows = zip(
        profile.sites,
        effective_experts(even),
        unused_experts(counts.sum(axis=0)),
        max_violation(even),
        domain_information(counts),
        strict=True,
    )
    for site, *numbers in rows:
        yield "{:>5} {:>8} {:>10.1f} {:>7.0f} {:>7.2f} {:>14.3f} bits".format(site.layer, site.num_experts, *numbers)
