"""The chain: the shipped contract, an embedded node, and a client for it. The only package that imports web3."""
