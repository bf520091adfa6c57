"""MEDIATE's experiments as one command each: what is played, the folder it is kept in, and what it comes to."""
