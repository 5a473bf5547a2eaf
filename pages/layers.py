"""A text, or a whole profile, layer by layer: how the work is spread over the experts."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.routing.continuing import follow
from moe_viz.ui.routing.prompt import nothing_yet, prompt
from moe_viz.ui.routing.source import of_this_text

if of_this_text():
    own = prompt()
    shown = own.view
    follow(own)
    if not shown:
        nothing_yet()
    else:  # what draws a trace is imported when there is one: a first visitor need not wait for it
        from moe_viz.ui.specialization.layers import of_a_text

        of_a_text(shown)
else:
    from moe_viz.ui.specialization.layers import of_a_profile
    from moe_viz.ui.specialization.profiles import chosen_profile

    of_a_profile(chosen_profile("How the work is spread over the experts"))
