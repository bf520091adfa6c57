"""`chain-bandit doctor`: what is missing in the installation."""

import sys

import typer

from chain_bandit.cli.options import Json
from chain_bandit.output import answer

EXAMPLES = ("doctor",)


def doctor(as_json: Json = False) -> None:
    """Check the installation: tools found, missing, and how to get them. Exit 4: the embedded chain cannot run."""
    from chain_bandit.doctor import examine

    findings = examine()
    missing = [finding.name for finding in findings if finding.required and not finding.present]
    if as_json:
        answer({"ok": not missing, "findings": [finding.as_dict() for finding in findings]}, sort_keys=True)
    else:
        for finding in findings:
            print(finding.line())
    if missing:
        print(f"error: missing: {', '.join(missing)}; see above how to get it", file=sys.stderr)
        raise typer.Exit(4)
