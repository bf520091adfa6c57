"""A committee that blocks without signatures chose, on a chain that let it pass: both computations name the block."""

from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.parameters import ODDS, BodyMode, Parameters
from tests.rules import rule
from tests.unit.audit.planted import ROUND
from tests.unit.audit.played_game import COMMITTEES, DRAWS, L, M, Played, Script, T, with_header
from tests.unit.audit.test_second_implementation import second_opinion

ALONE = replace(COMMITTEES, validators=1, attackers=0, aggregation=rule("option-2"))
"""The best of four validates."""
DRAWN = replace(DRAWS, unrecorded=3, aggregation=rule("option-2"), commanders=ODDS)
ARTIFACT = chain_bandit_artifact()
OUTSIDER, PAIR = (1,), (1, 2)
REFUSED = ARTIFACT.members("error")["CertificateMissing"].topic[:4]
PUSH2, JUMPI, POP, JUMPDEST = b"\x61", b"\x57", b"\x50", b"\x5b"


def without_refusal(code: bytes) -> bytes:
    """The code with the one jump to the refusal left out: its condition is popped."""
    block = code.rindex(JUMPDEST, 0, code.index(b"\x7f" + REFUSED))
    jump = PUSH2 + block.to_bytes(2) + JUMPI
    assert code.count(jump) == 1
    return code.replace(jump, POP + 3 * JUMPDEST)


class Captured(Played):
    """On a chain whose contract takes blocks without signers, as where everybody validates."""

    def _flush(self) -> None:
        implementation = ARTIFACT.modules[-1]
        self.node.replace_code(implementation.address, without_refusal(implementation.code))
        super()._flush()


def script(parameters: Parameters, coalition: tuple[int, ...]) -> Script:
    """In one round nobody signs a block with the coalition's reports alone; from then on it plays by itself."""
    named = with_header(ROUND, committee=mask(coalition))
    return Script(
        parameters=parameters, batch=3, kind=lambda t: "block",
        reporters=lambda t: coalition if t >= ROUND else tuple(range(M)),
        signers=lambda usual, t: [] if t == ROUND else usual,
        successors=(lambda header, t: named(header, t, None)) if parameters.sortition else lambda header, t: header,
    )  # fmt: skip


@pytest.mark.parametrize("mode", list(BodyMode))
@pytest.mark.parametrize(("parameters", "coalition"), [(ALONE, OUTSIDER), (DRAWN, PAIR)], ids=["the best", "drawn"])
def test_both_name_the_block_that_chose_its_own_committee(
    parameters: Parameters, coalition: tuple[int, ...], mode: BodyMode, tmp_path: Path
) -> None:
    played = Captured(script(replace(parameters, body_mode=mode), coalition))
    report = second_opinion(played.history, tmp_path)
    rows = {row.round: row for row in report.rounds}
    assert (len(rows), rows[ROUND].signers) == (T - L + 1, ())
    assert not {*coalition} >= {*rows[ROUND].validators}
    assert all(row.validators == row.signers == coalition for t, row in rows.items() if t == ROUND + 1)
    found = {(each.check, each.round) for each in report.violations}
    assert {("certificate.quorum", ROUND), ("paranoid.certificate", ROUND)} <= found
    # By reputation nothing else is wrong: without that check the history would pass.
    if not parameters.sortition:
        assert all(rows[t].signers == coalition for t in range(ROUND + 1, T + 1))
        assert {check for check, _ in found} == {"certificate.quorum", "paranoid.certificate"}
    sentence = next(each.sentence for each in report.violations if each.check == "certificate.quorum")
    assert f"round {ROUND}" in sentence
    assert "seats [] signed" in sentence
