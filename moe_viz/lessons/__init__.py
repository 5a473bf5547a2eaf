"""Lessons on mixture of experts: what they say, and the small experiments whose numbers they state."""
