"""The verifier in the browser, and how it is held against `chain-bandit audit`."""
