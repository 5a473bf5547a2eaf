"""One small file a lesson: its widgets, its numbers, its figures. What they say is in `moe_viz.lessons`."""
