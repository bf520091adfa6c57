"""What a chain kept of a game: read from a node, written to one file, read back with suspicion."""
