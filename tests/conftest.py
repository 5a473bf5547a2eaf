"""Settings of all tests."""

from hypothesis import settings

# The same cases on every run and on a slow machine, and nothing left in the working tree.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")
