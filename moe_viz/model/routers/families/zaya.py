"""ZAYA1 (arXiv 2511.17127): softmax, top-1; a bias decides the choice alone; the last output skips the experts."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    selection_bias="balancing_biases",
    num_experts="num_router_classes",
    zero_experts=1,
    extractor="skip",
    notes=("The router's last output stands for no expert: a token that chooses it skips the layer's experts.",),
)
