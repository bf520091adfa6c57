"""Signatures and verifiable random functions: `verify` and `vrf` need no key, `keys` and `vrf_keys` hold them."""
