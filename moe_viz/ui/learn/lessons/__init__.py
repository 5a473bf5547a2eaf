"""One small file per lesson: its widgets, its numbers, its figures. Their texts are in `moe_viz.lessons`."""
