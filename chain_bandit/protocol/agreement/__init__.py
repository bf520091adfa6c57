"""The rules of an agreement on tokens: what engine, contract and audit compute alike (`docs/mediate.md`)."""
