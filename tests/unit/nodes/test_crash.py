"""The places where a node may be killed are those that the code comes by: a kill at another would prove nothing."""

import ast
from dataclasses import replace
from pathlib import Path

import chain_bandit.nodes
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.crash import POINTS
from chain_bandit.nodes.sign_once import SignedJournal
from chain_bandit.protocol.messages import Phase, Role
from verification import kills


def passed() -> list[str]:
    """What every call of `at` in the nodes has for its place."""
    (folder,) = chain_bandit.nodes.__path__
    calls = [
        each
        for path in sorted(Path(folder).glob("*.py"))
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "at"
    ]
    return [ast.literal_eval(call.args[0]) for call in calls]


def test_the_places_are_those_that_nodes_come_by() -> None:
    assert set(POINTS) == set(passed())
    assert len(POINTS) == len(set(POINTS)) >= 25


def test_kills_are_tried_at_every_place_until_each_came_about() -> None:
    first = kills.left([], 200)
    tried = {kill.place.partition(":")[0] for lists, _ in first for each in lists.values() for kill in each}
    assert tried == set(POINTS)
    assert sum(by_timer for _, by_timer in first) == 200
    done = [kills.Kill(kill.node, kill.place, reached=True) for kill in kills.named()]
    done += [kills.Kill(f"seat-{seat}", place, reached=True, open=True) for seat in range(3) for place in kills.OPEN]
    done += [kills.Kill("seat-1", "random", reached=True)] * 193
    assert [by_timer for _, by_timer in kills.left(done, 200)] == [5, 2]
    ((lists, _),) = kills.left(done[1:], 193)
    assert [kill.place for each in lists.values() for kill in each] == [done[0].place]


def test_a_kill_comes_about_when_the_seat_signs_again_and_in_an_open_round_where_it_must_be_open() -> None:
    kill = kills.Kill("seat-1", "sent:1", reached=True, signed=True)
    opened = [replace(kill, place=place, open=True) for place in kills.OPEN]
    assert all(each.came_about for each in (kill, replace(kill, signed=None), *opened))
    closed = [replace(each, open=False) for each in opened]
    in_vain = [replace(kill, signed=False), replace(kill, reached=False), *closed]
    assert not any(each.came_about for each in in_vain)


def test_a_pull_is_no_signature_in_the_steps_of_a_round(tmp_path: Path) -> None:
    said = [(Phase.REPORT, Role.COMMANDER), (Phase.BLOCK, Role.SIGNER), (Phase.REWARD, Role.PULLER)]
    for name, spoken in (("seat-0", [False, True, True, False]), ("environment", [False, True, True, True])):
        (tmp_path / name).mkdir()
        assert not kills.spoken(tmp_path / name)
        journal = SignedJournal(tmp_path / name / files.SIGNED, bytes(32), bytes(20))
        for phase, role in said:
            journal.admit((5, int(phase), int(role), 0), bytes(32))
        journal.sync()
        journal.close()
        with (tmp_path / name / files.SIGNED).open("ab") as torn:
            torn.write(b'{"at":[6,1')
        assert kills.spoken(tmp_path / name) == spoken


def log(*kinds: str, first: int = 4) -> list[str]:
    return [f"round {first + number} {kind} after 0.1 s" for number, kind in enumerate(kinds)]


def test_a_block_is_expected_within_three_rounds_of_every_start_that_nobody_is_killed_or_away_in() -> None:
    before, dead = log("approved", "skip"), log("skip", "exploration", "skip", "skip", first=6)
    seat = [*before, "resynced in round 6", *dead, *log("approved", first=10)]
    missed = ["no block in [6, 8, 9], though seat-0 was back"]
    assert kills.no_block_soon({"seat-0": seat}, {"seat-0": [2]}) == missed
    for at, kind in ((3, "approved"), (6, "rejected")):
        soon = [*seat]
        soon[at] = soon[at].replace("skip", kind)
        assert not kills.no_block_soon({"seat-0": soon}, {"seat-0": [2]})
    assert not kills.no_block_soon({"seat-0": seat[:-2]}, {"seat-0": [2]})  # the game was over
    assert kills.no_block_soon({"seat-0": [*seat, "resynced in round 11"]}, {"seat-0": [2, 8]})  # no excuse
    for back, said in ((6, 2), (7, 0)):  # of who was away, the one that is last back counts
        other = [*log("approved"), f"resynced in round {back}", *log("approved", first=10)]
        assert len(kills.no_block_soon({"seat-0": seat, "relayer": other}, {"seat-0": [2], "relayer": [1]})) == said
