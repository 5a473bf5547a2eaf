"""Everything that touches torch: loading a model, finding its routers, reading them."""
