"""The rules of the paper: pure, integers, scalar; no input or output, no clock, no randomness of their own."""
