"""The command line. Results on stdout, progress and errors on stderr, `--json` one object, true exit codes."""

import sys

from chain_bandit.exit_codes import EXIT_CODES

__all__ = ["main"]


def main() -> None:
    """Entry point; a Ctrl-C while the command line is imported ends it as one that comes later does."""
    try:
        from chain_bandit.cli.root import main as called
    except KeyboardInterrupt:
        print(f"error: {EXIT_CODES[130][0]}; nothing was begun", file=sys.stderr)
        raise SystemExit(130) from None
    called()
