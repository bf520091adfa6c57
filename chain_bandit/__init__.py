"""Robust multi-agent bandits on a blockchain: agents, Byzantine consensus, contract, simulator, audit."""

__version__ = "0.1.0"
