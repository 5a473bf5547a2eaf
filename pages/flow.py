"""Which experts work on the same tokens, and the tokens' way from router to router."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.specialization.flow import choose_layer_and_experts, draw_layer, draw_paths
from moe_viz.ui.specialization.profiles import chosen_profile

profiled = chosen_profile("Which experts work on the same tokens")
site, experts = choose_layer_and_experts(profiled)
draw_layer(profiled, site, experts)
draw_paths(profiled, site, experts)
