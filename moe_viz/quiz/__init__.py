"""Predict, then see: questions that are made from traces, and answered by them."""
