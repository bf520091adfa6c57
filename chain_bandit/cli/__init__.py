"""The command line. Results on stdout, progress and errors on stderr, `--json` one object, true exit codes."""

from chain_bandit.cli.root import app, main

__all__ = ["app", "main"]
