"""What pages of every kind draw with."""
