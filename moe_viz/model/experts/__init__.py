"""What the experts themselves read and write."""
