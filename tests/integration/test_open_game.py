"""A game with open places: own keys and own rewards, joined by commands, played by nodes on TCP; what is refused."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chain_bandit.append_log import LogLocked
from chain_bandit.chain import accounts
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.identity import Identity
from chain_bandit.chain.node import account
from chain_bandit.crypto.keys import source
from chain_bandit.game.folder import FolderRefused
from chain_bandit.nodes import keystore, open_game
from chain_bandit.nodes.node_files import GameFile
from chain_bandit.scenario import load
from tests.integration.nodes import SMALL, here, started, wait_for
from tests.light_keys import light_keys
from verification.kills import free_ports

PASSWORD = "correct horse"
SCENARIO = """name = "experiment"
preset = "recommended"
participants = 4
rounds = 80
liars = 1
attackers = 1
bound_ms = 1000
[rewards]
kind = "csv"
file = "rewards.csv"
arms = ["left", "right"]
"""
REWARDS = "arm,reward\n" + "".join(f"left,{at % 3 / 8}\nright,{at % 3 / 2}\n" for at in range(1500))
"""The organiser's own: nobody draws them, and no audit can."""
PEOPLE = ("ann", "bob", "cleo", "dan")
ORGANISED = ("environment", "relayer", "comparison")


class Open(NamedTuple):
    """A deployed game: its folder, its node's URL, and the environment variables of its commands."""

    folder: Path
    url: str
    environment: dict[str, str]

    def say(self, *arguments: object, code: int = 0) -> str:
        """One command; what it printed, or the one sentence that it refused with."""
        result = here(*arguments, cwd=self.folder, **self.environment)
        assert result.returncode == code, result.stderr
        if code:
            assert result.stderr.count("\n") == 1, result.stderr
            return result.stderr
        return result.stdout

    def game(self) -> dict[str, object]:
        """The file that everybody has."""
        found: dict[str, object] = json.loads((self.folder / "game.json").read_text())
        return found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Open, list[int]]]:
    """A game that all four have joined, whose file is not assembled yet; eve has a key and no place."""
    folder = tmp_path_factory.mktemp("open")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "experiment.toml").write_text(SCENARIO)
    (folder / "rewards.csv").write_text(REWARDS)
    free = free_ports(11)
    with anvil() as node:
        made = Open(folder, node.url, {"ETH_PASSWORD": str(folder / "password")})
        with light_keys():
            address = {
                name: made.say("keygen", name, "--out", name).split()[0] for name in ("organiser", "eve", *PEOPLE)
            }
        listen = f"127.0.0.1:{free[0]}"
        deploy = ("deploy", "experiment.toml", "--chain", node.url, "--key", "organiser", "--listen", listen)
        assert "at least 4 accounts" in made.say(*deploy, "--invite", address["ann"], code=2)
        made.say(*deploy, *(part for name in ("eve", *PEOPLE) for part in ("--invite", address[name])))
        for name, port in zip(PEOPLE, free[3:], strict=False):
            made.say("join", "game.json", "--key", name, "--listen", f"127.0.0.1:{port}")
        yield made, free


def secrets(made: Open) -> dict[str, bytes]:
    """The private key of each folder."""
    return {
        name: accounts.decrypted(name, made.folder / name / "keystore.json", PASSWORD)
        for name in ("organiser", *PEOPLE)
    }


def test_what_is_refused_before_the_game_opens(opened: tuple[Open, list[int]], tmp_path: Path) -> None:
    made, _ = opened
    key = ("--key", "ann", "--listen", "127.0.0.1:9")
    assert "password" in made.say("leave", "game.json", "--key", "ann", "--password-file", "nowhere", code=8)
    (tmp_path / "wrong").write_text("battery staple")
    wrong = made.say("leave", "game.json", "--key", "ann", "--password-file", tmp_path / "wrong", code=8)
    assert "does not open with this password" in wrong
    assert "only the opening deadline gives a stake back" in made.say("leave", "game.json", "--key", "ann", code=2)
    assert "all 4 places are taken" in made.say(
        "join", "game.json", "--key", "eve", "--listen", "127.0.0.1:9", code=2
    )
    assert "is there already" in made.say("keygen", "ann", "--out", "ann", code=2)
    assert "no participants yet" in made.say("node", "ann", "--game", "game.json", code=3)
    assert "places 1, 2, 3 of 4" in made.say("assemble", "game.json", "ann/join.json", "--out", "some.json", code=2)
    assert not (made.folder / "some.json").exists()
    assert "HOST:PORT" in made.say("join", "game.json", *key[:2], "--listen", "nonsense", code=2)

    other = made.game() | {"environment": account(secrets(made)["ann"]).address[2:].lower()}
    (made.folder / "other.json").write_text(json.dumps(other))
    assert "another environment" in made.say("join", "other.json", *key, code=3)

    joins = [f"{name}/join.json" for name in PEOPLE]
    ann, bob = (json.loads((made.folder / name).read_text()) for name in joins[:2])

    def planted(changed: dict[str, object]) -> str:
        (made.folder / "planted.json").write_text(json.dumps(changed))
        return made.say("assemble", "game.json", "planted.json", *joins[1:], "--out", "some.json", code=3)

    other_endpoint = ann | {"node_record": ann["node_record"] | {"endpoint": "127.0.0.1:1"}}
    assert "is not signed by the key" in planted(other_endpoint)
    other_certificate = ann["node_record"] | {"certificate": bob["node_record"]["certificate"]}
    assert "is not signed by the key" in planted(ann | {"node_record": other_certificate})
    assert "of another game" in planted(ann | {"game": "0x" + "11" * 32})
    stranger = {"registration": _registration_of(made, "eve", ann), "node_record": _record_of(made, "eve", ann)}
    assert "has not joined" in planted(ann | stranger)
    taken = _record_of(made, "ann", ann, endpoint=bob["node_record"]["endpoint"])
    assert "the address of two nodes, seat-0 and seat-1" in planted(ann | {"node_record": taken})


def test_who_is_not_on_the_list_neither_joins_nor_plays(opened: tuple[Open, list[int]], tmp_path: Path) -> None:
    made, _ = opened
    game, ann = made.game(), json.loads((made.folder / "ann" / "join.json").read_text())
    others = [each for each in game["invited"] if each != ann["registration"]["address"]]  # type: ignore[attr-defined]
    assert len(others) == 4
    (tmp_path / "game.json").write_text(json.dumps(game | {"invited": others}))
    key = ("--key", "ann", "--listen", "127.0.0.1:9")
    assert "is not on the game's list" in made.say("join", tmp_path / "game.json", *key, code=2)
    joins = [made.folder / name / "join.json" for name in PEOPLE]
    assert "is not on the game's list" in made.say("assemble", tmp_path / "game.json", *joins, code=3)
    assert "has another list of participants" in made.say("node", "ann", "--game", tmp_path / "game.json", code=3)


def test_a_deployment_that_was_stopped_is_taken_up_whatever_its_file_is_called(
    opened: tuple[Open, list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second contract would have the salt and the draws of the first."""
    made, free = opened
    keystore.create(tmp_path / "key", "key", PASSWORD)
    node, secret = HttpNode(made.url), keystore.unlock(tmp_path / "key", PASSWORD)
    scenario = load(SMALL, {"malicious": [], "expect": {}})
    contracts = list[str]()

    def stop(ask: object, contract: bytes) -> Identity:
        contracts.append("0x" + contract.hex())
        with pytest.raises(LogLocked):
            deploy("at-once.json")
        raise KeyboardInterrupt

    def deploy(name: str) -> GameFile:
        return open_game.deploy_open(scenario, node, tmp_path / "key", secret, f"127.0.0.1:{free[0]}", tmp_path / name)

    with monkeypatch.context() as stopped:
        stopped.setattr(open_game, "identify", stop)
        with pytest.raises(KeyboardInterrupt):
            deploy("first.json")
    assert deploy("second.json").contract == contracts[0]
    with pytest.raises(FolderRefused, match="is of a game already"):
        deploy("first.json")
    assert {path.name for path in tmp_path.iterdir()} == {"key", "second.json"}


def _record_of(made: Open, who: str, like: dict[str, object], endpoint: str | None = None) -> dict[str, object]:
    """An entry that somebody signs for an address."""
    from chain_bandit.crypto.keys import Signer
    from chain_bandit.nodes.node_files import announced

    entry = like["node_record"]
    assert isinstance(entry, dict)
    secret = accounts.decrypted(who, made.folder / who / "keystore.json", PASSWORD)
    game = bytes.fromhex(str(like["game"])[2:])
    made_of = announced(
        Signer(source(secret)), game, int(entry["address"]), endpoint or str(entry["endpoint"]),
        bytes.fromhex(entry["certificate"]), 0,
    )  # fmt: skip
    found: dict[str, object] = made_of.model_dump(mode="json")
    return found


def _registration_of(made: Open, who: str, like: dict[str, object]) -> dict[str, object]:
    registration = like["registration"]
    assert isinstance(registration, dict)
    secret = accounts.decrypted(who, made.folder / who / "keystore.json", PASSWORD)
    return registration | {"address": account(secret).address[2:].lower()}


def no_secret_is_in_a_file(made: Open) -> None:
    handed_on = [made.folder / "game.json", *(made.folder / name / "join.json" for name in PEOPLE)]
    for name, secret in secrets(made).items():
        for path in made.folder.rglob("*"):
            if path.is_file() and path.name != "keystore.json":
                data = path.read_bytes().lower()
                assert secret.hex().encode() not in data, f"the key of {name} is in {path}"
                assert secret not in data
    for path in handed_on:
        assert b"PRIVATE" not in path.read_bytes()
    assert all((made.folder / name).stat().st_mode & 0o077 == 0 for name in ("organiser", *PEOPLE))


def test_a_game_is_played_with_keys_of_their_own_and_audited_from_the_chain_alone(
    opened: tuple[Open, list[int]],
) -> None:
    made, free = opened
    moved = f"127.0.0.1:{free[8]}"
    before = (made.folder / "bob" / "join.json").read_bytes()
    made.say("join", "game.json", "--key", "bob", "--listen", moved)
    (made.folder / "old.json").write_bytes(before)
    made.say("assemble", "game.json", *(f"{name}/join.json" for name in PEOPLE))
    assert "is older (counter 0)" in made.say("assemble", "game.json", "old.json", "--out", "some.json", code=3)
    assert [each["endpoint"] for each in made.game()["node_records"] if each["address"] == 1] == [moved]  # type: ignore[attr-defined]

    no_secret_is_in_a_file(made)
    shutil.copytree(made.folder / "ann", made.folder / "ann-copy")
    assert "end the node there first" in made.say("node", "ann-copy", "--game", "game.json", code=3)

    nodes = [started("up", "organiser", "--game", "game.json", "--json", cwd=made.folder, **made.environment)]
    nodes += [started("node", name, "--game", "game.json", cwd=made.folder, **made.environment) for name in PEOPLE[1:]]
    counted = started(
        "node", "ann", "--game", "game.json", "--metrics", f"127.0.0.1:{free[9]}", "--log", "json", "--json",
        cwd=made.folder, **made.environment,
    )  # fmt: skip
    metrics = f"http://127.0.0.1:{free[9]}/metrics"
    wait_for(lambda: _sampled(metrics).get("chain_bandit_round", 0) >= 12, 240)
    relayer = int((made.folder / "organiser" / "relayer" / "pid").read_text())
    os.kill(relayer, signal.SIGSTOP)  # no round ends until bob has resynced
    nodes[1].terminate()
    nodes[1].wait()
    elsewhere = f"127.0.0.1:{free[10]}"
    made.say("join", "bob/game.json", "--key", "bob", "--listen", elsewhere)
    nodes[1] = started("node", "bob", "--game", "game.json", cwd=made.folder, **made.environment)
    for name in ("organiser", "ann", "cleo", "dan"):
        wait_for(lambda: _address_of_bob(made.folder / name) == (elsewhere, 2), 120)  # noqa: B023
    os.kill(relayer, signal.SIGCONT)
    scraped = _scraped(metrics, counted)
    answers = list[str]()
    for node in (*nodes, counted):
        answer, errors = node.communicate(timeout=240)
        assert node.returncode == 0, errors
        answers.append(answer)
    assert sorted(json.loads(answers[0])["ended"]) == sorted(ORGANISED)
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {"time", "level", "node", "message"} == lines[0].keys()
    assert [each["message"][:4] for each in lines[-2:]] == ["all ", "righ"], "the arm's name, and that it is best"
    said = json.loads(made.say("audit", "--rpc", made.url, "--contract", "game.json", "--json"))
    assert said["complete"], said
    log = (made.folder / "organiser" / "environment" / "log").read_text()
    assert " approved after " in log
    assert " skip after " not in log, "the environment waits for all nodes before it opens the game"
    assert said["checks"]["settlement.rewards"]["trusted"] > 0, "rewards rest on the environment's signature"
    records = said["game"]["records"]
    assert scraped["chain_bandit_records_total"] == records
    assert scraped["chain_bandit_round"] >= records
    _audit_by_name(made)
    assert "ann" in made.say("ps", "ann")
    assert "already" in made.say("join", "game.json", "--key", "eve", "--listen", "127.0.0.1:9", code=2)
    for name in ORGANISED:
        assert f"{name:<12} ended" in made.say("ps", "organiser")
    assert json.loads(answers[-1]).items() >= {"node": "ann", "contract": made.game()["contract"]}.items()
    _leave(made)


def _audit_by_name(made: Open) -> None:
    audit = ("audit", "--rpc", made.url, "--contract", "game.json", "--paranoid")
    told = made.say(*audit, "--export", "game.jsonl.gz", "--page", "page.html")
    page = (made.folder / "page.html").read_text()
    for seat, name in enumerate(PEOPLE):
        assert re.search(rf"seat {seat}: 0x[0-9a-fA-F]{{40}} \({name}\)", told)
        assert f"</code> ({name})</span>" in page


def _leave(made: Open) -> None:
    """The organiser gets all but the gas of the transfer back."""
    (relayer,) = (each for each in _accounts(made) if each["name"] == "relayer")
    back = json.loads(made.say("leave", "game.json", "--key", "organiser", "--json"))["wei"]
    assert 0 < back < relayer["balance"] < back + 10**16
    (relayer,) = (each for each in _accounts(made) if each["name"] == "relayer")
    assert relayer["balance"] < 10**16


def _accounts(made: Open) -> list[dict[str, Any]]:
    """As the chain shows them."""
    found: list[dict[str, Any]] = json.loads(made.say("ps", "game.json", "--rpc", made.url, "--json"))["accounts"]
    return found


def _address_of_bob(place: Path) -> tuple[str, int]:
    """As a node's own copy of the game's file has it."""
    records = json.loads((place / "game.json").read_text())["node_records"]
    return next((each["endpoint"], each["counter"]) for each in records if each["address"] == 1)


def _scraped(url: str, node: "subprocess.Popen[str]") -> dict[str, float]:
    """The last that a node's metrics said, records of all kinds together."""
    last = Counter[str]()
    while node.poll() is None:
        last = _sampled(url) or last
        time.sleep(0.05)  # between two scrapes
    return last


def _sampled(url: str) -> "Counter[str]":
    """What it says now; nothing where it does not listen yet, or no more."""
    said = Counter[str]()
    with suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        for family in text_string_to_metric_families(requests.get(url, timeout=5).text):
            for sample in family.samples:
                said[sample.name] += sample.value
    return said
