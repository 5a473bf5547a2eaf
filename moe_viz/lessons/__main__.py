"""Makes the lessons' recordings again: `python -m moe_viz.lessons`."""

from __future__ import annotations

import json

import numpy as np

import moe_viz
from moe_viz.catalogue import known_models
from moe_viz.lessons import one_token, sizes


def main() -> None:
    """Record the sentence's hidden states, and count the models of the catalogue."""
    from moe_viz.model.router_inputs import router_inputs

    with moe_viz.load("demo") as model:
        trace = model.trace(one_token.TEXT)
        hidden = router_inputs(model, one_token.TEXT)
    np.savez_compressed(one_token.FILE, tokens=np.array(trace.tokens), hidden=hidden)
    counted = {
        model.name: sizes.counted(model.config) for model in known_models() if model.kind == "moe" and model.config
    }
    sizes.FILE.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
