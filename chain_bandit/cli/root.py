"""The entry point, and the exit codes."""

import gc
import os
import sys
import traceback
from typing import Annotated

import typer

from chain_bandit import __version__
from chain_bandit.address_space import require_address_space
from chain_bandit.cli.errors import fail, print_error
from chain_bandit.cli.stopping import terminable
from chain_bandit.cli.verbs import Verbs
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.output import UNUSABLE, UNWRITABLE, UNWRITTEN, forgiving
from chain_bandit.protocol.errors import ChainBanditError, Stopped

# Pydantic would look for plug-ins of its own, and raise on any installed package whose entry points cannot be read.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    cls=Verbs, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

COLLECTED_EVERY = (100_000, 20, 10)
"""Thresholds of garbage collection: by those of Python a command looks through all that it imports again and again."""


def _version(value: bool) -> None:
    if value:
        print(f"chain-bandit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Robust multi-agent bandits on a blockchain."""
    require_address_space()


def main() -> None:
    """Entry point: one clear sentence for whatever goes wrong, and the exit code that says what it was."""
    gc.set_threshold(*COLLECTED_EVERY)
    with forgiving("--json" in sys.argv and not {"-h", "--help"} & {*sys.argv}), terminable():
        try:
            app(standalone_mode=True)
        except Stopped as stopped:
            if not hasattr(stopped, "__notes__"):
                stopped.add_note("nothing was left half-written")
            fail(stopped, stopped.exit_code, EXIT_CODES[stopped.exit_code][0])
        except SystemExit as ended:
            if said := getattr(ended.__context__, "format_message", None):  # the parser's own; it has printed it
                print_error("Usage", said(), 2)
            raise
        except ChainBanditError as error:
            fail(error, error.exit_code, str(error))
        except Exception as error:  # noqa: BLE001 - a bug: say so, and how to get more
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                where = f"{error.filename or 'what it made'}: cannot be written"
                fail(error, UNWRITTEN, f"{where} ({os.strerror(error.errno)}); make room, or name another place")
            if isinstance(error, OSError) and error.errno in UNUSABLE:
                fail(error, 3, f"{str(error.filename)[:80]}: no such file ({os.strerror(error.errno)})")
            if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # before Python 3.13
                fail(error, 3, str(error))
            if os.environ.get("CHAIN_BANDIT_DEBUG"):
                traceback.print_exc()
            said = str(error) or type(error).__name__
            fail(error, 1, f"a bug in chain-bandit: {said}; CHAIN_BANDIT_DEBUG=1 shows where")
