"""Message transport between actors."""
