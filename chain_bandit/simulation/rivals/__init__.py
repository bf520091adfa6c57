"""Rivals, the policies that the protocol is compared with, one a file; `registry.py` has them by name."""
