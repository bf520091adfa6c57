"""Second implementation of the rules, independent: it recomputes a game from raw blocks and the specification alone."""
