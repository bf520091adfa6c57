"""`python -m chain_bandit.cli.nursery`: the process that the nodes of `up` are split off."""

from chain_bandit.cli.root import main
from chain_bandit.nodes.nursery import serve

if __name__ == "__main__":
    serve(main)
