"""The timings in README.md here: `python -m benchmarks` measures all of them again."""
