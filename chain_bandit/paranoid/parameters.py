"""The numbers that decide a game, as its creation holds them."""

import re
from dataclasses import dataclass

from chain_bandit.paranoid.words import Broken, OtherVersion, keccak, number

UNIT = 10**9
"""One whole reward, or an estimator of 1."""
INFINITE = 2**32 - 1
"""The mean over nobody."""
ALWAYS = 2**64
"""A probability of one."""


@dataclass(frozen=True)
class Parameters:
    """docs/protocol.md, table of parameters: one ABI word each, in this order; the last two from the declared rules."""

    participants: int
    validators: int
    arms: int
    horizon: int
    burn_in: int
    liars: int
    attackers: int
    threshold: int
    rules: int
    attested: int
    payload: int
    quorum_choice: int
    failure_limit: int
    c1_numerator: int
    c1_denominator: int
    c1_per_report: int
    body_mode: int
    unrecorded: int
    tolerance: int
    skip_penalty: int
    evidence_penalty: int
    cost: int
    sortition: int
    probing: int
    commanders: int
    wei_per_unit: int
    stake: int
    opening_deadline: int
    skip_deadline: int
    burn_in_blocks: int
    game_blocks: int
    settlement_window: int
    sealed: int
    unrevealed_penalty: int
    slash: int
    finders_fee: int
    growth: int
    paid_burn_in: int
    dimension: int
    reward_source: int
    participants_root: int
    extension: int
    aggregation: str
    delta: int

    @property
    def seats(self) -> range:
        """All seats."""
        return range(self.participants)

    @property
    def mask(self) -> int:
        """Bytes of a set of seats."""
        return (self.participants + 7) // 8

    @property
    def compact(self) -> bool:
        """Whether bodies lie beside the chain."""
        return self.body_mode == 1

    @property
    def has_committees(self) -> bool:
        """Whether not everybody validates: headers and skips then name who does next."""
        return bool(self.sortition) or self.by_reputation

    @property
    def by_reputation(self) -> bool:
        """Whether the best by reputation validate."""
        return not self.sortition and self.validators < self.participants

    @property
    def draws_commanders(self) -> bool:
        """Whether chance says who commands."""
        return self.commanders != ALWAYS

    @property
    def draws(self) -> bool:
        """Whether reports carry proofs."""
        return bool(self.sortition) or self.draws_commanders

    def quorum(self, validators: int) -> int:
        """Signatures that certify a block of so many validators (PROTOCOL 1.2)."""
        if self.quorum_choice == 1:
            return (validators + self.attackers) // 2 + 1
        expected = self.participants * self.sortition // (2 * ALWAYS)
        return max(validators // 2, expected, self.attackers) + 1


FIELDS = len(Parameters.__dataclass_fields__) - 2
LONGEST = 4096
"""Bytes of a declaration of rules."""


def created(data: bytes) -> tuple[Parameters, bytes, bytes, bytes, bytes]:
    """What a creation holds: parameters, the code before them, their ABI words, the commitments to salt and secret."""
    text = _declaration(data)
    end = len(data) - len(text) - -len(text) % 32 - 64
    code, words = data[: max(0, end - 32 * (FIELDS + 2))], data[max(0, end - 32 * (FIELDS + 2)) : end]
    if len(words) < 32 * (FIELDS + 2):
        raise Broken("the creation is too short for its parameters")
    numbers = [number(words[at : at + 32]) for at in range(0, 32 * FIELDS, 32)]
    named = dict(zip(Parameters.__dataclass_fields__, numbers, strict=False))
    if named["rules"] != number(keccak(text)):
        raise Broken("the declared rules are not those of the parameters")
    name, delta, selection = _rules(text)
    p = Parameters(**named, aggregation=name, delta=delta)
    if selection != ("sortition" if p.sortition else "best-by-reputation" if p.has_committees else "everybody"):
        raise OtherVersion(f"this version does not select by {selection} with these parameters")
    if p.attested != p.body_mode or p.payload != p.arms or any(numbers[FIELDS - 8 :]):
        raise Broken("format 2 gives these parameters no meaning")
    if not (0 < p.participants <= 256 and 0 < p.arms < 255 and 2 * p.arms <= p.burn_in <= p.horizon < 2**32):
        raise Broken("no game has these parameters")
    if not (p.threshold and p.tolerance and p.failure_limit and p.c1_numerator and p.c1_denominator):
        raise Broken("no game has these parameters")
    return p, code, words[:-64], words[-64:-32], words[-32:]


def _declaration(data: bytes) -> bytes:
    """The text that a creation ends with, behind its place and its length: the shortest that there can be."""
    for size in range(LONGEST + 1):
        start = len(data) - size - -size % 32
        head = data[max(0, start - 64) : start]
        if len(head) == 64 and number(head[:32]) == 32 * (FIELDS + 4) and number(head[32:]) == size:
            return data[start : start + size]
    raise OtherVersion("the creation does not end with a declaration of rules: another version audits this game")


def _rules(text: bytes) -> tuple[str, int, str]:
    """Aggregation, its delta, selection. Raises `OtherVersion` for any but a declaration of these."""
    for name in ("option-1", "option-2", "option-3", "delta-safe", "confidence"):
        delta, options = 0, ""
        if name in ("delta-safe", "confidence"):
            found = re.search(rb'"delta":([0-9]{1,20})\}', text)
            delta = int(found[1]) if found else 0
            options = f'"delta":{delta}'
        for selection in ("everybody", "best-by-reputation", "sortition"):
            named = (("aggregation", name, options), ("reputation", "accuracy", ""), ("selection", selection, ""),
                     ("disclosure", "estimates", ""))  # fmt: skip
            rules = ",".join(
                f'{{"kind":"{kind}","name":"{each}","options":{{{given}}},"version":1}}' for kind, each, given in named
            )
            if text == f'{{"format":2,"rules":[{rules}]}}'.encode():
                return name, delta, selection
    raise OtherVersion("the game declares rules that this version does not have, or another format")
