"""The words of the field, each with where to see it."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.learn.glossary import glossary

glossary()
