"""A model that runs with its routers read: traces, batches, continuations."""
