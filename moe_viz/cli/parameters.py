"""The command `parameters`: the weights of one model by part, or of the models of the catalogue."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import moe_viz
from moe_viz.catalogue import KnownModel, find_model, known_models

_FORMS = (("float32", None), ("bfloat16", None), ("bfloat16", "8-bit"), ("bfloat16", "4-bit"))
_ROW = "{:22} {:11} {:8} {:>9} {:>7} {:>10} {:>7} {:>10}  {}"


def add_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("parameters", help="count a model's parameters from its config, without its weights")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("model", nargs="?", help="a hub id, a local folder, 'demo', or a name from the catalogue")
    source.add_argument("--list", action="store_true", help="list well-known models: published and counted figures")
    parser.add_argument("--revision", help="branch, tag or commit of a hub model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    if args.list:
        rows = ((model, _counted(model)) for model in known_models())
        if args.json:
            _print_json([{"published": asdict(model), "counted": count and as_json(count)} for model, count in rows])
        else:
            _print_lines(_listed(rows))
        return
    known = find_model(args.model)
    if known is not None and known.config is None:
        raise moe_viz.ModelError(f"{known.name} has no experts that can be counted. {known.note}")
    from moe_viz.model.checkpoints.resolve import find_config  # imports torch, which this module must not do

    config = find_config(args.model if known is None else known.config, args.revision)
    count = moe_viz.count_parameters(config)
    plans = [moe_viz.memory_plan(config, dtype=dtype, quantization=packed) for dtype, packed in _FORMS]
    if args.json:
        _print_json(as_json(count) | {"memory": [plan_as_json(plan) for plan in plans]})
    else:
        _print_lines(_described(args.model, count))
        _print_lines(_memory(plans))


def _counted(model: KnownModel) -> moe_viz.ParameterCount | None:
    return moe_viz.count_parameters(model.config) if model.kind == "moe" else None


def as_json(count: moe_viz.ParameterCount) -> dict[str, Any]:
    """A count and the numbers derived from it, as JSON values."""
    derived = {
        "total": count.total,
        "active": count.active,
        "active_without_embeddings": count.active_without_embeddings,
        "routed_per_token": count.routed_per_token,
        "layers": count.layers,
        "dense_layers": count.dense_layers,
        "bytes": {dtype: count.bytes(dtype) for dtype in ("float32", "bfloat16", "int8")},
    }
    return derived | asdict(count)


def _described(name: str, count: moe_viz.ParameterCount) -> Iterator[str]:
    choices = {(block.top_k, block.experts, block.zero_experts) for block in count.blocks}
    yield f"{name} ({count.family}): {len(count.blocks)} routers in {count.layers} layers, {count.dense_layers} dense"
    for top_k, experts, zero in sorted(choices):
        beside = f" and {zero} that compute nothing" if zero else ""
        yield f"a token chooses {top_k} of {experts} experts{beside}"
    yield ""
    parts = {
        "routed experts": count.routed,
        "shared experts": count.shared,
        "routers": count.routers,
        "attention": count.attention,
        "input embeddings": count.embeddings,
        "output head" + (" (tied)" if count.tied else ""): count.output_head,
        "other": count.other,
        "total": count.total,
        "active per token": count.active,
        "  without input embeddings": count.active_without_embeddings,
    }
    for part, weights in parts.items():
        yield f"{part:26} {weights:>19,} {weights / count.total:>7.1%}"


def plan_as_json(plan: moe_viz.MemoryPlan) -> dict[str, Any]:
    """A plan and the values derived from it, as JSON values."""
    return asdict(plan) | {"weights": plan.weights, "fits": plan.fits, "sentence": plan.sentence}


def _memory(plans: list[moe_viz.MemoryPlan]) -> Iterator[str]:
    yield ""
    yield f"memory of the weights, and whether {plans[0].device} here has room for them"
    for plan in plans:
        share = f"{plan.quantization}, {plan.quantized / plan.parameters:.1%} of them"
        form = share if plan.quantization else plan.dtype
        yield f"{form:26} {plan.weights / 1e9:>16,.2f} GB  {'room' if plan.fits else 'no room'}"
    cache = plans[-1].cache_per_token
    if cache is not None:
        yield f"{'keys and values per token':26} {cache / 1e3:>16,.1f} KB"


def _listed(rows: Iterable[tuple[KnownModel, moe_viz.ParameterCount | None]]) -> Iterator[str]:
    yield "Billions of parameters. * The makers do not state the figure themselves."
    yield _ROW.format("", "", "", "published", "", "counted", "", "active", "").rstrip()
    yield _ROW.format("model", "by", "released", "total", "active", "total", "active", "w/o embed.", "published in")
    for model, count in rows:
        figures = [*map(_billions, (model.total, model.active)), "", "", ""]
        if count is not None:
            weights = (count.total, count.active, count.active_without_embeddings)
            figures[2:] = [f"{number / 1e9:.2f}" for number in weights]
        source = {"moe": "", "dense": "dense; ", "closed": "closed; "}[model.kind] + model.source
        name = model.name + ("" if model.confirmed else " *")
        yield _ROW.format(name, model.organisation, model.released, *figures, source)


def _billions(figure: float | None) -> str:
    return "unknown" if figure is None else f"{figure:g}"


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout)
    print()
