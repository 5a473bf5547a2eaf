"""The page Routing: the text, its routing map, its continuation."""
