"""Sphinx's configuration of the documentation site; `scripts/build_site.py` lays out its source."""

import re
from typing import Any

from chain_bandit import __version__

project = "chain_bandit"
version = release = __version__
html_title = f"chain_bandit {__version__}"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
html_theme = "furo"
html_show_copyright = html_show_sourcelink = html_copy_source = False
myst_heading_anchors = 4
suppress_warnings = ["toc.not_included", "myst.header", "misc.highlighting_failure"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300


def setup(app: Any) -> None:
    """In docstrings |B| is a number of elements, no substitution of reStructuredText."""

    def escape(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
        lines[:] = [re.sub(r"\|(\w+)\|", r"\\|\1\\|", line) for line in lines]

    app.connect("autodoc-process-docstring", escape)
