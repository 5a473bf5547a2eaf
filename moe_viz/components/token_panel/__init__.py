"""The token panel: one token's experts in all layers, its routers and the model's predictions."""
