"""A model's folder: it is found, fetched and checked before any weight is read."""
