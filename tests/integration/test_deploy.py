"""`deploy` with real keystores on real nodes, and the guard against a node or a game that is not the one meant."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from chain_bandit.chain import accounts
from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.create2 import PRICE
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import AccountRefused, NodeUnreachable
from chain_bandit.chain.funds import TRANSFER_GAS, Need, price_of
from chain_bandit.chain.hardhat import hardhat
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import JournalForeign
from chain_bandit.chain.modules import GAS_OF_MODULE, installed
from chain_bandit.chain.node import Wallet, account
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.transaction_policy import PIPELINED, TransactionPolicy
from chain_bandit.game import deployment
from chain_bandit.game.chains import environment_need, others_needs
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.rlp import created_address
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.few import few
from tests.integration.live import proxy, sends
from tests.integration.nodes import SMALL, group, has_node, here, node_of, started, wait_for
from tests.integration.rpc_server import served

SHORT = ("--rounds", 12, "-o", "expect={}")
ETHER = 10**18
ALICE = Account.from_key(keccak(b"alice"))
POOR = Account.from_key(keccak(b"poor"))


@pytest.fixture(scope="module")
def node() -> Iterator[OwnNode]:
    with anvil() as running:
        assert running.grant({bytes.fromhex(ALICE.address[2:]): 1000 * ETHER})
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A keystore folder with alice and poor, and the file of their password."""
    folder = tmp_path_factory.mktemp("keys")
    for name, who in (("alice", ALICE), ("poor.json", POOR)):
        (folder / name).write_text(json.dumps(Account.encrypt(who.key, "open sesame", kdf="pbkdf2", iterations=1000)))
    (folder / "nonsense").write_text("{}")
    (folder / "password").write_text("open sesame\n")
    (folder / "wrong").write_text("open barley\n")
    return {"ETH_KEYSTORE": str(folder), "ETH_PASSWORD": str(folder / "password")}


@pytest.fixture
def deployed(node: OwnNode, keys: dict[str, str], tmp_path: Path) -> dict[str, Any]:
    result = deploy(node.url, "alice", tmp_path / "small.json", keys)
    assert result.returncode == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def deploy(chain: str, who: str, out: Path, environment: dict[str, str], *more: object) -> Any:
    arguments = ["deploy", SMALL, "--chain", chain, "--account", who, "--out", out, "--json", *more]
    return here(*arguments, **environment)


def test_deployed_game_can_be_joined_and_opened_with_what_was_sent(
    node: OwnNode, deployed: dict[str, Any], tmp_path: Path
) -> None:
    file = json.loads((tmp_path / "small.json").read_text())
    assert file == {key: value for key, value in deployed.items() if key != "out"}
    assert file["environment"] == ALICE.address
    assert file["chain_id"] == node.chain_id
    assert node.ask("eth_getBlockByNumber", "0x0", False)["hash"] == file["genesis_hash"]
    assert file["scenario"]["name"] == "small"
    plan = Plan(load(SMALL))
    contract = Coordinator.at(node.line, bytes.fromhex(file["contract"][2:]), Stopwatch())
    assert contract.game() == plan.game
    for signer, seated in zip(plan.participants, plan.seated, strict=True):
        contract.join(account(signer.secret), seated)
    contract.open(ALICE, plan.salt)
    assert contract.opened()


def test_deploy_used_again_deploys_nothing(
    node: OwnNode, keys: dict[str, str], deployed: dict[str, Any], tmp_path: Path
) -> None:
    height = node.height()
    again = deploy(node.url, "alice", tmp_path / "small.json", keys)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["contract"] == deployed["contract"]
    assert node.height() == height


def count_of(node: OwnNode, who: str) -> int:
    """How many transactions of an account are in blocks."""
    return int(node.ask("eth_getTransactionCount", who, "latest"), 16)


def deploy_here(
    plan: Plan, url: str, out: Path, who: Wallet = ALICE, delivery: TransactionPolicy = PIPELINED
) -> dict[str, Any]:
    """`deploy` in this process."""
    with deployment.kept_journal(out) as journal:
        return deployment.deploy(plan, HttpNode(url, delivery), who, out, journal)


def killed_at_a_sending(node: OwnNode, out: Path, keys: dict[str, str], passed_on: bool) -> None:
    """`deploy` by alice, killed when it sends the next transaction, just before or just after the node has it."""

    def fault(handler: Any, batch: Any) -> bool:
        if isinstance(batch, dict) or not sends(batch):
            return False
        if passed_on:
            handler.forward(batch)
        process.kill()
        handler.hang_up()
        return True

    with proxy(node.url, fault) as url:
        arguments = ("deploy", SMALL, "--seed", 31, "--chain", url, "--account", "alice", "--out", out)
        process = started(*arguments, **keys)
        assert process.wait() == -signal.SIGKILL, process.communicate()


def test_a_deployment_killed_twice_is_taken_up_and_sends_nothing_twice(
    node: OwnNode, keys: dict[str, str], tmp_path: Path
) -> None:
    out, before = tmp_path / "small.json", count_of(node, ALICE.address)
    killed_at_a_sending(node, out, keys, passed_on=True)  # of the contract
    assert [path.name for path in tmp_path.iterdir()] == [".small.json.journal"]
    killed_at_a_sending(node, out, keys, passed_on=False)  # of payments
    assert count_of(node, ALICE.address) == before + 1
    out.unlink()
    plan = Plan(load(SMALL, {"seed": 31}))
    with pytest.raises(JournalForeign, match="account"):
        deploy_here(plan, node.url, out, accounts.named("dev0", node.chain_id))
    made = deploy_here(plan, node.url, out)
    assert made["contract"] == "0x" + created_address(bytes.fromhex(ALICE.address[2:]), before).hex()
    participants, relayer = 4, 1
    assert count_of(node, ALICE.address) == before + 1 + participants + relayer
    assert sorted(tmp_path.iterdir()) == [out, out.with_suffix(".seed")]


def test_a_deployment_whose_node_goes_away_is_taken_up(node: OwnNode, tmp_path: Path) -> None:
    plan, out, before, gone = Plan(load(SMALL)), tmp_path / "small.json", count_of(node, ALICE.address), [False]

    def fault(handler: Any, batch: Any) -> bool:
        if not isinstance(batch, dict) and sends(batch):
            handler.forward(batch)
            gone[0] = True
        if gone[0]:
            handler.hang_up()
        return gone[0]

    with proxy(node.url, fault) as url, pytest.raises(NodeUnreachable) as stopped:
        deploy_here(plan, url, out, delivery=TransactionPolicy(patience=0.5, timeout=0.3))
    journal = tmp_path / ".small.json.journal"
    assert stopped.value.__notes__ == [f"what was sent is kept in {journal}: run the same command to resume"]
    assert list(tmp_path.iterdir()) == [journal]
    made = deploy_here(plan, node.url, out)
    assert made["contract"] == "0x" + created_address(bytes.fromhex(ALICE.address[2:]), before).hex()
    assert sorted(tmp_path.iterdir()) == [out, out.with_suffix(".seed")]


def test_an_account_is_asked_for_what_is_still_missing_and_for_the_proxy_first(tmp_path: Path) -> None:
    """With just enough for proxy, modules and game; stopped between modules and game; gone on with what is left."""
    plan, out = Plan(load(SMALL)), tmp_path / "small.json"
    with anvil() as node:
        for address in installed():
            node.ask("anvil_setCode", "0x" + address.hex(), "0x")

        def own() -> Need:
            return environment_need(plan, node, bytes.fromhex(POOR.address[2:]))

        def wanted() -> int:
            return sum(need.at(price_of(node)) for need in (own(), *others_needs(plan)))

        at_first, enough = own(), wanted()
        node.ask("anvil_setBalance", POOR.address, hex(enough - 1))
        with pytest.raises(AccountRefused, match=f"needs {enough}; send it 1 wei"):
            deploy_here(plan, node.url, out, POOR)
        node.ask("anvil_setBalance", POOR.address, hex(enough))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Coordinator, "_create", interrupted)
            with pytest.raises(KeyboardInterrupt):
                deploy_here(plan, node.url, out, POOR)
        modules = len(installed()) - 1
        assert at_first.wei - own().wei == PRICE
        assert at_first.gas - own().gas == modules * GAS_OF_MODULE + TRANSFER_GAS
        node.ask("anvil_setBalance", POOR.address, hex(wanted()))
        assert deploy_here(plan, node.url, out, POOR)["environment"] == POOR.address


PAYING = {
    "run": ("run", SMALL, *SHORT),
    "deploy": ("deploy", SMALL),
    "up": ("up", SMALL, "--processes", *SHORT),
}


@pytest.mark.parametrize("command", PAYING)
def test_nothing_is_paid_on_a_chain_with_foreign_code_in_the_place_of_a_module(command: str, tmp_path: Path) -> None:
    """Of the bookkeeper, which alone moves money; the node put it there, as none of its transactions could."""
    bookkeeper, _ = chain_bandit_artifact().modules
    with anvil() as node:
        node.ask("anvil_setCode", checksummed(bookkeeper.address), "0x" + (bookkeeper.code[:-1] + b"\0").hex())
        held = node.balance(accounts.named("dev0", node.chain_id).address)
        paying = (*PAYING[command], "--chain", node.url, "--account", "dev0", "--out", tmp_path / "out")
        result = here(*paying)
        assert result.returncode == 6, result.stdout + result.stderr
        assert f"{checksummed(bookkeeper.address)} does not hold the code of Bookkeeper" in result.stderr
        assert result.stderr.count("\n") == 1
        assert (node.height(), node.balance(accounts.named("dev0", node.chain_id).address)) == (0, held)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_no_stake_is_sent_to_whoever_has_a_seat_and_nothing_once_the_game_is_open(
    node: OwnNode, tmp_path: Path
) -> None:
    plan, out = Plan(load(SMALL, {"seed": 32, "chain.wei_per_unit": 10**8})), tmp_path / "small.json"
    address = bytes.fromhex(deploy_here(plan, node.url, out)["contract"][2:])
    contract = Coordinator.at(node.line, address, Stopwatch())
    stake = plan.parameters.stake
    first, *others = zip(plan.participants, plan.seated, strict=True)
    contract.join(account(first[0].secret), first[1])
    before = int(node.ask("eth_getBalance", ALICE.address, "latest"), 16)
    deploy_here(plan, node.url, out)
    assert before - int(node.ask("eth_getBalance", ALICE.address, "latest"), 16) < stake // 10
    for signer, seated in others:
        contract.join(account(signer.secret), seated)
    contract.open(ALICE, plan.salt)
    node.ask("anvil_setBalance", "0x" + plan.relayer.address.hex(), "0x0")
    sent = count_of(node, ALICE.address)
    deploy_here(plan, node.url, out)
    assert count_of(node, ALICE.address) == sent


def test_a_recorded_game_is_refused_on_another_chain(
    node: OwnNode, keys: dict[str, str], deployed: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "small.json"
    with anvil() as other:
        assert other.chain_id == node.chain_id
        for result in (
            deploy(other.url, "dev0", file, {}),
            here("audit", "--rpc", other.url, "--contract", file),
        ):
            assert result.returncode == 6, result.stderr
            assert "its genesis hash is" in result.stderr
        assert other.height() == 0
    for field, words in (("code_hash", "code hash"), ("game", "game"), ("chain_id", "chain id")):
        lying = tmp_path / f"{field}.json"
        value = 5 if field == "chain_id" else "0x" + "ab" * 32
        lying.write_text(json.dumps({**json.loads(file.read_text()), field: value}))
        result = here("audit", "--rpc", node.url, "--contract", lying)
        assert result.returncode == 6, result.stderr
        assert f"its {words} is" in result.stderr
    other_game = deploy(node.url, "alice", file, keys, "--seed", 99)
    assert other_game.returncode == 6, other_game.stderr
    fine = here("audit", "--rpc", node.url, "--contract", file, "--json")
    assert fine.returncode == 13, fine.stderr  # nobody has played it yet


@pytest.mark.parametrize("start", [anvil, hardhat])
def test_a_run_folder_is_audited_from_its_own_chain_and_no_other(start: Any, tmp_path: Path) -> None:
    with start() as node, anvil() as other:
        run = here("run", SMALL, *SHORT, "--chain", node.url, "--out", tmp_path / "run", "--json")
        assert run.returncode == 0, run.stderr
        right = here("audit", "--rpc", node.url, "--contract", tmp_path / "run", "--json")
        assert right.returncode == 0, right.stderr
        assert json.loads(right.stdout)["run_digest"] == json.loads(run.stdout)["run_digest"]
        wrong = here("audit", "--rpc", other.url, "--contract", tmp_path / "run")
        assert wrong.returncode == 6, wrong.stderr
        plain = here("audit", tmp_path / "run", ETH_RPC_URL=other.url)
        assert plain.returncode == 0, plain.stderr


def test_run_at_a_url_is_paid_by_an_account(node: OwnNode, keys: dict[str, str], tmp_path: Path) -> None:
    before = int(node.ask("eth_getBalance", ALICE.address, "latest"), 16)
    arguments = ["run", SMALL, *SHORT, "--seed", 77, "--chain", node.url, "--account", "alice"]
    run = here(*arguments, "--out", tmp_path / "run", **keys)
    assert run.returncode == 0, run.stderr
    assert int(node.ask("eth_getBalance", ALICE.address, "latest"), 16) < before


REFUSED = {
    "a private key": ("0x" + "12" * 32, {}, "never a private key"),
    "an unknown name": ("bob", {}, "is no keystore file in"),
    "a path": ("../alice", {}, "is no keystore file in"),
    "a file that is none": ("nonsense", {}, "is no keystore file"),
    "a wrong password": ("alice", {"ETH_PASSWORD": "wrong"}, "does not open"),
    "no password": ("alice", {"ETH_PASSWORD": ""}, "set ETH_PASSWORD"),
    "no password file": ("alice", {"ETH_PASSWORD": "nowhere"}, "names no readable file"),
    "no keystore": ("alice", {"ETH_KEYSTORE": ""}, "set ETH_KEYSTORE"),
    "too little money": ("poor", {}, "holds 0 wei and needs"),
}


@pytest.mark.parametrize("case", few(REFUSED, 2))
def test_deploy_exits_8_and_writes_nothing(case: str, node: OwnNode, keys: dict[str, str], tmp_path: Path) -> None:
    who, changes, words = REFUSED[case]
    changed = {key: value and str(Path(keys["ETH_KEYSTORE"]) / value) for key, value in changes.items()}
    height = node.height()
    result = deploy(node.url, who, tmp_path / "small.json", {**keys, **changed})
    assert result.returncode == 8, result.stderr
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "sesame" not in result.stderr + result.stdout
    assert "12" * 32 not in result.stderr + result.stdout
    assert list(tmp_path.iterdir()) == []
    assert node.height() == height


def test_development_accounts_exist_on_development_chains_only() -> None:
    first = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert [accounts.named("dev0", chain).address for chain in (31337, 1337, 131277322940537)] == [first] * 3
    for chain in (1, 11155111, 31338):
        with pytest.raises(AccountRefused, match="only for development chains"):
            accounts.named("dev0", chain)


def test_other_chains_refuse_public_keys_and_development_accounts(keys: dict[str, str], tmp_path: Path) -> None:
    with anvil() as node:
        node.grant({bytes.fromhex(ALICE.address[2:]): 1000 * ETHER})
        node.ask("anvil_setChainId", 4242)
        public = here("run", SMALL, *SHORT, "--chain", node.url, "--out", tmp_path / "run")
        assert public.returncode == 2
        assert "chain 4242 is no development chain" in public.stderr
        assert "say --public-keys" in public.stderr
        for verb in (("up", SMALL), ("deploy", SMALL, "--account", "alice"), ("mediate", "chain")):
            assert here(*verb, "--chain", node.url, cwd=tmp_path, **keys).returncode == 2
        refused = deploy(node.url, "dev0", tmp_path / "small.json", keys, "--public-keys")
        assert refused.returncode == 8
        assert "only for development chains" in refused.stderr
        made = deploy(node.url, "alice", tmp_path / "small.json", keys, "--public-keys")
        assert made.returncode == 0, made.stderr
        assert "anybody with the scenario has the participants' keys" in made.stderr
        run = here("run", SMALL, *SHORT, "--chain", node.url, "--out", tmp_path / "run", "--public-keys")
        assert run.returncode == 0, run.stderr
        assert run.stderr.startswith("warning: chain 4242 is no development chain")
        short = ("--public-keys", "--epochs", 1, "--rounds", 2, "--out", tmp_path / "tokens")
        tokens = here("mediate", "chain", "--chain", node.url, *short)
        assert tokens.returncode == 0, tokens.stderr
        warning = "warning: chain 4242 is no development chain; anybody with the seed has the participants' keys\n"
        assert tokens.stderr == warning


def test_nobody_pays_on_the_embedded_chain_and_somebody_must_elsewhere(tmp_path: Path) -> None:
    for verb in (("run", SMALL), ("mediate", "chain", "--out", tmp_path / "tokens")):
        embedded = here(*verb, "--account", "dev0", cwd=tmp_path)
        assert embedded.returncode == 2
        assert embedded.stderr.startswith("error: --account: the embedded chain needs no payer; ")
    with served(EmbeddedNode({})) as url:  # a node that gives nothing away
        unpaid = here("run", SMALL, "--chain", url, "--out", tmp_path / "run")
    assert unpaid.returncode == 8, unpaid.stderr
    assert "--account NAME" in unpaid.stderr
    assert list(tmp_path.iterdir()) == []


def test_keystore_may_be_one_file(keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETH_PASSWORD", keys["ETH_PASSWORD"])
    monkeypatch.setenv("ETH_KEYSTORE", str(Path(keys["ETH_KEYSTORE"]) / "poor.json"))
    assert accounts.named("poor", 1).address == accounts.named("poor.json", 1).address == POOR.address
    with pytest.raises(AccountRefused):
        accounts.named("alice", 1)


def test_deploy_to_a_node_of_its_own_stays_until_it_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    process = started("deploy", SMALL, "--chain", "anvil", "--account", "dev3", "--out", file, "--json")
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert file.exists()
    assert has_node(process.pid)
    leader = node_of(process.pid)
    audit = here("audit", "--rpc", said["url"], "--contract", file)
    assert audit.returncode == 13, audit.stderr
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert leader is not None
    wait_for(lambda: not group(leader))
    assert list(tmp_path.iterdir()) == []


def test_deploy_refuses_what_is_no_running_chain_or_no_place(node: OwnNode, tmp_path: Path) -> None:
    for chain in ("embedded", "mars"):
        assert deploy(chain, "dev0", tmp_path / "small.json", {}).returncode == 2
    (tmp_path / "file").write_text("precious")
    height = node.height()
    assert deploy(node.url, "dev0", tmp_path / "file" / "small.json", {}).returncode == 2
    assert deploy(node.url, "dev0", tmp_path / "file", {}).returncode == 3
    assert (tmp_path / "file").read_text() == "precious"
    assert node.height() == height
