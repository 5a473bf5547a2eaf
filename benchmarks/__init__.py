"""What the README says about speed: `python -m benchmarks` measures all of it again."""
