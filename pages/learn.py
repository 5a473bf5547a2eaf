"""Mixture of experts, taught on a real model."""

from moe_viz.ui.entry import through_app

through_app()

from moe_viz.ui.learn import learn

learn()
