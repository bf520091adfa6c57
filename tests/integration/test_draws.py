"""Whole games in which validators, commanders or both are drawn (Algorithm 2, Theorem 5), with attackers in them."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from chain_bandit.actors.messages import Probe, Send
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.auditor.audit import audit
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history.collect import collect
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.crypto import vrf_keys
from chain_bandit.crypto.verify import drawn_hash
from chain_bandit.crypto.vrf_keys import VrfKey
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol import proposal
from chain_bandit.protocol.blocks import Kind, Report, SignedReport, round_seed, seats
from chain_bandit.protocol.committee import commander_drawn, validator_drawn
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import commanders, eligible, validators
from chain_bandit.protocol.messages import Phase, Role, statement_content
from chain_bandit.protocol.proposal import propose, successors
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.fast_chain import fast_node
from tests.games import build_scenario, malicious
from tests.succession import drawn_for

HERE = "tests.integration.test_draws:"


class Usurper(Attack):
    """Commands and signs, to everybody alike, a header of its own making: one with a committee of its friends, say."""

    conduct = Conduct.ATTACKER

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """No equivocation: the honest header never leaves the seat."""
        content = keccak(b"a header that names others")
        changed = []
        for send in sends:
            match send.message:
                case Frame(phase=Phase.BLOCK, claims=(Claim(instance=view.seat),)):
                    signature = view.sign(Phase.BLOCK, Role.COMMANDER, view.seat, content)
                    changed.append(Send(send.to, Frame(Phase.BLOCK, (Claim(view.seat, content, signature),))))
                case Vote():
                    vote = Vote(view.seat, content, view.sign(Phase.BLOCK, Role.SIGNER, 0, content))
                    changed.append(Send(send.to, vote))
                case _:
                    changed.append(send)
        return changed


class Borrower(Attack):
    """Reports a proof that is not its own, but that of a key which nobody registered."""

    conduct = Conduct.ATTACKER

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """In step 0 of a learning round."""
        changed = []
        for send in sends:
            match send.message:
                case Frame(phase=Phase.REPORT, claims=(claim,)) if view.step == 0:
                    honest = Report.decode(claim.content, view.rules.parameters)
                    _, proof = VrfKey(bytes(32)).prove(round_seed(view.ledger.seed, view.round + 1))
                    content = replace(honest, proof=proof).encode()
                    signed = statement_content(Phase.REPORT, content)
                    signature = view.sign(Phase.REPORT, Role.COMMANDER, view.seat, signed)
                    changed.append(Send(send.to, Frame(Phase.REPORT, (Claim(view.seat, content, signature),))))
                case _:
                    changed.append(send)
        return changed


def with_draws(seed: int, *attacks: dict[str, object], rounds: int = 40, **changes: object) -> Scenario:
    return build_scenario(
        7, 2, rounds, **{
            "seed": seed, "liars": 1, "attackers": 1, "quorum": "majority", "burn_in": 8, "malicious": list(attacks),
            "sortition": 0.7, "commanders": "trust",
        } | changes,
    )  # fmt: skip


def played(scenario: Scenario, chain: bool = False, order: list[int] | None = None) -> tuple[Game, list, Counter]:
    """A game of which everything drawn is held against the proofs, drawn here a second time from the keys."""
    plan = Plan(scenario)
    recorder = OnChain(fast_node(plan), Stopwatch()) if chain else NoChain()
    game, rounds, seen = Game(scenario, recorder, plan, order=order), [], Counter()
    for played_round in game.play():
        rounds.append(played_round)
        if played_round.record is None:
            seen["burn-in"] += 1
            seen["found early"] += len(played_round.accused)
            continue
        seen[played_round.record.kind.name] += 1
        p, header, t = game.parameters, played_round.record.header, played_round.round
        if header is None or game.progress.ledger.round != t + 1:
            continue
        ledger = game.progress.ledger
        able = eligible(p, ledger, t + 1)
        seed = round_seed(ledger.seed, t + 1)
        # The seats whose reports the block holds and whose proofs are their own.
        false = {e.seat for e in scenario.malicious if "Borrower" in e.attacks[0].name}
        hashes = {s: plan.vrf_keys[s].prove(seed)[0] for s in seats(header.reporters) if s not in false}
        if played_round.record.kind is Kind.APPROVED:
            expected = drawn_for(p, ledger.weights, able, hashes, t + 1)
            assert validators(ledger) == expected[0]
            assert commanders(ledger) == expected[1]
            seen["committees", validators(ledger)] += 1
            seen["nobody commands"] += not commanders(ledger)
            seen["fallback"] += p.sortition > 0 and validators(ledger) == able
    return game, rounds, seen


def honest_are_never_accused(game: Game) -> None:
    accused = {seat for seat, since in enumerate(game.progress.ledger.blocked_from) if since}
    assert all(game.scenario.roles[seat] & Conduct.ATTACKER for seat in accused)


def audited(game: Game):
    contract = game.recorder.contract
    history = collect(json_rpc(game.recorder.node.line), contract.address, contract.created_in)
    return audit(history)


@pytest.mark.parametrize("changes", [{"commanders": "all"}, {"sortition": None}, {}, {"chain": {"batch": 3}},
                                     {"sortition": 0.5, "weights": [1, 2, 1, 9, 1, 3, 1]}],
                         ids=["sortition", "trust", "both", "both, in batches", "both, with weights"])  # fmt: skip
def test_a_game_with_draws_has_one_course_and_its_audit_is_green(changes):
    scenario = with_draws(
        11, malicious(2, "equivocating-commander"), malicious(5, "constant-lie"), **changes
    )
    game, rounds, seen = played(scenario, chain=True)
    honest_are_never_accused(game)
    report = audited(game)
    assert report.exit_code == 0, report.violations
    assert report.checks["draw.proof"].passed > 0
    assert game.recorder.contract.head() == game.progress.ledger.head
    order = [-2, -1, -3, *reversed(range(7))]
    other, _, _ = played(scenario, order=order)
    assert other.run_digest == game.run_digest
    assert [each.round for each in rounds] == list(range(1, 41))
    assert seen["APPROVED"] > 10
    if scenario.sortition:
        assert sum(isinstance(key, tuple) for key in seen) > 5


@pytest.mark.parametrize("drawn", ["committee", "commanders"])
def test_a_quorum_that_names_its_friends_is_found_out_by_the_audit(monkeypatch, drawn):
    """All validators together sign other seats than the proofs give, in every block: the contract cannot tell."""

    def friends(*question):
        chosen, commanding = successors(*question)
        if drawn == "committee":
            return chosen._replace(validators=frozenset(range(4))), commanding & frozenset(range(4))
        return chosen, frozenset(sorted(chosen.validators)[:1])

    scenario = with_draws(3, rounds=24, liars=0)
    plan = Plan(scenario)
    game = Game(scenario, OnChain(fast_node(plan), Stopwatch()), plan)
    with monkeypatch.context() as false:
        false.setattr(proposal, "successors", friends)
        approved = [each.round for each in game.play() if each.record and each.record.kind is Kind.APPROVED]
    assert len(approved) > 5
    report = audited(game)
    assert report.verdict == "violated"
    named = {item.round for item in report.violations if item.check == f"draw.{drawn}"}
    assert {item.check for item in report.violations} <= {"draw.committee", "draw.commanders", "draw.proof"}
    assert len(named) > len(approved) / 2, "now and then a false mask is the one that was drawn"


def test_a_last_reporter_grinds_in_vain(monkeypatch):
    """It gets everybody's proofs first, then tries reports and nonces of its proof: only its own bit can go away."""
    game = Game(with_draws(2), NoChain())
    next(game.play())
    p, plan, ledger = game.parameters, game.plan, replace(game.progress.ledger, round=20, pulls=(10, 10))
    seed, keys = round_seed(ledger.seed, 21), game.cast.rules.vrf_keys
    said = {s: Report((s, s), keccak(b"salt"), key.prove(seed)[1]) for s, key in enumerate(plan.vrf_keys)}
    last = max(range(7), key=lambda s: validator_drawn(p.sortition, 1, drawn_hash(keys[s], seed, said[s].proof)))
    proofs, successors, rng = set(), set(), Random(4)
    for attempt in range(100):
        monkeypatch.setattr(vrf_keys, "nonce", lambda *_, seen=attempt: keccak(bytes([seen])))
        proof = plan.vrf_keys[last].prove(seed)[1] if attempt % 10 else bytes(81)
        proofs.add(proof)
        tried = {**said, last: Report(tuple(rng.choices(range(UNIT), k=2)), rng.randbytes(32), proof)}
        drawn = {s: drawn_hash(keys[s], seed, report.proof) for s, report in tried.items()}
        hashes = {s: each for s, each in drawn.items() if each is not None}
        reports = {s: SignedReport.of(report, bytes(64)) for s, report in tried.items()}
        header, _ = propose(p, ledger, reports, dict.fromkeys(range(7), (True, True)), hashes)
        successors.add((header.committee, header.commanders))
    with_it, without_it = sorted(successors, reverse=True)
    assert len(proofs) == 91
    assert without_it == (with_it[0] & ~(1 << last), with_it[1] & ~(1 << last))
    assert with_it[0] >> last & 1


def test_an_equivocator_is_found_in_probe_rounds_and_listed_once_it_counts():
    """Drawn only sometimes; its proof travels with its claims."""
    found = 0
    for seed in range(4):
        scenario = with_draws(seed, malicious(3, "equivocating-commander"), sortition=None)
        game, rounds, _ = played(scenario, chain=seed == 0)
        honest_are_never_accused(game)
        first = next((each.round for each in rounds if 3 in each.accused), None)
        assert first is not None
        if first < game.parameters.burn_in:
            found += 1
            assert game.progress.ledger.blocked_from[3] == game.parameters.burn_in + game.parameters.evidence_delay
        if seed == 0:
            assert audited(game).exit_code == 0
    assert found >= 3


def test_a_round_without_a_commander_is_skipped_and_relays_of_headers_cost_statements():
    scenario = with_draws(0, sortition=None, rounds=120)
    game, rounds, seen = played(scenario)
    assert seen["nobody commands"] > 0
    assert seen["SKIP"] >= seen["nobody commands"]
    everybody = Game(with_draws(0, sortition=None, rounds=120, commanders="all"), NoChain())
    first = game.parameters.burn_in
    drawn = sum(each.statements for each in rounds if each.round > first)
    all_of_them = sum(each.statements for each in everybody.play() if each.round > first)
    assert drawn > all_of_them, "where everybody commands headers are not relayed"


@pytest.mark.parametrize("seed", range(3))
def test_a_header_of_ones_own_and_a_borrowed_proof_change_nothing(seed):
    for attack in ("Usurper", "Borrower"):
        game, _, seen = played(with_draws(seed, malicious(4, HERE + attack), commanders="all"))
        assert seen["APPROVED"] > 20
        assert game.progress.evidence == []
        if attack == "Borrower":
            committees = [key[1] for key in seen if isinstance(key, tuple)]
            able = game.parameters.everybody
            assert not any(committee >> 4 & 1 for committee in committees if committee != able)


def test_whoever_is_not_drawn_probes_in_vain():
    """Proofs of another round, another seat or none admit nobody."""
    scenario = with_draws(5, sortition=None)
    game = Game(scenario, NoChain())
    steps = game.play()
    next(steps)
    rules, plan = game.cast.rules, game.plan
    ledger = game.progress.ledger
    game.cast.begin(ledger)
    seed = round_seed(ledger.seed, ledger.round)
    honest = game.cast.seats[0]
    drawn = {
        seat: commander_drawn(game.parameters, drawn_hash(rules.vrf_keys[seat], seed, key.prove(seed)[1]), ledger.round)
        for seat, key in enumerate(plan.vrf_keys)
    }
    assert {True, False} <= set(drawn.values())
    for seat in range(1, 7):
        content = keccak(bytes([seat]))
        digest = rules.slot(ledger).digest(Phase.BLOCK, Role.COMMANDER, seat, content)
        claim = Claim(seat, content, plan.participants[seat].sign(digest))
        own, stranger = plan.vrf_keys[seat], plan.vrf_keys[(seat + 1) % 7]
        for proof in (bytes(81), b"", stranger.prove(seed)[1], own.prove(round_seed(ledger.seed, 9))[1]):
            honest.on_message(seat, Probe(((seat, proof), (99, proof), (-1, proof)), Frame(Phase.BLOCK, (claim,))))
        of_another = claim._replace(instance=0)
        honest.on_message(seat, Probe(((seat, own.prove(seed)[1]),), Frame(Phase.BLOCK, (of_another,))))
        assert seat not in honest.prober._proofs, "a proof is checked of who speaks in the frame alone"
        assert honest.prober.broadcast.outcome(seat) is None
        honest.on_message(seat, Probe(((seat, own.prove(seed)[1]),), Frame(Phase.BLOCK, (claim,))))
        assert (honest.prober.broadcast.outcome(seat) is not None) is drawn[seat]
