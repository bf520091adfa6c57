"""Browser verifier, and its equivalence tests against `chain-bandit audit`."""
