"""One expert at a time: which domains it serves, which tokens it takes, which experts it works with."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.specialization.contexts import go_to_asked_text
from moe_viz.ui.specialization.expert_outputs import writes_toward
from moe_viz.ui.specialization.experts import (
    choose_expert,
    draw_partners,
    draw_summary,
    share_and_load,
    tokens_and_alike,
)
from moe_viz.ui.specialization.profiles import chosen_profile

go_to_asked_text()
profiled = chosen_profile("An atlas of experts")
chosen = choose_expert(profiled)
draw_summary(profiled, *chosen)
share_and_load(profiled, *chosen)
tokens_and_alike(profiled, *chosen)
writes_toward(profiled, *chosen)
draw_partners(profiled, *chosen)
