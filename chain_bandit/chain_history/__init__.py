"""History of a game on its chain: read from a node, exported to one file, and read back as hostile input."""
