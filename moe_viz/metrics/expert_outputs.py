"""Tables of what experts write."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.metrics.tokens import visible


def written_tokens(outputs: ExpertOutputs, site: int, expert: int, end: Literal["raised", "lowered"]) -> pd.DataFrame:
    """The tokens whose logits one expert's mean output raises, or lowers, most: token, token_id, effect.

    The largest effect comes first. The table is empty if the expert took no token. `ExpertOutputs` defines the effect.
    """
    ids, effects = (outputs.raised_ids, outputs.raised) if end == "raised" else (outputs.lowered_ids, outputs.lowered)
    own = ids[site, expert] >= 0
    tokens = ids[site, expert][own]
    return pd.DataFrame(
        {
            "token": [visible(outputs.token_texts[token], spaces=True) for token in tokens.tolist()],
            "token_id": tokens,
            "effect": effects[site, expert][own],
        }
    )
