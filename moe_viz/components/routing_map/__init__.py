"""The routing map: token strip, layer scrubber, and the map of layers × tokens."""
