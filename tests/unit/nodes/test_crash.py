"""The places where a node may be killed are those that the code comes by: a kill at another would prove nothing."""

import ast
from pathlib import Path

import chain_bandit.nodes
from benchmarks import kills
from chain_bandit.nodes.crash import POINTS


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
    done += [kills.Kill("seat-1", "random", reached=True)] * 193
    assert [by_timer for _, by_timer in kills.left(done, 200)] == [5, 2]
    ((lists, _),) = kills.left(done[1:], 193)
    assert [kill.place for each in lists.values() for kill in each] == [done[0].place]
