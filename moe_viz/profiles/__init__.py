"""How a model routes a whole corpus: counts that add up, merge, and stay small even for long texts."""
