"""Which experts work on the same tokens, and the tokens' way from router to router."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.specialization.flow import all_layers, choose, one_layer
from moe_viz.ui.specialization.profiles import chosen_profile

profiled = chosen_profile("Which experts work on the same tokens")
site, experts = choose(profiled)
one_layer(profiled, site, experts)
all_layers(profiled, site, experts)
