"""Predict, then see: questions from real routing."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.predict.page import predict_page

predict_page()
