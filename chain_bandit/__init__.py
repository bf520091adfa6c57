"""Robust multi-agent bandits on a blockchain: agents, Byzantine consensus, contract, simulator, audit."""

__version__ = "0.2.0"
