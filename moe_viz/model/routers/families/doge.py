"""Doge: an expert is a pair of keys and a row of two tables; top-k of the keys' sums, a softmax over the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    extractor="product keys",
    batch_dependent="The router cuts its logits in a way that mixes tokens",
    notes=("The gating weights go through no module: they are worked out from the logits and the experts used.",),
)
