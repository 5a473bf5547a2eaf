"""The model in use, how to load another one, and well-known models to compare."""

from moe_viz.ui.widgets.entry import through_app

through_app()

from moe_viz.ui.models.catalogue import well_known
from moe_viz.ui.models.load_another import load_another
from moe_viz.ui.models.loaded_model import loaded_model

loaded_model()
load_another()
well_known()
