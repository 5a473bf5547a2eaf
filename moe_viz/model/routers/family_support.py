"""Which families are recorded and what the tests prove of each, as a table.

The tests' own checks write `family_support.json` beside this file, and a test holds that it is still
their outcome. Nothing in it is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moe_viz.model.routers.families import Family, family_of

DATA = Path(__file__).with_name("family_support.json")
_PARTS = {
    "output": "output rebuilt",
    "weights": "weights",
    "choice": "choice",
    "together": "in a batch",
    "generated": "after a cache",
    "experts": "experts as",
    "model": "on a tiny",
}
_LEGEND = """
output rebuilt: computed again in float64 from raw weights and what was captured, and the same, for
  the whole MoE block or for the sum over its experts.
weights, choice: computed again from the captured logits by the recorded rule, and the same.
in a batch: texts padded to one length are routed as each alone, or the family is read one text at a time.
after a cache: generated tokens are routed as in one pass over the whole text. Texts that are continued
  together are routed as each alone, and a prompt is routed as in a plain trace, always.
experts as: the implementations of the experts that route alike.
All of this holds in bfloat16 too. After an exception no listener is left on the model.
Every model is a tiny random one; real checkpoints were not run."""


def table() -> str:
    """One line per family, then what is special in some."""
    content = json.loads(DATA.read_text(encoding="utf-8"))
    families: dict[str, Any] = content["families"]
    rows = [("family", "router", *_PARTS.values())]
    notes = []
    for name, proven in families.items():
        record = family_of(name)
        assert record is not None, f"{name} was checked, but has no record"
        rows.append((name, family_words(record), *(proven[part] for part in _PARTS)))
        notes += [f"{name}: {note}" for note in (*record.notes, record.batch_dependent) if note]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    head = f"{len(families)} families of transformers {content['transformers']}"
    return "\n".join([head, "", *lines, _LEGEND, "", *notes])


def proven(model_type: str) -> str | None:
    """What the tests prove of a family, in a sentence; None if it is not recorded."""
    families: dict[str, dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))["families"]
    found = families.get(model_type) or families.get(model_type.removesuffix("_text"))
    if found is None:
        return None
    return (
        f"of a tiny random {found['model']}: the output of its {found['output']} rebuilt from what was captured;"
        f" worked out again from the logits, gating weights: {found['weights']}, choices: {found['choice']}"
    )


def family_words(family: Family) -> str:
    """How a family's routers score and choose, in short. Of one router `metrics.rule.rule_words` says it in full."""
    if family.function is None:
        return "of its own"
    known = dict.fromkeys(("scoring_func", "expert_selection_fn"), "score as configured")
    words = [known.get(family.function, family.function)]
    words += ["bias"] if family.selection_bias else []
    words += ["groups"] if family.groups else []
    words += ["by token id"] if family.id_table else []
    words += ["normalised"] if family.normalized is True else []
    words += ["normalised if configured"] if isinstance(family.normalized, str) else []
    words += ["scaled"] if family.scale or family.expert_scale else []
    words += ["sum scaled"] if family.output_scale or family.output_halved_if else []
    words += ["sum normed"] if family.output_normed else []
    return ", ".join(words)
