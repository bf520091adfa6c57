"""`python -m chain_bandit.cli.fork_server`: the process that the nodes of `up` are split off."""

from chain_bandit.cli.root import main
from chain_bandit.nodes.fork_server import serve

if __name__ == "__main__":
    serve(main)
