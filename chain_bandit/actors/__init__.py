"""The people of a game as machines without input or output: message or tick in, messages out."""
