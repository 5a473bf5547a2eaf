"""How the bundled model's routing was learnt, and how it collapses without load balancing: recorded."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.training import about, charts, draw_loads, moment, watched_text

about()
charts()
after = moment()
draw_loads(after)
watched_text(after)
