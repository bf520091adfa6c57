"""The secure comparison: k * n_{p,i} > n_ref,i as one bit an arm, and nothing else about n (PROTOCOL 1.4)."""
