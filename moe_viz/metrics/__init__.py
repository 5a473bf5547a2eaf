"""What traces and counts say in numbers: pure functions to arrays and tables."""
