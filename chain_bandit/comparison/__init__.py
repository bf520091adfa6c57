"""The secure comparison: k * n_{p,i} > n_ref,i as a bit an arm, and nothing else about n (protocol.md: Aggregation)."""
