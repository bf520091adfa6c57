"""Signatures: `verify` needs no key, `keys` holds them."""
