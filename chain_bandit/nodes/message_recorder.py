"""Message recorder: signed messages as received, kept for benchmarks and compared across nodes.

`CHAIN_BANDIT_TAP=1`. The sender is known by its link: no signature is needed.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chain_bandit.actors.messages import ENVIRONMENT, Receipt
from chain_bandit.append_log import AppendLogFile
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.network.wire import Envelope
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role, receipt_content

VARIABLE, HEARD = "CHAIN_BANDIT_TAP", "heard.jsonl"

_OnEnvelope = Callable[[int, Envelope], None]


@contextmanager
def tapped(place: Path, own: int) -> Iterator[_OnEnvelope]:
    """What a node calls with every envelope and its sender, before it acts upon it.

    Raises:
        LogUnwritable: for example on a full disk. The envelope is not kept then, so that the node does not act on it.
    """
    if not os.environ.get(VARIABLE):
        yield lambda sender, envelope: None
        return
    with closing(AppendLogFile(place / HEARD)) as lines:
        lines.read(lambda number, line: None)  # a torn last one is dropped

        def heard(sender: int, envelope: Envelope) -> None:
            for at, content in _said(sender, own, envelope):
                lines.append(json.dumps([sender, at, content.hex()]))
            lines.write()

        yield heard


def _said(sender: int, own: int, envelope: Envelope) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """What an honest sender would have signed: (round, phase, role, instance, stage), and what it states."""
    for message in envelope.messages:
        stage = (1 + message.stage,) if hasattr(message, "stage") else ()
        match getattr(message, "frame", message):
            case Frame(phase=phase, claims=claims):
                for claim in claims:
                    if claim.instance == sender:
                        yield (envelope.round, int(phase), int(Role.COMMANDER), sender, *stage), keccak(claim.content)
            case Vote(seat=seat, content=content) if seat == sender:
                yield (envelope.round, int(Phase.BLOCK), int(Role.SIGNER), 0), content
            case Receipt(round=round_, arm=arm, reward=reward, tally=tally, count=count) if sender == ENVIRONMENT:
                content = receipt_content(arm, reward, tally, count)
                yield (round_, int(Phase.REWARD), int(Role.ENVIRONMENT), own), content


def said_twice(out: Path) -> list[int]:
    """Addresses from which the nodes of a game received two contents in one slot, across restarts."""
    said: dict[tuple[int, ...], set[str]] = {}
    for path in sorted(out.glob(f"*/{HEARD}")):
        for line in path.read_text(encoding="ascii").splitlines():
            sender, at, content = json.loads(line)
            said.setdefault((sender, *at), set()).add(content)
    return sorted({sender for (sender, *_), contents in said.items() if len(contents) > 1})
