"""What the experts themselves receive and write."""
