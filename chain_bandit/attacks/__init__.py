"""Attacks: strategies of malicious participants, behind one small interface, one file an attack."""
