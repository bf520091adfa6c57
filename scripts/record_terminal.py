"""Recording of a terminal as SVG: commands and what they print, in their colours.

    python -m scripts.record_terminal docs/figures/terminal.svg "chain-bandit demo" --lines 23

Each command runs on a pseudo-terminal of its own; what it writes to stderr, such as progress, is not recorded.
"""

import argparse
import os
import pty
import re
import shlex
import subprocess
import sys
import termios
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROWS = 40
"""Of the pseudo-terminal; nothing that is recorded depends on it."""
FONTS = "font-family: Menlo, Consolas, DejaVu Sans Mono, monospace"
"""Of a fixed width, as machines have them: in place of one that is fetched."""


def printed(command: str, columns: int) -> str:
    """What a command writes to a terminal. Raises `CalledProcessError` where it fails."""
    unset = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "TERM": "xterm-256color", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    }  # fmt: skip
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        termios.tcsetwinsize(theirs, (ROWS, columns))
        with subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=theirs, env=environment) as ran:
            os.close(theirs)
            text = b""
            try:
                while part := terminal.read(1 << 16):
                    text += part
            except OSError:  # how Linux reports that the other end is closed
                pass
    if ran.returncode:
        raise subprocess.CalledProcessError(ran.returncode, command, text)
    return text.decode().replace("\r\n", "\n")


def recorded(commands: Sequence[str], columns: int = 80, lines: int | None = None) -> str:
    """The picture of a terminal after these commands, or of its first lines; it asks nothing of the network."""
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True, color_system="truecolor")
    shown = Text("\n").join(Text.from_ansi(f"\x1b[1m$ {each}\x1b[0m\n{printed(each, columns)}") for each in commands)
    parts = shown.split("\n")
    for part in parts[:lines]:
        console.print(part, no_wrap=True, overflow="ignore", crop=False, highlight=False)
    if len(parts) > len(parts[:lines]):
        console.print("\N{HORIZONTAL ELLIPSIS}")
    made = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=" ", unique_id="terminal"), flags=re.DOTALL)
    return made.replace("font-family: Fira Code, monospace", FONTS)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="as it is typed")
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--lines", type=int, help="the first lines alone")
    given = parser.parse_args()
    given.out.write_text(recorded(given.commands, given.columns, given.lines), encoding="utf-8")


if __name__ == "__main__":
    main()
