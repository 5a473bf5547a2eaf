"""OpenAI privacy filter: routes as gpt-oss, divides the weights by k and multiplies the sum by it."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    divisor="top_k",
    output_scale="num_experts",
)
