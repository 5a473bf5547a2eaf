"""DeepSeek-V4: the root of the softplus; a bias decides the choice alone; the first layers choose by token id."""

from moe_viz.model.routers.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="scoring_func",
    normalized=True,
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    id_table="tid2eid",
    shared_experts=1,
    batch_dependent=SPARSE_ATTENTION,
    notes=("In the layers whose choice does not follow the scores it is looked up by the token's id.",),
)
