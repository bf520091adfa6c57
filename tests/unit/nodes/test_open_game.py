"""Own keys and open places: what is refused before anything is written, sent or staked."""

import json
import os
from collections.abc import Callable
from errno import ENOSPC
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER
from chain_bandit.chain.errors import AccountRefused, NodeUnreachable, TransactionReverted
from chain_bandit.chain.http_node import KNOCK, HttpNode
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.chain.wire import without_key
from chain_bandit.cli.deploy import deploy as verb
from chain_bandit.cli.up import up
from chain_bandit.crypto.keys import Signer
from chain_bandit.game.deployment import NotADeployment, recorded
from chain_bandit.game.folder import MANIFEST, FolderRefused
from chain_bandit.loopback import AddressRefused
from chain_bandit.network.links import Links
from chain_bandit.nodes import keystore, open_game
from chain_bandit.nodes import start as start_module
from chain_bandit.nodes.node_files import (
    DEPLOYMENT,
    ENDED,
    GAME,
    JOINED,
    KEYSTORE,
    LINK,
    GameFile,
    NodeRecord,
    PlaceRefused,
    announced,
    certificate_in,
    read_game,
    write_public,
)
from chain_bandit.nodes.open_game import NotJoinable, Unreachable
from chain_bandit.nodes.processes import places
from chain_bandit.nodes.start import NeverOpened, Start
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.scenario import Scenario
from chain_bandit.usage import Usage
from tests.integration.nodes import here
from tests.light_keys import light_keys

FOREIGN, DEVELOPMENT = 77701, 31337
SECRET = bytes(31) + b"\x07"
NODES = tuple(
    NodeRecord(address=address, endpoint="unix:socket", certificate=b"", voucher=b"")
    for address in (ENVIRONMENT, RELAYER)
)


def game(number: int, private: bool = True) -> GameFile:
    return GameFile(
        chain_id=1, genesis_hash="0x" + "00" * 32, contract="0x" + f"{number:040x}", game="0x" + "00" * 32,
        first_block=1, url="http://127.0.0.1:9", confirmations=1, bound_ms=500, relayer=bytes(20),
        code_hash="0x" + "00" * 32, environment=bytes(20), participants=(), private_addresses=private, node_records=(),
    )  # fmt: skip


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A folder with a certificate, as keygen makes it, but for a keystore that opens at once."""
    with light_keys():
        keystore.create(tmp_path / "key", "key", "a password")
    return tmp_path / "key"


def test_who_guesses_a_password_takes_half_a_second_over_each(tmp_path: Path) -> None:
    keystore.create(tmp_path / "key", "key", "a password")
    crypto = json.loads((tmp_path / "key" / KEYSTORE).read_text(encoding="utf-8"))["crypto"]
    assert crypto["kdf"] == "scrypt"
    assert crypto["kdfparams"].items() >= {"n": 2**18, "r": 8, "p": 1}.items()


def deploy(key: Path, listen: str, chain: int = DEVELOPMENT, announce: str | None = None) -> None:
    """As far as it goes without a chain."""
    scenario = Scenario.model_validate({
        "name": "a", "participants": 4, "rounds": 60, "liars": 1, "attackers": 1,
        "rewards": {"kind": "bernoulli", "means": [0.3, 0.7]},
    })  # fmt: skip
    node = cast("Any", SimpleNamespace(chain_id=chain))
    open_game.deploy_open(scenario, node, key, SECRET, listen, key.parent / "game.json", announce)


@pytest.mark.parametrize(
    ("listen", "chain", "announce"),
    [
        ("127.0.0.1:65534", DEVELOPMENT, None),  # its third port is none
        ("127.0.0.1:7700", FOREIGN, None), ("1.1.1.1:7700", FOREIGN, "10.0.0.7"), ("0.0.0.0:7700", DEVELOPMENT, None),
        ("1.1.1.1:7700", FOREIGN, "unix"), ("nonsense", DEVELOPMENT, None),
    ],
)  # fmt: skip
def test_addresses_of_the_organiser_that_nobody_can_use_are_refused_before_the_contract(
    key: Path, listen: str, chain: int, announce: str | None
) -> None:
    before = sorted(key.iterdir())
    with pytest.raises((AddressRefused, Unreachable)):
        deploy(key, listen, chain, announce)
    assert sorted(key.iterdir()) == before


def test_a_folder_of_a_game_is_not_used_for_a_second_one_whose_secrets_it_would_share(key: Path) -> None:
    write_public(key / GAME, game(1))
    with pytest.raises(ChainBanditError, match="is of a game already"):
        deploy(key, "127.0.0.1:7700")


class Untouched:
    """A contract to which nothing may be sent."""

    def has_seat(self, account: bytes) -> bool:
        raise AssertionError("asked")


@pytest.fixture
def joining(key: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(open_game, "_attached", lambda path, game, url: (None, Untouched(), None))

    def join(listen: str, number: int = 1, private: bool = True) -> None:
        path = key.parent / "game.json"
        write_public(path, game(number, private))
        open_game.join(path, key, Signer(SECRET).source, listen)

    return join


@pytest.mark.parametrize("listen", ["0.0.0.0:7710", "[::]:7710", "127.1:0", "foo:99999", "unix:7"])
def test_addresses_that_no_node_can_reach_are_refused_before_the_stake(
    joining: Callable[..., None], listen: str
) -> None:
    with pytest.raises((AddressRefused, Unreachable), match="HOST:PORT"):
        joining(listen)


def test_a_private_address_in_any_form_is_refused_where_the_game_allows_none(joining: Callable[..., None]) -> None:
    with pytest.raises(Unreachable, match="private"):
        joining("127.1:7710", private=False)


@pytest.mark.parametrize("link", [None, b"junk", b"\xff"])
def test_a_folder_without_a_certificate_stakes_nothing(
    joining: Callable[..., None], key: Path, link: bytes | None
) -> None:
    (key / LINK).unlink()
    if link is not None:
        (key / LINK).write_bytes(link)
    with pytest.raises(PlaceRefused, match=LINK):
        joining("127.0.0.1:7710")


def test_a_folder_of_one_game_stakes_nothing_in_another(joining: Callable[..., None], key: Path) -> None:
    write_public(key / GAME, game(2))
    with pytest.raises(PlaceRefused, match="of another game"):
        joining("127.0.0.1:7710", number=1)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\udcff"])
def test_a_name_that_no_certificate_takes_leaves_no_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccountRefused, match="is no name"):
        keystore.create(tmp_path / "out", name, "a password")
    assert not (tmp_path / "out").exists()


def test_a_key_that_cannot_be_written_whole_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        path.touch()
        if path.name == LINK:
            raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(keystore, "write_private", full)
    with pytest.raises(FolderRefused, match="No space left"):
        keystore.create(tmp_path / "out", "ann", "a password")
    assert not (tmp_path / "out").exists()


def test_an_address_is_announced_anew_by_who_has_lost_its_file(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others take a higher counter alone."""
    ann, certificate = Signer(SECRET), certificate_in(key / LINK)
    known = announced(ann, bytes(32), 2, "127.0.0.1:1", certificate, 4)
    forged = announced(Signer(bytes(31) + b"\x09"), bytes(32), 2, "127.0.0.1:1", certificate, (1 << 64) - 1)
    contract = SimpleNamespace(has_seat=lambda own: True, seat_of=lambda own: 2)
    monkeypatch.setattr(open_game, "_attached", lambda path, game, url: (None, contract, None))
    path = key.parent / "game.json"
    for records, counter in (((), 0), ((forged,), 1), ((known,), 5)):
        write_public(path, game(1).model_copy(update={"node_records": records}))
        assert open_game.join(path, key, ann.source, "127.0.0.1:7710").node_record.counter == counter
    (key / JOINED).unlink()
    write_public(key / GAME, game(1).model_copy(update={"node_records": (known,)}))
    write_public(path, game(1))
    assert open_game.join(path, key, ann.source, "127.0.0.1:7710").node_record.counter == 5


def test_a_stake_that_a_stopped_call_deposited_is_found_by_the_next(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction had no block when the next call looked, and came before that of this one."""
    seated = [False]

    def join(*_: object) -> None:
        seated[0] = is_late
        raise TransactionReverted("join", "Rejected", ("Insufficient funds",))

    contract = SimpleNamespace(has_seat=lambda own: seated[0], seat_of=lambda own: 2, join=join)
    node = SimpleNamespace(rpc=SimpleNamespace(code=lambda own: b""))
    parameters = SimpleNamespace(stake=1)
    monkeypatch.setattr(open_game, "_attached", lambda path, game, url: (node, contract, parameters))
    for name in ("_require_joinable", "participant_need", "_funded"):
        monkeypatch.setattr(open_game, name, lambda *_: None)
    write_public(key.parent / "game.json", game(1))
    for is_late in (False, True):
        try:
            open_game.join(key.parent / "game.json", key, SECRET, "127.0.0.1:7710")
        except TransactionReverted:
            assert not is_late
        assert (key / JOINED).exists() == is_late


def test_who_has_a_stake_in_a_game_and_no_room_for_its_file_is_told(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    contract = SimpleNamespace(has_seat=lambda own: True, seat_of=lambda own: 2)
    monkeypatch.setattr(open_game, "_attached", lambda path, game, url: (None, contract, None))
    write_public(key.parent / "game.json", game(1))
    monkeypatch.setattr(open_game, "write_public", full)
    with pytest.raises(FolderRefused, match="No space left") as refused:
        open_game.join(key.parent / "game.json", key, SECRET, "127.0.0.1:7710")
    assert refused.value.__notes__ == ["the stake is deposited: the same command goes on from it"]


def test_a_folder_without_a_keystore_is_one_of_an_account_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(AccountRefused, match="is no keystore: chain-bandit keygen"):
        keystore.unlock(tmp_path, "a password")


def test_a_node_listens_at_an_address_of_ipv6(key: Path) -> None:
    from verification.kills import free_ports

    Links(f"[::1]:{free_ports(1)[0]}", key / LINK, {}).close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contract", "0xzz"), ("contract", "0x12"), ("game", "junk"), ("genesis_hash", "0x" + "AA" * 32),
        ("code_hash", ""), ("chain_id", 1 << 256), ("bound_ms", 10**400), ("rules", {"nope": "nope"}),
    ],
)  # fmt: skip
def test_a_game_file_that_was_edited_is_refused_by_what_is_wrong_in_it(
    tmp_path: Path, name: str, value: object
) -> None:
    path = tmp_path / "game.json"
    path.write_text(json.dumps(json.loads(game(1).model_dump_json()) | {name: value}))
    with pytest.raises(PlaceRefused, match=name):
        read_game(path)


def test_a_game_file_that_is_no_file_is_refused_at_once_and_one_that_is_no_json_in_a_sentence(tmp_path: Path) -> None:
    pipe, broken = tmp_path / "pipe", tmp_path / "broken.json"
    os.mkfifo(pipe)
    broken.write_text("{")
    for read in (read_game, recorded):
        with pytest.raises((PlaceRefused, NotADeployment), match="pipe: cannot be read"):
            read(pipe)
    with pytest.raises(PlaceRefused, match=r"broken\.json: Invalid JSON"):
        read_game(broken)


def test_a_folder_whose_game_was_stopped_while_it_was_set_up_says_where_contract_and_keys_are(tmp_path: Path) -> None:
    with pytest.raises(PlaceRefused, match=r"game\.json: cannot be read"):
        places(tmp_path)
    (tmp_path / DEPLOYMENT).write_text("{}")
    with pytest.raises(PlaceRefused, match=r"was stopped while it was set up\. deployment\.json names its contract"):
        places(tmp_path)


def test_of_nodes_that_have_ended_with_their_game_none_is_started_whether_or_not_the_chain_is_there(
    tmp_path: Path,
) -> None:
    write_public(tmp_path / GAME, game(1).model_copy(update={"node_records": NODES}))
    assert "has no folder of a node" in here("up", tmp_path, cwd=tmp_path).stderr
    for name, ended in (("environment", '{"run_digest": "0x07"}'), ("relayer", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / ENDED).write_text(ended)
        (tmp_path / name / "log").write_text("round 59 approved after 1 s\nround 60 approved after 1 s\n")
    taken_up = here("up", tmp_path, cwd=tmp_path)
    audit = f"chain-bandit audit --rpc URL --contract {GAME} audits it"
    assert (taken_up.returncode, taken_up.stdout) == (
        0, f"all nodes of {tmp_path} have ended with their game, after round 60; {audit}\n"
    )  # fmt: skip
    (tmp_path / MANIFEST).touch()
    assert f"chain-bandit show {tmp_path}" in here("up", tmp_path, cwd=tmp_path).stdout
    said = json.loads(here("up", tmp_path, "--json", cwd=tmp_path).stdout)
    assert said == {"ended": ["environment", "relayer"], "round": 60}
    alone = here("node", tmp_path / "environment", "--json", cwd=tmp_path)
    assert alone.returncode == 0
    assert alone.stderr.startswith("whether the chain still has the closing was not looked at: the chain node does not")
    assert alone.stderr.endswith(f"\nthis node has ended with its game; {audit}\n")
    assert json.loads(alone.stdout) == {
        "node": "environment", "contract": game(1).contract, "run_digest": "0x07",
    }  # fmt: skip


def test_scripts_read_logs_and_who_was_stopped_as_objects(tmp_path: Path) -> None:
    write_public(tmp_path / GAME, game(1).model_copy(update={"node_records": NODES}))
    assert json.loads(here("down", tmp_path, "--json", cwd=tmp_path).stdout) == {"stopped": []}
    assert here("down", tmp_path, cwd=tmp_path).stdout == f"no node of {tmp_path} runs\n"
    assert here("logs", tmp_path, cwd=tmp_path).stderr.startswith(f"no log in {tmp_path}: ")
    entry = {"time": "2026-01-01T00:00:00.000+00:00", "level": "info", "node": "relayer", "message": "round 2"}
    (tmp_path / "relayer").mkdir()
    (tmp_path / "relayer" / "log").write_text(f"waiting for the chain\n[1]\n{json.dumps(entry)}\n")
    said = [json.loads(line) for line in here("logs", tmp_path, "--json", cwd=tmp_path).stdout.splitlines()]
    assert said == [
        {"level": "warning", "node": "relayer", "message": "waiting for the chain"},
        {"level": "info", "node": "relayer", "message": "[1]"},
        entry,
    ]
    refused = here("node", tmp_path / "nowhere", "--log", "json", "--json", cwd=tmp_path)
    assert json.loads(refused.stdout)["error"]["exit_code"] == refused.returncode == 3
    assert json.loads(refused.stderr)["message"].startswith("error: ")


def test_a_block_that_the_node_lacks_is_not_waited_for(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = SimpleNamespace(rpc=SimpleNamespace(ask=None), height=lambda: 0, line="")
    monkeypatch.setattr(open_game, "HttpNode", lambda url, delivery: node)
    monkeypatch.setattr(open_game, "require_same", lambda ask, identity: None)
    path = key.parent / "game.json"
    write_public(path, game(1))
    with pytest.raises(PlaceRefused, match="block 1 created the contract"):
        open_game.join(path, key, SECRET, "127.0.0.1:7710")


def test_who_says_that_it_waits_waits_for_the_first_answer_as_for_any(monkeypatch: pytest.MonkeyPatch) -> None:
    said, waited = list[str](), list[float]()

    def ask(self: Rpc, method: str, parameters: object, read: object = None, at_most: float = inf) -> int:
        waited.append(at_most)
        self.notice.waiting("gone")
        return 1

    monkeypatch.setattr(Rpc, "ask", ask)
    HttpNode("http://127.0.0.1:1/KEY", say=said.append)
    HttpNode("http://127.0.0.1:1/KEY")
    assert said == ["waiting for the chain at http://127.0.0.1:1: gone"]
    assert waited == [inf, KNOCK]


@pytest.mark.parametrize(("secret", "came"), [(SECRET, 7), (bytes(31) + b"\x08", 0)], ids=["environment", "anybody"])
def test_the_pool_of_a_game_that_did_not_open_comes_back_to_its_environment(
    secret: bytes, came: int, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = list[str]()
    contract = SimpleNamespace(
        has_seat=lambda own: False, opened=lambda: False, closed=lambda: False, owed=lambda own: 7,
        withdraw=lambda wallet: drawn.append(wallet.address), settle=lambda: None,
    )  # fmt: skip
    balances = [0, 10**18]
    node = SimpleNamespace(height=lambda: 12, chain_id=FOREIGN, balance=lambda of: balances[0], delivery=PIPELINED)
    node.rpc = SimpleNamespace(ask=lambda *asked: 10**9)
    chain = node, contract, SimpleNamespace(opening_deadline=10)
    monkeypatch.setattr(open_game, "_attached", lambda path, game, url: chain)
    path = key.parent / "game.json"
    write_public(path, game(1).model_copy(update={"environment": Signer(SECRET).address}))
    if came:
        with pytest.raises(AccountRefused, match=r"holds 0 wei and needs .* ETH\)"):
            open_game.leave(path, key, secret)
        del balances[0]
        assert open_game.leave(path, key, secret) == came
    else:
        with pytest.raises(NotJoinable, match="has no place in this game"):
            open_game.leave(path, key, secret)
    assert len(drawn) == bool(came)


def test_a_node_waits_for_the_opening_aloud_and_ends_when_its_deadline_is_over() -> None:
    said, tried, heights = list[str](), list[int](), iter([9, 10, 11, 12, 13])
    opened = iter([True, False])
    start = cast("Any", Start.__new__(Start))
    start.game, start.parameters = game(1).model_copy(update={"confirmations": 2}), SimpleNamespace(opening_deadline=9)
    start.node, start.follower = SimpleNamespace(height=lambda: next(heights)), SimpleNamespace(opening=lambda: None)
    start._say, start.clock = said.append, Clock(sleep=lambda seconds: None)
    rpc = SimpleNamespace(block_time=0.0)
    start.contract = SimpleNamespace(opened=lambda: next(opened), rpc=rpc)  # schedule 11562: its event came late

    def opens(links: object, blocks: int) -> None:
        tried.append(blocks)
        raise TransactionReverted("open", "OpeningMissed", (11, 10))

    start._open, start._take_back = opens, lambda: 0
    with pytest.raises(NeverOpened, match="chain-bandit leave") as ended:
        start._await_opening(None)
    assert (ended.value.exit_code, ended.value.deadline, ended.value.height) == (2, 10, 13)
    assert said == ["the game is not open yet: it has to be by block 10, now is 9"]
    assert tried == [1]


def test_the_environment_opens_a_game_when_all_nodes_have_called_it_and_waits_for_none_of_them_for_ever() -> None:
    now, said = [0.0], list[str]()

    def start() -> Any:
        made = cast("Any", Start.__new__(Start))
        made.peers, made._say = {0: None, 1: None, RELAYER: None}, said.append
        made.clock = Clock(lambda: now[0])
        return made

    some, all_ = (SimpleNamespace(present=frozenset(each)) for each in ({0}, {0, 1, RELAYER}))
    assert start()._are_there(all_, 100)
    assert not said
    waiting = start()
    assert not waiting._are_there(some, 100)
    assert waiting._are_there(all_, 100)
    assert said == ["waits 60 s at most for the nodes of relayer, seat-1 before it opens the game"]
    assert not waiting._are_there(some, 51)
    assert waiting._are_there(some, 50), "half of the blocks are left to open it in"
    assert start()._are_there(some, 1), "no block is left to wait for"
    now[0] = start_module.AWAITED
    assert not waiting._are_there(some, 100)
    now[0] += 1
    assert waiting._are_there(some, 100)


def test_metrics_that_cannot_be_served_are_refused_before_the_opening_is_waited_for(tmp_path: Path) -> None:
    start = cast("Any", Start.__new__(Start))
    start._place, start._metrics = tmp_path, "nonsense"
    start._journal = start._bodies = lambda stack: None
    start._links = lambda: SimpleNamespace(close=lambda: None)
    start.watch = SimpleNamespace(wait=lambda: pytest.fail("it waits"))
    with pytest.raises(AddressRefused, match="nonsense"):
        start.run()


@pytest.mark.parametrize("option", [{"invite": ["0x" + "1" * 40]}, {"listen": "127.0.0.1:1"}, {"private": True}])
def test_what_is_for_open_places_is_refused_where_none_is_open(option: dict[str, Any]) -> None:
    with pytest.raises(Usage, match="only with --key"):
        verb(Path("small"), "http://127.0.0.1:1", account="dev0", **option)


def test_a_game_file_is_refused_where_a_scenario_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="--game is for a folder"):
        up(tmp_path / "small.toml", game=tmp_path / "game.json")


@pytest.mark.parametrize("url", ["http://[::1", "", "file:///etc/passwd", "http://", "127.0.0.1:8545"])
def test_what_is_no_url_of_a_node_is_said_to_be_none(url: str) -> None:
    with pytest.raises(NodeUnreachable, match="its URL"):
        HttpNode(url)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://user:word@host.example:8545/v3/KEY?key=KEY", "https://host.example:8545"),
        ("https://host.example/v3/KEY", "https://host.example"), ("http://127.0.0.1:8545/", "http://127.0.0.1:8545/"),
    ],
)  # fmt: skip
def test_what_may_be_a_key_in_a_url_is_not_handed_on(url: str, public: str) -> None:
    assert without_key(url) == public
