"""Lessons on mixture of experts: their texts, and the small experiments that give their numbers."""
