"""The link to the view that a page shows."""
