"""The whole game, from the lines of its export to its verdict."""

from dataclasses import replace
from pathlib import Path

from chain_bandit.paranoid.calls import Call, calls, canonical, tail, word
from chain_bandit.paranoid.digest import run_digest
from chain_bandit.paranoid.draws import Disclosed, disclosed
from chain_bandit.paranoid.export import Export, read
from chain_bandit.paranoid.money import Money, seated, withdrawn
from chain_bandit.paranoid.records import Records
from chain_bandit.paranoid.settlement import Settlement
from chain_bandit.paranoid.setup import Setup, begin, join, opening
from chain_bandit.paranoid.times import PROVING, RECORDING, in_time
from chain_bandit.paranoid.verdict import Account, Verdict
from chain_bandit.paranoid.words import Broken, OtherVersion, keccak, number

OWNED = ("open", "settleRewards", "settleSums", "reveal", "settleCosts")
"""What only the environment calls."""
ANYBODYS = (*RECORDING, *PROVING, "acquit", "join")
"""What is not refused to anybody."""
LATER = ("settleRewards", "settleSums", "revealSeal", "reveal", "settleCosts", "close", "withdraw")

LONGEST_BURN_IN = 10**7
"""Pulls of the burn-in, over all seats, that are computed again: as many as an audit replays."""

STRANGE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)
"""What a chain ends in whose calls hold whatever they like."""


def recompute(path: Path) -> Verdict:
    """What an exported game comes to by the written rules.

    Whatever cannot be read, or followed further, ends the computation: a difference says where.
    """
    verdict = Verdict()
    try:
        export = read(path)
    except ValueError as error:
        verdict.same("chain", None, "blocks", "a chain", str(error))
        return verdict
    verdict.passed["chain"] += len(export.blocks)
    try:
        _follow(export, verdict)
    except OtherVersion as error:
        verdict.blind(str(error))
    except STRANGE as error:
        verdict.same(*verdict.place, "history", "one that can be followed", str(error))
    return verdict


def _follow(export: Export, verdict: Verdict) -> None:
    setup: Setup | None = None
    records: Records | None = None
    later: dict[str, list[Call]] = {name: [] for name in LATER}
    reached: list[int] = []
    everything = _since_creation(list(calls(export, verdict)), verdict)
    for call in everything:
        if not call.succeeded:
            _refused(call, setup, records, bool(later["close"]), verdict)
            continue
        if not call.direct:
            untrue = [event for event in call.events if event[0] != "Withdrawn"]
            verdict.same("setup", None, "events in calls through other contracts", [], untrue)
        if not call.direct or not (call.name or call.events):
            continue
        if setup is not None and call.name in OWNED:
            verdict.same("setup", None, f"sender of {call.name}", setup.environment, call.sender)
        if setup is not None and call.name not in ("create", "withdraw", ""):
            in_time(call, setup, records, bool(later["close"]), verdict)
        if call.data != canonical(call):
            raise Broken(f"the contract takes {call.name} in no encoding but the canonical one")
        if call.name == "create":
            setup = begin(call, verdict)
        elif setup is None or call.name == "":
            raise Broken("there is a call that no contract takes")
        elif call.name == "join":
            join(setup, call, verdict)
        elif call.name == "open":
            if setup.p.burn_in * setup.p.participants > LONGEST_BURN_IN:
                verdict.blind(f"a burn-in of {setup.p.burn_in} rounds is longer than what is computed again")
                return
            opening(setup, call, export.chain_id, export.contract, verdict)
            records = Records(setup, verdict)
        elif call.name in LATER:
            later[call.name].append(call)
            if call.name == "revealSeal" and setup is not None and records is not None:
                records.keys[setup.addresses.index(call.sender)] = word(call.data, 0)
            if call.name == "settleRewards" and records is not None:
                reached.append(records.round - 1)
        elif records is None:
            raise Broken(f"{call.name} comes before the opening")
        elif call.name == "submitBlocks":
            records.blocks(call)
        elif call.name == "reportEquivocation":
            records.accuse(call)
        elif call.name == "reportFalse":
            records.prove(call)
        elif call.name == "acquit":
            records.acquit(call)
        else:
            records.skip(call)
    if setup is None:
        raise Broken("no transaction creates the contract")
    if records is None:
        accounts = seated(setup, called_off=export.last > setup.deadline)
    else:
        verdict.blocked_from = records.blocked_from
        accounts = _end(records, later, reached, verdict)
    withdrawn(setup, accounts, everything, verdict)
    verdict.complete = True


def _refused(call: Call, setup: Setup | None, records: Records | None, closed: bool, verdict: Verdict) -> None:
    """A call that anybody may make and every rule allows is not refused, where its sender has no code and had gas."""
    if setup is None or call.name not in ANYBODYS or call.spent or call.value * (call.name != "join"):
        return
    if not (call.direct and call.bare) or (records is None) != (call.name == "join"):
        return
    events: list[tuple[str, list[int]]] = []
    for _ in range(2):  # the first time shows what events there would have been
        tried = Verdict()
        try:
            in_time(call, setup, records, closed, tried)
            if call.data != canonical(call):
                return
            events = _tried(replace(call, succeeded=True, events=events), setup, records, tried)
        except STRANGE:
            return
    about = f"events of what 0x{call.sender.hex()} called in block {call.block}, which no rule forbids"
    if not tried.differences:
        verdict.same(*verdict.place, about, events, call.events)


def _tried(call: Call, setup: Setup, records: Records | None, verdict: Verdict) -> list[tuple[str, list[int]]]:
    """Take a call in beside the game, of which nothing changes; the events that it should have."""
    if records is None:
        alone = replace(
            setup, addresses=list(setup.addresses), vrf_keys=list(setup.vrf_keys),
            seal_hashes=list(setup.seal_hashes), weights=list(setup.weights),
        )  # fmt: skip
        join(alone, call, verdict)
        return [("Joined", [len(setup.addresses), number(call.sender)])]
    beside = records.beside(verdict)
    if call.name == "reportEquivocation":
        beside.accuse(call)
        seat = number(word(call.data, 0))
        return [("Accused", [seat, beside.blocked_from[seat]])]
    if call.name in ("reportFalse", "acquit"):
        return (beside.prove if call.name == "reportFalse" else beside.acquit)(call)
    (beside.blocks if call.name == "submitBlocks" else beside.skip)(call)
    return [beside.event()]


def _since_creation(made: list[Call], verdict: Verdict) -> list[Call]:
    """The calls that the contract was there for: one before its creation succeeds whatever it says, without events."""
    at = next((place for place, call in enumerate(made) if call.name == "create" and call.succeeded), 0)
    for call in made[:at]:
        verdict.same("setup", None, "events before the creation", [], call.events)
    return made[at:]


def _end(records: Records, later: dict[str, list[Call]], reached: list[int], verdict: Verdict) -> list[Account]:
    """Settlement, costs and money, once all records are known; gives the accounts before anything is withdrawn.

    Args:
        reached: for each settlement of rewards the last round that was recorded by then.
    """
    verdict.place = "balance", None
    setup = records.setup
    opened = _disclose(setup, later["reveal"], verdict)
    for call in later["revealSeal"]:
        key, seat = word(call.data, 0), setup.addresses.index(call.sender)
        verdict.same("setup", None, f"sealing key of seat {seat}", setup.seal_hashes[seat], keccak(key))
        said = [("SealRevealed", [seat, number(key)])]
        verdict.same("setup", None, f"event of the sealing key of seat {seat}", said, call.events)
    settlement = Settlement(records, opened, records.keys)
    settlement.take(later["settleRewards"], reached)
    settlement.take_sums(later["settleSums"])
    settlement.replay()
    verdict.run_digest = run_digest(setup.p, records.past, settlement.pulls)
    money = Money(settlement, verdict)
    for call in later["settleSums"]:
        money.summed(call)
    for call in later["settleCosts"]:
        money.costs(call)
    for past in records.past:
        past.row.costly = money.charged.get(past.round, past.row.costly)
    for call in later["close"]:
        money.close(call)
    return money.accounts()


def _disclose(setup: Setup, reveals: list[Call], verdict: Verdict) -> Disclosed | None:
    for call in reveals:
        secret, roles, model = word(call.data, 0), tail(call.data, 1), tail(call.data, 2)
        commitment = keccak(secret, keccak(roles), keccak(model))
        verdict.same("cost", None, "commitment to secret, roles and model", setup.secret_commitment, commitment)
        p = setup.p
        opened = disclosed(secret, roles, model, setup.seed, p.participants, p.arms, p.provable)
        verdict.same("cost", None, "hidden cost", [("Revealed", [opened.cost])], call.events)
        if p.sealed:  # its receipt tags are made of the secret: nothing of it comes from outside
            opened = replace(opened, live=False, declared=False)
        if p.provable:  # reports are held against what receipts say
            opened = replace(opened, declared=False)
        if not opened.unlabelled:
            verdict.cost = opened.cost
            verdict.true_means = [opened.means(arm) for arm in range(p.arms)]
        return opened
    return None
