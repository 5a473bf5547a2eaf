"""The model card, filled in from `evaluation.json`: it states nothing that was not measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Any

from moe_viz.metrics.domains import DRAWS
from training import heldout
from training.evaluate import DOCUMENTS, OCCURRENCES
from training.sources import SOURCES

TEMPLATE = Path(__file__).with_name("card_template.md")


def card(evaluation: dict[str, Any]) -> str:
    """The card's Markdown. Raises KeyError if the evaluation lacks a number that the card states."""
    cost, model, parameters = (evaluation[part] for part in ("training", "model", "parameters"))
    recipe, layers, domains = cost["recipe"], evaluation["layers"], evaluation["domains"]
    control, readout, mean = (
        layers[0]["first_choice_given_token"],
        evaluation["readout"],
        evaluation["mean_domain_information"],
    )
    threads = cost["threads"]
    unfinished = (
        f"\n\n**This is an intermediate state: {cost['steps']} of {recipe['steps']} steps.**"
        if cost["steps"] < recipe["steps"]
        else ""
    )
    better = sum(row["bits_per_byte"] < row["xz_bits_per_byte"] for row in domains.values())
    twin = evaluation["unbalanced_recording"]["frames"][-1]
    same_age = [f for f in evaluation["balanced_recording"]["frames"] if f["updates"] == twin["updates"]]
    values = {
        **{name: model[name] for name in model},
        **{name: recipe[name] for name in recipe},
        "unfinished": unfinished,
        "parameters_total": f"{parameters['total']:,}",
        "parameters_active": f"{parameters['active']:,}",
        "parameters_embedding": f"{parameters['embedding']:,}",
        "steps": f"{cost['steps']:,}",
        "planned_steps": f"{recipe['steps']:,}",
        "tokens": f"{cost['tokens']:,}",
        "tokens_per_parameter": f"{cost['tokens'] / parameters['total']:.1f}",
        "duration": f"{cost['seconds'] / 60:.0f} minutes",
        "threads": "one thread" if threads == 1 else f"{threads} threads",
        "long_share": f"{100 * recipe['long_share']:.0f}",
        "decay_share": f"{100 * recipe['decay_share']:.0f}",
        "often": ", ".join(recipe["often"]) or "none",
        "document_tokens": f"{evaluation['document_tokens']:,}",
        "domain_table": _domain_table(domains),
        "mean_loss": f"{evaluation['mean_loss_nats_per_token']:.2f}",
        "better_than_xz": better,
        "layer_table": _layer_table(layers),
        "mean_information": _with_interval(mean),
        "mean_null": f"{mean['null_mean']:.2f}",
        "draws": DRAWS,
        "domain_count": len(domains),
        "most_information": f"{math.log2(min(len(domains), model['experts'] / model['top_k'])):.2f}",
        "most_first": f"{math.log2(min(len(domains), model['experts'])):.2f}",
        "occurrences": OCCURRENCES,
        "control_tokens": control["tokens"],
        "control_share": f"{100 * control['share_of_text']:.0f}",
        "specialist_layer": evaluation["specialists"]["layer"],
        "specialist_table": _specialist_table(evaluation["specialists"]["by_domain"]),
        "uniform_share": f"{100 * model['top_k'] / model['experts']:.1f}",
        "readout_last": readout["last_tokens"],
        "readout_after": 2 * readout["last_tokens"],
        "readout_shortest": readout["piece_tokens"][0],
        "readout_longest": readout["piece_tokens"][1],
        "readout_right": f"{100 * readout['right']:.0f}",
        "readout_right_after": f"{100 * readout['right_after_change']:.0f}",
        "recorded_documents": DOCUMENTS,
        "recorded_tokens": heldout.TOKENS,
        "probe_texts": evaluation["balanced_recording"]["texts"],
        "recorded_states": len(evaluation["balanced_recording"]["frames"]),
        "twin_steps": f"{twin['updates']:,}",
        "twin_table": _twin_table(same_age[0], twin) if same_age else "",
        "temperature": evaluation["samples"]["temperature"],
        "new_tokens": evaluation["samples"]["new_tokens"],
        "samples": "\n\n".join(_sample(row) for row in evaluation["samples"]["prompts"]),
        "sources": _source_table(),
        "versions": " (" + ", ".join(f"{n} {v}" for n, v in evaluation["versions"].items()) + ")",
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]], text_columns: int = 1) -> str:
    """A Markdown table; columns after the first `text_columns` are numbers."""
    rule = ["---"] * text_columns + ["---:"] * (len(header) - text_columns)
    lines = [header, rule, *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _domain_table(domains: dict[str, Any]) -> str:
    header = ("domain", "nats per token", "bits per byte", "xz, bits per byte", "bytes per token", "documents")
    columns = ("loss_nats_per_token", "bits_per_byte", "xz_bits_per_byte", "bytes_per_token")
    rows = [(name, *(f"{row[column]:.2f}" for column in columns), row["documents"]) for name, row in domains.items()]
    return _table(header, rows)


def _with_interval(estimate: dict[str, float]) -> str:
    return f"{estimate['value']:.2f} ({estimate['low']:.2f}–{estimate['high']:.2f})"


def _layer_table(layers: list[dict[str, Any]]) -> str:
    header = (
        *("layer", "domain information", "null", "first choice", "null", "given the token", "on the probe texts"),
        *("MaxVio", "effective experts", "dead"),
    )
    rows = []
    for row in layers:
        every, first = row["domain_information"], row["domain_information_first_choice"]
        given, probes = row["first_choice_given_token"], row["domain_information_probes"]
        rows.append(
            (
                row["layer"],
                *(cell for part in (every, first) for cell in (_with_interval(part), f"{part['null_mean']:.2f}")),
                f"{given['bits'] - given['null_mean']:.2f}",
                _with_interval(probes),
                f"{row['max_violation']:.2f}",
                f"{row['effective_experts']:.1f}",
                row["dead_experts"],
            )
        )
    return _table(header, rows)


def _twin_table(balanced: dict[str, Any], twin: dict[str, Any]) -> str:
    """Both runs after the same updates, layer by layer."""
    header = ("layer", "MaxVio", "without", "effective experts", "without", "dead", "without")
    columns = (("max_violation", ".2f"), ("effective_experts", ".1f"), ("dead_experts", ".0f"))
    rows = (
        (layer, *(f"{run[name][layer]:{form}}" for name, form in columns for run in (balanced, twin)))
        for layer in range(len(twin["max_violation"]))
    )
    return _table(header, rows)


def _specialist_table(by_domain: dict[str, Any]) -> str:
    rows = (
        (name, row["expert"], f"{100 * row['share']:.0f} %", f"{100 * row['elsewhere']:.0f} %")
        for name, row in by_domain.items()
    )
    return _table(("domain", "expert", "share of its tokens", "of the other domains'"), rows)


def _source_table() -> str:
    rows = ((s.domain, f"{s.name} @ {s.commit}" if s.commit else s.name, s.licence, s.attribution) for s in SOURCES)
    return _table(("domain", "source", "licence", "attribution"), rows, text_columns=4)


def _sample(row: dict[str, Any]) -> str:
    """A prompt and what followed, as code, so that nothing in it is read as Markdown."""
    texts = "\n---\n".join(row["prompt"] + "⟩" + text for text in row["continuations"])
    code = indent(texts, "    ", lambda _line: True)
    return f"{row['domain']} (the prompt ends at ⟩):\n\n{code}"
