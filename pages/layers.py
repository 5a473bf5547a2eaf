"""The same text, layer by layer: how the work is spread over the experts."""

from moe_viz.ui.entry import through_app

through_app()

from moe_viz.ui.continuing import follow
from moe_viz.ui.prompt import nothing_yet, prompt

own = prompt()
shown = own.shown
follow(own)
if not shown:
    nothing_yet()
else:  # what draws a trace is imported when there is one: a first visitor need not wait for it
    from moe_viz.ui.layers import expert_tokens, heatmap, layer_figures

    cell = heatmap(shown)
    if cell is not None:
        expert_tokens(shown, *cell)
    layer_figures(shown)
