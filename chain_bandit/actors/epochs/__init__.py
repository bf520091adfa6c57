"""The actors of an agreement on tokens: shares held by validators, and a quorum's word on one token an epoch."""
