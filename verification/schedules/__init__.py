"""Rounds of the real machines under a strategic adversary and a bad network, each drawn from one seed."""
