"""Actors of a game: sans-I/O state machines, which take messages and ticks and return messages to send."""
