"""`chain-bandit doctor` and `chain-bandit explain`: what is missing here, and what a code or a check means."""

import json
import sys
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from chain_bandit.cli.options import Json, Usage
from chain_bandit.exit_codes import EXIT_CODES


def doctor(as_json: Json = False) -> None:
    """Check the installation: tools found, missing, and how to get them. Exit 4: the embedded chain cannot run."""
    from chain_bandit.doctor import examine

    findings = examine()
    missing = [finding.name for finding in findings if finding.required and not finding.present]
    if as_json:
        print(json.dumps({"ok": not missing, "findings": [finding.as_dict() for finding in findings]}, sort_keys=True))
    else:
        for finding in findings:
            print(finding.line())
    if missing:
        print(f"error: missing: {', '.join(missing)}; see above how to get it", file=sys.stderr)
        raise typer.Exit(4)


def explain(
    what: Annotated[str, typer.Argument(metavar="CODE|CHECK", help="An exit code, or a check of the audit.")],
    as_json: Json = False,
) -> None:
    """Explain an exit code and its remedy, or what a check of the audit proves and how to verify it by hand."""
    from chain_bandit.auditor.catalogue import CHECKS
    from chain_bandit.auditor.exhibits import NEEDED, by_hand

    known = {str(code): code for code in EXIT_CODES}
    if what in CHECKS:
        said: dict[str, Any] = {"check": what, "proves": CHECKS[what], "by_hand": by_hand(what), "needs": NEEDED}
        text = f"{CHECKS[what]}\nBy hand: {said['by_hand']}\n{NEEDED}"
    elif what in known:
        meaning, remedy = EXIT_CODES[known[what]]
        said = {"code": known[what], "meaning": meaning, "what_to_do": remedy}
        text = f"{meaning[0].upper()}{meaning[1:]}. {remedy}"
    else:
        near = get_close_matches(what[:80], CHECKS, 1)
        listed = f"did you mean {near[0]}?" if near else f"codes: {', '.join(known)}; checks: {', '.join(CHECKS)}"
        raise Usage(f"no exit code and no check {what[:80]!r}; {listed}")
    print(json.dumps(said) if as_json else text)
