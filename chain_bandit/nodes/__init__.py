"""Participants, environment, relayer and comparison as processes of their own: the same actors, driven by messages."""
