"""The token panel: one token's way through the layers, its routers and the model's predictions."""
