"""The HTML document around a page's sections: its style, its scripts and its content security policy."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from chain_bandit.views.markup import Markup, tag

_SCRIPTS = ("page.js",)
_LIVE_SCRIPTS = ("page.js", "live.js")


def policy(live: bool = False) -> str:
    """The content security policy: no script but the page's own, by its hash; a live page asks its own server alone."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(_file(name).encode()).digest()).decode()}'"
        for name in _names(live)
    )  # fmt: skip
    connects = "; connect-src 'self'" if live else ""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; img-src data:{connects}; "
        "base-uri 'none'; form-action 'none'"
    )


def document(title: str, body: Markup, live: bool = False, *head: Markup) -> str:
    """An HTML file that loads nothing, with what belongs into its head besides."""
    return "<!DOCTYPE html>\n" + tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=policy(live)),
            tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name_="referrer", content="no-referrer"),
            tag("title", f"{title} \N{EN DASH} chain_bandit"),
            tag("style", Markup(_file("page.css"))),
            *head,
        ),
        tag("body", body, *(tag("script", Markup(_file(name))) for name in _names(live))),
        lang="en",
    ) + "\n"  # fmt: skip


def _names(live: bool) -> Sequence[str]:
    return _LIVE_SCRIPTS if live else _SCRIPTS


def _file(name: str) -> str:
    return files("chain_bandit.views").joinpath(name).read_text(encoding="utf-8")
