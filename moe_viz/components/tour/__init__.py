"""The tour of a page."""
