"""The keys of the presenter view."""
