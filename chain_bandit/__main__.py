"""`python -m chain_bandit`: the command line."""

from chain_bandit.cli import main

main()
