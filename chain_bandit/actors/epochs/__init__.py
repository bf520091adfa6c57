"""The actors of an agreement on tokens: shares held by validators, and a quorum's signatures on one token an epoch."""
