"""The model card, filled in from `evaluation.json`: it states nothing that was not measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Any

from training.sources import SOURCES
from training.specialization import SHUFFLES

TEMPLATE = Path(__file__).with_name("card_template.md")


def card(evaluation: dict[str, Any]) -> str:
    """The card's Markdown. Raises KeyError if the evaluation lacks a number that the card states."""
    cost, model, parameters = (evaluation[part] for part in ("training", "model", "parameters"))
    recipe, layers = cost["recipe"], evaluation["layers"]
    control = layers[0]["first_choice_given_token"]
    with_xz = all("xz_bits_per_byte" in row for row in evaluation["domains"].values())
    threads, domains = cost["threads"], len(evaluation["domains"])
    unfinished = (
        f"\n\n**This is an intermediate state: {cost['steps']} of {recipe['steps']} steps.**"
        if cost["steps"] < recipe["steps"]
        else ""
    )
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
        "windows": evaluation["windows_per_domain"],
        "window_tokens": evaluation["window_tokens"],
        "domain_table": _domain_table(evaluation["domains"], with_xz),
        "mean_loss": f"{evaluation['mean_loss_nats_per_token']:.2f}",
        "xz_note": _xz_note(evaluation) if with_xz else "",
        "layer_table": _layer_table(layers),
        "shuffles": SHUFFLES,
        "domain_count": domains,
        "most_information": f"{math.log2(min(domains, model['experts'] / model['top_k'])):.2f}",
        "most_first": f"{math.log2(min(domains, model['experts'])):.2f}",
        "control_tokens": control["tokens"],
        "control_share": f"{100 * control['share_of_text']:.0f}",
        "specialist_layer": evaluation["specialists"]["layer"],
        "specialist_table": _specialist_table(evaluation["specialists"]["by_domain"]),
        "uniform_share": f"{100 * model['top_k'] / model['experts']:.1f}",
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


def _domain_table(domains: dict[str, Any], with_xz: bool) -> str:
    header = ("domain", "nats a token", "bits a byte", "bytes a token", "documents")
    rows = [
        (
            name,
            f"{row['loss_nats_per_token']:.2f}",
            f"{row['bits_per_byte']:.2f}",
            f"{row['bytes_per_token']:.2f}",
            row["documents"],
            *((f"{row['xz_bits_per_byte']:.2f}",) if with_xz else ()),
        )
        for name, row in domains.items()
    ]
    return _table((*header, "xz, bits a byte") if with_xz else header, rows)


def _xz_note(evaluation: dict[str, Any]) -> str:
    domains = evaluation["domains"].values()
    better = sum(row["bits_per_byte"] < row["xz_bits_per_byte"] for row in domains)
    megabytes = evaluation["xz_training_bytes"] / 1e6
    return (
        f" For comparison, `xz -9e` on the same windows, given the first {megabytes:g} MB of the domain's"
        " training text to refer back to (compressed size of both, less that of the training text"
        " alone); unlike the model it may also refer to the windows before. The model needs fewer bits in"
        f" {better} of {len(domains)} domains."
    )


def _layer_table(layers: list[dict[str, Any]]) -> str:
    header = (
        *("layer", "domain information", "null", "first choice", "null", "given the token"),
        *("MaxVio", "effective experts", "dead"),
    )
    rows = []
    for row in layers:
        every, first = row["domain_information"], row["domain_information_first_choice"]
        given = row["first_choice_given_token"]
        rows.append(
            (
                row["layer"],
                *(f"{part[key]:.2f}" for part in (every, first) for key in ("bits", "null_mean")),
                f"{given['bits'] - given['null_mean']:.2f}",
                f"{row['max_violation']:.2f}",
                f"{row['effective_experts']:.1f}",
                len(row["dead_experts"]),
            )
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
