"""The Predict page: a question from real routing, a prediction, and what was measured."""
