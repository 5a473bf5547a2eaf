"""A model's folder: found, fetched and checked before any weight is read."""
