"""The verbs together, the entry point, and the exit codes."""

import gc
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from chain_bandit import __version__
from chain_bandit.address_space import require_address_space
from chain_bandit.cli.assemble import assemble
from chain_bandit.cli.audit import audit
from chain_bandit.cli.demo import demo
from chain_bandit.cli.deploy import deploy
from chain_bandit.cli.doctor import doctor
from chain_bandit.cli.down import down
from chain_bandit.cli.errors import fail, print_error
from chain_bandit.cli.examples import epilog
from chain_bandit.cli.explain import explain
from chain_bandit.cli.join import join
from chain_bandit.cli.keygen import keygen
from chain_bandit.cli.leave import leave
from chain_bandit.cli.listing import list_
from chain_bandit.cli.logs import logs
from chain_bandit.cli.mediate import mediate
from chain_bandit.cli.new import new
from chain_bandit.cli.node import node
from chain_bandit.cli.ps import ps
from chain_bandit.cli.run import run
from chain_bandit.cli.show import show
from chain_bandit.cli.simulate import simulate
from chain_bandit.cli.stopping import terminable
from chain_bandit.cli.sweep import sweep
from chain_bandit.cli.up import up
from chain_bandit.cli.watch import watch
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.output import UNUSABLE, UNWRITABLE, UNWRITTEN, forgiving
from chain_bandit.protocol.errors import ChainBanditError, Stopped

# Pydantic would look for plug-ins of its own, and raise on any installed package whose entry points cannot be read.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

VERBS: tuple[Callable[..., None], ...] = (
    run, deploy, demo, simulate, sweep, audit, show, watch, keygen, join, assemble, leave, node, up, ps, logs, down,
    doctor, explain,
)  # fmt: skip
for verb in VERBS:
    app.command(epilog=epilog(verb.__name__))(verb)
app.command("list", epilog=epilog("list"))(list_)
app.add_typer(new, name="new")
app.add_typer(mediate, name="mediate")


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
