"""Independent re-implementation of the rules: it recomputes a game from raw blocks and the specification alone."""
