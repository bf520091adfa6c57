"""The wiring: one game from its scenario to its end, all actors in one process."""
