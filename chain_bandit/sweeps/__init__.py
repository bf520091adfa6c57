"""Many settings of one scenario, each played many times: what a figure or a table of a paper needs."""
