"""`chain-bandit mediate chain` and `mediate audit`, as somebody calls them."""

import json
from filecmp import cmp
from itertools import combinations
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.audits import OtherGame
from chain_bandit.chain.tokens import GAS_DEPLOYMENT
from chain_bandit.cli.root import app
from chain_bandit.game import mediated
from chain_bandit.game.folder import FolderRefused
from chain_bandit.game.mediated import HISTORY, REPORT
from chain_bandit.protocol.errors import AssumptionBroken, ChainBanditError
from chain_bandit.protocol.sharing import ELEMENT_BYTES, PRIME
from chain_bandit.protocol.transaction import MOST_GAS

SMALL = Path(__file__).parents[2] / "tests" / "scenarios" / "small.toml"
RUN = ("mediate", "chain", "--epochs", "3", "--rounds", "4", "--participants", "4", "--groups", "2", "--json", "--out")


def called(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if isinstance(result.exception, ChainBanditError):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("mediate") / "tokens"
    code, said = called(*RUN, out)
    assert code == 0
    return out, json.loads(said)


def test_a_run_leaves_its_history_and_the_audit_of_it(played):
    out, said = played
    assert (said["exit_code"], len(said["tokens"]), len(said["gas"]["agree"])) == (0, 3, 3)
    assert said["tokens"][0] == 10**8  # nothing has changed after the first epoch
    assert sum(map(abs, said["credits"])) > 0
    code, again = called("mediate", "audit", out / HISTORY, "--head", said["head"], "--json")
    assert code == 0
    report, kept = json.loads(again), json.loads((out / REPORT).read_text())
    assert [row["token"] for row in report["epochs"]] == said["tokens"]
    code, twice = called("mediate", "audit", out / HISTORY, "--paranoid", "--json")
    assert (code, json.loads(twice)["checks"]["paranoid.token"]["passed"]) == (0, 9)
    assert (kept["head_trusted"], report["head_trusted"]) == (True, False)
    assert kept["epochs"] == report["epochs"]


def test_each_audit_names_the_other_for_a_history_of_the_other_system(played, tmp_path):
    out, _ = played
    assert called("mediate", "audit", out)[0] == 0
    for place in (("--history", out / HISTORY), (out,)):
        with pytest.raises(OtherGame, match="an agreement's, which chain-bandit mediate audit audits") as refused:
            called("audit", *place)
        assert refused.value.exit_code == 6
    assert called("run", SMALL, "--rounds", 14, "-o", 'expect.approved=">= 1"', "--out", tmp_path / "run")[0] == 0
    for place in (tmp_path / "run", tmp_path / "run" / "history.jsonl.gz"):
        with pytest.raises(OtherGame, match="a game's, which chain-bandit audit audits"):
            called("mediate", "audit", place)


def test_the_same_seed_plays_the_same_game(played, tmp_path):
    out, said = played
    code, again = called(*RUN, tmp_path / "again")
    assert code == 0
    assert json.loads(again) | {"out": ""} == said | {"out": ""}
    assert cmp(tmp_path / "again" / HISTORY, out / HISTORY, shallow=False)


def test_groups_of_two_in_which_each_learns_the_others_token_are_warned_of(tmp_path):
    few = ("--epochs", 1, "--rounds", 2)
    for participants, groups, warned in ((6, 3, True), (8, 3, True), (2, 1, True), (9, 3, False), (3, 1, False)):
        sizes, out = ("--participants", participants, "--groups", groups), tmp_path / f"{participants}-{groups}"
        said = CliRunner().invoke(app, list(map(str, ("mediate", "chain", *few, *sizes, "--out", out))))
        assert said.exit_code == 0
        assert ("each learns the other's token" in said.stderr) == warned


def test_another_head_is_a_violation_and_said_in_lines(played):
    out, _ = played
    code, said = called("mediate", "audit", out / HISTORY, "--head", "11" * 32)
    assert code == 12
    assert "FAILED chain.head" in said


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("mediate", "chain", "--faulty", "2"), AssumptionBroken, "V > 3f >= 0 does not hold (V = 4, f = 2)"),
        (("mediate", "chain", "--means", "1,2"), ChainBanditError, "--means 1,2: expected two numbers or more"),
        (("mediate", "chain", "--means", "half"), ChainBanditError, "--means half: expected two numbers or more"),
        (("mediate", "chain", "--chain", "moon"), ChainBanditError, "--chain moon: expected embedded, anvil"),
        (("mediate", "audit", "nothing", "--head", "0x"), ChainBanditError, "--head 0x: expected 0x and 64"),
        (("mediate", "audit", "nothing"), ChainBanditError, "cannot be opened"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_sentence(arguments, error, sentence, tmp_path):
    out = ("--out", tmp_path / "out") if "chain" in arguments else ()
    with pytest.raises(error) as refused:
        called(*arguments, *out)
    assert sentence in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_not_written_into(played):
    with pytest.raises(FolderRefused, match="cannot be made"):
        called(*RUN, played[0])


def test_no_validator_learns_from_two_shares_by_how_much_tokens_differ(tmp_path, monkeypatch):
    """Neither of one participant in two epochs, nor of two: each share has chance of its own."""
    dealt: list[tuple[int, tuple[bytes, ...]]] = []

    class Told(EpochParticipant):
        def begin(self, epoch, token, salt, row=()):
            super().begin(epoch, token, salt, row)
            dealt.append((token, self._dealing.shares))

    monkeypatch.setattr(mediated, "EpochParticipant", Told)
    terms = mediated.default_terms(4, 4, 1, 1, 4)
    for seed in (1, 2):
        mediated.play_on("embedded", mediated.AgreementGame(terms, (0.8, 0.6), 3, seed), tmp_path / str(seed))
    assert len(dealt) == 2 * 3 * 4
    assert len({token for token, _ in dealt}) > 2
    for (token, shares), (other, others) in combinations(dealt, 2):
        for one, two in zip(shares, others, strict=True):
            share, beside = (int.from_bytes(each[:ELEMENT_BYTES], "big") for each in (one, two))
            assert (share - beside - token + other) % PRIME


@pytest.mark.py_evm
def test_as_many_participants_as_there_are_places_for_keep_credits(tmp_path):
    """In the first epoch each of them is noted for the first time."""
    terms = mediated.default_terms(255, 1, 0, 127, 1)
    game = mediated.AgreementGame(terms, (0.8, 0.6), 1, 1)
    result = mediated.play_on("embedded", game, tmp_path / "out")
    assert result.report.exit_code == 0
    assert result.gas["agree"][0] > 5_000_000


def test_the_relayer_is_given_enough_for_one_epoch_whatever_its_size(monkeypatch):
    """A node takes no transaction whose sender could not pay for all gas that is stated."""
    needs = []
    monkeypatch.setattr(mediated, "fund", lambda node, given, payer, journal: needs.extend(given))
    game = mediated.AgreementGame(mediated.default_terms(128, 128, 42, 64, 1), (0.8, 0.6), 1, 1)
    mediated._fund(None, game, bytes(20), None)
    (need,) = needs
    assert need.gas > MOST_GAS + GAS_DEPLOYMENT
