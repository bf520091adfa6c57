"""One agreed token an epoch on a chain: shares held by validators, a quorum's word, a contract that keeps it."""
