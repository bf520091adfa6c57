"""How messages travel between actors."""
