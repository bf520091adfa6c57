"""Committee election and sortition, and reputations after a block, compiled (protocol.md: Validators, Reputation)."""

from typing import Any

import numpy as np

from chain_bandit.protocol.reputation import FULL, MEMORY
from chain_bandit.simulation.kernel.compiled import compiled, inlined
from chain_bandit.simulation.kernel.encoding import COMMANDING, PROBING
from chain_bandit.simulation.kernel.keccak import before, keccak
from chain_bandit.simulation.kernel.roots import radius


@compiled
def drawn(keys: Any, seat: Any, t: Any, half: Any, least: Any, words: Any) -> Any:
    """Whether a half (0: validator's, 1: commander's) of a seat's hash for round t, made in `words`, draws it."""
    keccak(words, keys.words[1], (t << 16) | seat, 6)
    high, low = words[2 * half], words[2 * half + 1]
    return high > least[0] or (high == least[0] and low >= least[1])


@inlined
def quorum(rules: Any, count: Any) -> Any:
    """Signatures that certify a block of a committee of so many."""
    if rules.two_thirds:
        return (count + rules.attackers) // 2 + 1
    return max(count // 2, rules.attackers, rules.half_expected) + 1


@compiled
def elect(rules: Any, keys: Any, t: Any, reputation: Any, able: Any, skips: Any, committee: Any, notes: Any) -> None:
    """The best by reputation validate round t; more of them after every skip; notes, M + 1 rows of `LANES`."""
    places = min(rules.participants, rules.validators << min(skips, 10))
    seed = notes[rules.participants]
    keccak(seed, keys.words[0], t, 4)
    for seat in range(rules.participants):
        committee[seat] = 0
        if able[seat]:
            keccak(notes[seat], seed, seat, 2)
    for _ in range(places):
        best = -1
        for seat in range(rules.participants):
            if not able[seat] or committee[seat]:
                continue
            if (
                best < 0
                or reputation[seat] > reputation[best]
                or (reputation[seat] == reputation[best] and before(notes[seat], notes[best]))
            ):
                best = seat
        if best < 0:
            return
        committee[best] = 1


@compiled
def draw(rules: Any, keys: Any, t: Any, proving: Any, able: Any, committee: Any, commanders: Any, notes: Any) -> None:
    """Seats drawn for round t, of those with a proof in their reports; all eligible seats where these are too few.

    The committee is left alone without sortition, the commanders where all command.
    """
    if rules.sortition:
        count = 0
        for seat in range(rules.participants):
            proven = able[seat] and proving[seat]
            committee[seat] = proven and drawn(keys, seat, t, 0, rules.validates_from[seat], notes)
            count += committee[seat]
        if count < quorum(rules, count):
            for seat in range(rules.participants):
                committee[seat] = commanders[seat] = able[seat]
            return
    least = rules.commands_from[COMMANDING if t > rules.burn_in else PROBING]
    for seat in range(rules.participants):
        commands = able[seat] and proving[seat]
        commanders[seat] = (commands and drawn(keys, seat, t, 1, least, notes)) if rules.draws_commanders else 1


@compiled
def judge(
    rules: Any, pulls: Any, told: Any, reporting: Any, mean: Any, size: Any, reputation: Any, forgiven: Any
) -> None:
    """Every reputation an eighth of the way to the accuracy of its report in a block; notes in `forgiven`, by arm."""
    arms = rules.arms
    for arm in range(arms):
        forgiven[arm] = radius(pulls[arm])
    for seat in range(rules.participants):
        accuracy = np.int64(0)
        if reporting[seat]:
            beyond = np.int64(0)
            for arm in range(arms):
                if size[arm]:
                    beyond += max(0, abs(told[arm, seat] - mean[arm]) - forgiven[arm])
            distance = beyond // arms
            if distance < rules.tolerance:
                accuracy = FULL * (rules.tolerance - distance) // rules.tolerance
        reputation[seat] += (accuracy >> MEMORY) - (reputation[seat] >> MEMORY)
