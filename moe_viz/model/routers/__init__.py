"""Routers: found by structure, described by family, read where the model consumes their choice."""
