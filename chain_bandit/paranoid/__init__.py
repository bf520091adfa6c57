"""A game computed a second time, plainly, from raw blocks and the written specification alone."""
