"""Agreeing on one token (the paper's section 5): the mean of all, by shares from which nobody's own can be read."""
