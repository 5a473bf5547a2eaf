"""Switch Transformers (arXiv 2101.03961): top-1, not normalised; tokens over capacity are dropped."""

from moe_viz.model.routers.families import CAPACITY, Family

FAMILY = Family(
    function="softmax",
    fixed_top_k=1,
    logits_index=2,
    extractor="one-hot",
    batch_dependent=CAPACITY,
    notes=("A token beyond its expert's capacity is dropped: it passes the layer by the residual alone.",),
)
