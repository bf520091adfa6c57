"""Signed Byzantine agreement as state machines without input or output: messages in, messages out (Algorithm 3)."""
