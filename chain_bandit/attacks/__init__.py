"""What malicious participants do, behind one small interface, one file an attack."""
