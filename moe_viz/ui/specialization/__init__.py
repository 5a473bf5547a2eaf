"""The pages Layers, Domains, Experts and Flow: a whole profile."""
