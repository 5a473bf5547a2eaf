"""The command `trace`: run a model over a text, and write every router's choices to a file or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import moe_viz


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("trace", help="run a model over a text and record every router's choices")
    parser.add_argument("--model", default="demo", help="'demo' (default), a hub id, or a local folder")
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--device", help="where to run: 'cpu', 'cuda', 'cuda:1', 'mps', or 'auto' for several devices")
    parser.add_argument("--dtype", help="'float32', 'bfloat16' or 'float16'")
    parser.add_argument("--quantization", help="'8-bit' or '4-bit' linear layers, by bitsandbytes")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", help="the text; '-' reads standard input")
    source.add_argument("--file", type=Path, help="a UTF-8 file with the text")
    parser.add_argument("--out", type=Path, help="where to write the trace (*.moetrace)")
    parser.add_argument("--json", action="store_true", help="print the trace as JSON")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.out is None and not args.json:
        raise moe_viz.InputError("say what to do with the trace: --out FILE, --json, or both")
    options = {name: getattr(args, name) for name in ("revision", "device", "dtype", "quantization")}
    try:
        model = moe_viz.load(args.model, **options, progress=_show)
    finally:
        _draw("")
    with model:
        trace = model.trace(_text(args))
        if not model.self_test.passed:
            print(f"moe_viz: {model.self_test.sentence}", file=sys.stderr)
    if args.out is not None:
        trace.save(args.out)
        print(f"{args.out}: {len(trace)} tokens, {len(trace.sites)} routers", file=sys.stderr)
    if args.json:
        json.dump(as_json(trace), sys.stdout)
        print()


def _show(step: moe_viz.LoadProgress) -> None:
    _draw(f"{step.stage} {step.done / step.total:.0%}" if step.total else step.stage)


def _draw(text: str) -> None:
    """Write over the current line of a terminal; write nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _text(args: argparse.Namespace) -> str:
    if args.file is not None:
        try:
            return str(args.file.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise moe_viz.InputError(f"{args.file} is not UTF-8 text ({error})") from error
    return sys.stdin.read() if args.text == "-" else str(args.text)


def as_json(trace: moe_viz.RoutingTrace) -> dict[str, Any]:
    """The whole trace as JSON values; -1 where there is no expert."""
    from dataclasses import asdict

    logits = trace.router_logits
    following = trace.next_tokens
    return {
        "provenance": asdict(trace.provenance),
        "sites": [asdict(site) for site in trace.sites],
        "tokens": list(trace.tokens),
        "token_names": list(trace.token_names),
        "token_ids": trace.token_ids.tolist(),
        "generated": trace.generated.tolist(),
        "expert_ids": trace.expert_ids.tolist(),
        "gate_weights": trace.gate_weights.tolist(),
        "router_logits": None
        if logits is None
        else [layer[:, : site.num_experts].tolist() for site, layer in zip(trace.sites, logits, strict=True)],
        "next_tokens": None
        if following is None
        else {
            "texts": [list(row) for row in following.texts],
            "probabilities": following.probabilities.tolist(),
            "token_ids": following.token_ids.tolist(),
        },
    }
