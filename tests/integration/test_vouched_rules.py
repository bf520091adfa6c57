"""Rules of other authors that rest on the quorum's word, as files: played, by nodes too, and audited."""

import pytest

from chain_bandit import runs
from chain_bandit.protocol.ledger import validators
from chain_bandit.protocol.ruleset import CHOSEN, STATE, WEIGHTS
from tests.games import build_scenario, malicious
from tests.integration.nodes_up import game

RECALL = '''
from chain_bandit.rule_api import Agreed, Estimate, Reputation, State, Terms, Weights


class Recall(Reputation):
    """How often a seat was far from the estimators: it keeps count."""

    name = "recall"
    version = 1
    keeps_state = True

    def weigh(self, terms: Terms, state: State, agreed: Agreed, estimate: Estimate) -> Weights:
        far = list(state or (0,) * terms.participants)
        for seat in sorted(agreed.reports):
            for mean, validated in zip(agreed.reports[seat], estimate.means):
                if abs(mean - validated) > 100000000:
                    far[seat] += 1
        return Weights(tuple(65535 // (1 + count) for count in far), tuple(far))
'''

TRUSTED = '''
from chain_bandit.rule_api import Agreed, Selected, Selection, Standing, State, Terms


class Trusted(Selection):
    """As few as may be, the best first, and in every third round one more; it counts rounds."""

    name = "trusted"
    version = 1
    keeps_state = True

    def select(self, terms: Terms, state: State, agreed: Agreed, standing: Standing) -> Selected:
        rounds = (state or (0,))[0] + 1
        ranked = sorted((-standing.reputations[seat], seat) for seat in sorted(standing.eligible))
        count = standing.least + (1 if rounds % 3 == 0 else 0)
        return Selected(frozenset(seat for _, seat in ranked[:count]), (rounds,))
'''


@pytest.fixture
def files(tmp_path):
    made = {"reputation": ("recall", RECALL, "Recall"), "selection": ("trusted", TRUSTED, "Trusted")}
    for name, text, _ in made.values():
        (tmp_path / f"{name}.py").write_text(text)
    return {kind: f"{tmp_path / name}.py:{attribute}" for kind, (name, _, attribute) in made.items()}


def scenario(files, body, batch=2):
    liar = malicious(6, ("constant-lie", {"value": 1.0}))
    return build_scenario(
        7, 2, 30, **files, malicious=[liar], attackers=1, liars=1, quorum="majority", bound_ms=2000,
        chain={"body": body, "batch": batch},
    )  # fmt: skip


@pytest.mark.parametrize("body", ["full", "compact"])
def test_a_game_by_them_is_audited_whole(files, body, tmp_path, play):
    game_ = scenario(files, body)
    assert game_.parameters.attested == 4 + 3 + WEIGHTS + STATE + CHOSEN
    assert game_.parameters.validators == 3  # the fewest whom one attacker cannot stop
    finished = runs.play(game_, tmp_path / "run")
    assert finished.report.verdict == "passed", finished.report.violations[:3]
    rows = [row for row in finished.report.rounds if row.kind == "approved" and row.round > 6]
    assert {len(row.validators) for row in rows} == {3, 4}
    assert rows[-1].reputations[6] < min(rows[-1].reputations[:6])
    assert 6 not in rows[-1].validators
    played, rounds = play(game_)
    assert finished.report.run_digest == "0x" + played.run_digest.hex()
    ledger = played.progress.ledger
    assert ledger.states[1] == (sum(each.record is not None and each.record.header is not None for each in rounds),)
    assert validators(ledger).bit_count() in (3, 4)


def test_nodes_come_to_the_same(files, tmp_path, play):
    game_ = scenario(files, "full", 1)
    alone, _ = play(game_)
    with game(game_, tmp_path / "game") as up:
        manifest, report = up.end()
    assert report.verdict == "passed", report.violations[:3]
    assert manifest["run_digest"] == "0x" + alone.run_digest.hex()
