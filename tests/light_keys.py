"""Keystores that open at once, of tests: each command with a key takes half a second else."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from eth_keyfile import keyfile

ROOT = Path(__file__).parents[1]


def light_keys() -> Any:
    """While it lasts this process makes such keystores."""
    return patch.object(keyfile, "get_default_work_factor_for_kdf", lambda kdf: 2)


def light_keys_elsewhere(folder: Path) -> str:
    """What has any keygen, as PYTHONPATH, make them."""
    (folder / "sitecustomize.py").write_text(
        "import sys\nif 'keygen' in sys.orig_argv:\n"
        "    from tests.light_keys import light_keys\n    light_keys().start()\n"
    )
    return f"{folder}{os.pathsep}{ROOT}"
