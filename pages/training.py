"""A recording of how the bundled model learnt to route, and of how it collapses without load balancing."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.training import about, charts, choose_moment, draw_loads, watched_text

about()
charts()
after = choose_moment()
draw_loads(after)
watched_text(after)
