"""Makes the lessons' recordings again: `python -m moe_viz.lessons`."""

from __future__ import annotations

import json

import numpy as np

from moe_viz.catalogue import known_models
from moe_viz.lessons import designs, one_token, sizes


def main() -> None:
    """Record the sentence's hidden states; count the models of the catalogue, and record how they are built."""
    from moe_viz.model.experts.router_inputs import router_inputs
    from moe_viz.model.load import load

    with load("demo") as model:
        trace = model.trace(one_token.TEXT)
        hidden = router_inputs(model, one_token.TEXT)
    np.savez_compressed(one_token.FILE, tokens=np.array(trace.tokens), hidden=hidden)
    configs = {model.name: model.config for model in known_models() if model.kind == "moe" and model.config}
    counted = {name: sizes.counted(config) for name, config in configs.items()}
    sizes.FILE.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")
    by_default = {name: {"model_type": name} for name in designs.hash_families()}
    built = {name: designs.built_now(config) for name, config in (configs | by_default).items()}
    models = ",\n".join(f"{json.dumps(name)}: {json.dumps(parts)}" for name, parts in built.items())
    designs.FILE.write_text(f"{{\n{models}\n}}\n", encoding="utf-8")  # one line a model


if __name__ == "__main__":
    main()
