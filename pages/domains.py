"""Which experts serve which kind of text, and how certain that is."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.specialization.domains import draw_information, heatmaps
from moe_viz.ui.specialization.profiles import chosen_profile, measure
from moe_viz.ui.specialization.specialists import draw_specialists

profiled = chosen_profile("Which experts serve which kind of text")
measure()
heatmaps()
draw_information(profiled)
draw_specialists(profiled)
