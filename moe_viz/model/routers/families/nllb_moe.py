"""NLLB-MoE (arXiv 2207.04672): softmax, top-2 with a capacity; the choice does not reach the experts."""

from moe_viz.model.routers.families import CAPACITY, Family

FAMILY = Family(
    function=None,
    fixed_top_k=2,
    logits_index=2,
    extractor="mask",
    batch_dependent=CAPACITY,
    notes=(
        "A fault in transformers hands the experts a 0/1 mask for ids: only experts 0 and 1 ever compute.",
        "An expert's output is multiplied by 1 - moe_token_dropout of the config too.",
    ),
)
