"""Agreements on tokens as the core sees them: a `System` of the group `chain_bandit.systems`."""

import json
from typing import TYPE_CHECKING

from chain_bandit.auditor.agreement import audit_agreement, creates
from chain_bandit.chain_history.blocks import History
from chain_bandit.game import folder
from chain_bandit.usage import Usage

if TYPE_CHECKING:
    from chain_bandit.systems import Shown


class Agreements:
    """Agreements on tokens (MEDIATE, section 4)."""

    owner, audited_by, export = "an agreement's", "mediate audit", folder.AGREEMENT

    def made(self, history: History) -> bool:
        """Whether its contract was created from the code of `Tokens`."""
        return creates(history, "Tokens")

    def show(self, history: History, what: str | None, which: str | None) -> "Shown":
        """The overview, one epoch or one seat."""
        from chain_bandit.views import agreement  # late: an audit shows nothing

        report = audit_agreement(history)
        match what, which:
            case None, None:
                return json.loads(report.json()), agreement.overview(report)
            case "epoch" | "round", str(number) if number.isdecimal() and len(number) <= 10:
                return agreement.epoch(report, int(number))
            case "participant", str(number) if number.isdecimal() and len(number) <= 10:
                return agreement.seat(report, int(number))
        raise Usage("show RUN_OR_EXPORT [epoch N | participant SEAT], of an agreement on tokens")


AGREEMENTS = Agreements()
