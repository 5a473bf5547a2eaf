"""Mixture of experts, taught on a real model."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.lesson_page import learn

learn()
