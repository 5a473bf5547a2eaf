"""Questions from real routing: predict the answer, then see it."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.predict.page import predict_page

predict_page()
