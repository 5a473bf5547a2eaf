"""How the bundled model's routing was learnt, and how it collapses without load balancing: recorded."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.training import about, charts, choose_moment, draw_loads, watched_text

about()
charts()
after = choose_moment()
draw_loads(after)
watched_text(after)
