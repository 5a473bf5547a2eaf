"""Pure functions that turn traces and counts into arrays and tables."""
