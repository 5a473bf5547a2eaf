"""What a session has: its model, its trace, its link. Nothing is drawn here."""
