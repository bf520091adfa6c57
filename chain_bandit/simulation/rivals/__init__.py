"""What the protocol is measured against, one rule a file; `registry.py` has them by name."""
