"""The files of examples/deploy: what they name exists, and their commands play a game as processes of this machine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from chain_bandit.auditor.rows import RoundRow
from chain_bandit.audits import audit_file
from chain_bandit.chain.anvil import anvil
from chain_bandit.exit_codes import EXIT_CODES, RESTARTABLE
from chain_bandit.nodes.metrics import Metrics
from chain_bandit.nodes.observed import Observed
from tests.integration.nodes import ROOT, here, started
from tests.light_keys import light_keys
from verification.kills import free_ports

DEPLOY = ROOT / "examples" / "deploy"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNIT = DEPLOY / "chain-bandit-node@.service"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
NODES = {name: each for name, each in COMPOSE["services"].items() if each.get("command", [""])[0] == "node"}
KEYS = {
    "image", "build", "restart", "stop_grace_period", "environment", "secrets", "volumes", "depends_on", "healthcheck",
    "configs", "entrypoint", "command", "networks", "network_mode", "ports",
}  # fmt: skip
"""Of a service, those of the Compose Specification that are used here."""


def metrics_of(service: dict[str, Any]) -> str:
    """Where a service serves its metrics."""
    command: list[str] = service["command"]
    return command[command.index("--metrics") + 1]


# --- what is named is there


def test_compose_names_what_it_has() -> None:
    assert set(COMPOSE) <= {"name", "services", "volumes", "secrets", "configs", "x-node"}
    assert len(NODES) == 7
    for name, service in COMPOSE["services"].items():
        assert set(service) <= KEYS, name
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert {each["source"] for each in service.get("configs", [])} <= set(COMPOSE["configs"])
        assert {each.split(":")[0] for each in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        if "build" in service:
            place = DEPLOY / service["build"]["context"]
            assert (place / service["build"]["dockerfile"]).resolve() == DEPLOY / "Containerfile"
            assert f" AS {service['build']['target']}\n" in (DEPLOY / "Containerfile").read_text()
        for published in service.get("ports", []):
            assert published.startswith("127.0.0.1:"), "nothing is open to other machines"
    for config in COMPOSE["configs"].values():
        assert "content" in config or (DEPLOY / config["file"]).is_file()


def test_images_copy_what_is_tracked_and_run_as_nobody_special() -> None:
    stages = re.split(r"^FROM ", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    for stage in stages:
        copied = [name for line in re.findall(r"^COPY (.*)$", stage, re.MULTILINE) for name in line.split()[:-1]]
        assert copied
        assert all((ROOT / name).exists() for name in copied)
        assert re.findall(r"^USER (\w+)$", stage, re.MULTILINE) not in ([], ["root"])


def test_prometheus_asks_every_node_at_the_name_that_it_answers_to() -> None:
    asked = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text(encoding="utf-8"))
    (job,) = asked["scrape_configs"]
    (targets,) = job["static_configs"]
    assert sorted(targets["targets"]) == sorted(map(metrics_of, NODES.values()))


def named_metrics() -> dict[str, set[str]]:
    """The labels of each sample that a node can give."""
    metrics = Metrics("seat-0", dict, int)
    metrics.take(Observed(1, "approved", 0.1, 0, 0, 0))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_of_dashboard_and_page_exists_and_every_one_is_shown() -> None:
    known = named_metrics()
    board = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for text in asked for name in re.findall(r"chain_bandit_\w+", text)}
    assert used <= set(known)
    for text in asked:
        (name,) = set(re.findall(r"chain_bandit_\w+", text))
        assert set(re.findall(r"by \((\w+)\)", text)) <= known[name], text
    families = {re.sub("_(created|count|sum|bucket)$", "", name) for name in known} - {"chain_bandit_records"}
    assert {re.sub("_bucket$", "", name) for name in used} == families
    assert set(re.findall(r"`(chain_bandit_\w+)`", PAGE)) == families


# --- restarts


def test_unit_page_and_code_agree_on_who_is_started_again() -> None:
    text = UNIT.read_text(encoding="utf-8")
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", text, re.MULTILINE)
    final = {code for code in EXIT_CODES if 0 < code < 128} - RESTARTABLE
    assert set(map(int, prevented.split())) == final
    assert "Restart=on-failure\n" in text
    rows = [re.findall(r"\d+", row) for row in re.findall(r"^\| ([\d, ]+)(?:, or a signal)? \|", PAGE, re.MULTILINE)]
    assert [set(map(int, row)) for row in rows] == [{0}, set(RESTARTABLE), final]


def test_unit_is_verified_by_systemd(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")  # a part of systemd, which no package index has
    command = Path(sys.executable).with_name("chain-bandit")
    text = UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/chain-bandit", str(command))
    for name, planted, good in (("whole", text, True), ("typo", text.replace("RestartSec=", "RestartSecs="), False)):
        place = tmp_path / name
        place.mkdir()
        (place / UNIT.name).write_text(planted)
        made = subprocess.run(
            ["systemd-analyze", "verify", "--recursive-errors=no", place / UNIT.name.replace("@", "@ann")],
            capture_output=True, text=True, check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{place}:"},
        )  # fmt: skip
        assert ("Unknown key" not in made.stderr) is good, made.stderr
        if good:
            assert UNIT.name not in made.stderr, made.stderr


# --- the same commands, by hand


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """A folder after `setup`, with the chain's URL and what stands in for hosts' names."""
    place, names = tmp_path_factory.mktemp("game"), [*re.findall(r"--announce (\w+:\d+)", _setup())]
    free = free_ports(3 + len(names) + len(NODES))
    first = next(port for port in range(20_000, 60_000, 7) if not {port, port + 1, port + 2} & set(free))
    ours = {f"0.0.0.0:7710 --announce {name}": f"127.0.0.1:{free.pop()}" for name in names}
    ours |= {"0.0.0.0:7700 --announce organiser": f"127.0.0.1:{first}"}
    ours |= {metrics_of(each): f"127.0.0.1:{free.pop()}" for each in NODES.values()}
    (place / "password").write_text("a password of tests")
    scenario = COMPOSE["configs"]["scenario"]["content"]
    assert "bound_ms = 2000" in scenario
    (place / "experiment.toml").write_text(scenario.replace("bound_ms = 2000", "bound_ms = 500"))
    with anvil() as node:
        ours |= {"http://chain:8545": node.url, "/etc/chain_bandit/experiment.toml": "experiment.toml"}
        unless, *commands = replaced(_setup(), ours).splitlines()
        assert unless == "test ! -e game.json || exit 0"
        with light_keys():
            for command in commands:
                name, *arguments = shlex.split(command)
                made = here(*arguments, cwd=place, ETH_PASSWORD="password")
                assert (name, made.returncode) == ("chain-bandit", 0), made.stderr
        yield place, node.url, ours


def _setup() -> str:
    (script,) = COMPOSE["services"]["setup"]["command"]
    return str(script)


def replaced(text: str, here: dict[str, str]) -> str:
    """A command of compose as it is on this machine."""
    for there, ours in here.items():
        text = text.replace(there, ours)
    return text


def audited(place: Path, url: str) -> Sequence[RoundRow]:
    """The rounds of the game so far, by its audit."""
    made = here("audit", "--rpc", url, "--contract", "game.json", "--export", "history.jsonl.gz", cwd=place)
    assert made.returncode in (0, 13), made.stderr
    return audit_file(place / "history.jsonl.gz").rounds


def test_commands_of_compose_play_a_game_whose_metrics_agree_with_its_audit(
    composed: tuple[Path, str, dict[str, str]],
) -> None:
    place, url, here = composed
    nodes = {
        name: started(
            *shlex.split(replaced(shlex.join(each["command"]), here)), cwd=place, ETH_PASSWORD="password",
            ETH_RPC_URL=url,
        )
        for name, each in NODES.items()
    }  # fmt: skip
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in nodes}
    while any(node.poll() is None for node in nodes.values()):
        for name, each in NODES.items():
            try:
                text = requests.get(f"http://{here[metrics_of(each)]}/metrics", timeout=5).text
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # the process has ended
                continue  # it does not listen yet, or no more
            seen[name].append({
                sample.name + sample.labels.get("kind", ""): sample.value
                for family in text_string_to_metric_families(text) for sample in family.samples
            })  # fmt: skip
        time.sleep(0.02)  # between two scrapes, until the nodes have ended
    for node in nodes.values():
        _, errors = node.communicate()
        assert node.returncode == 0, errors
    rounds = {row.round: row for row in audited(place, url)}
    for name, samples in seen.items():
        assert samples, name
        for sample in samples:
            done = [row for at, row in rounds.items() if at <= sample.get("chain_bandit_round", 0)]
            for kind in {row.kind for row in done}:
                counted = sum(row.kind == kind for row in done)
                told = sample.get(f"chain_bandit_records_total{kind}", 0)
                assert abs(told - counted) <= 1, "a scrape may come between two numbers of a round"
            assert sample.get("chain_bandit_accused", 0) == 0
    played = [sample for sample in seen["relayer"] if sample.get("chain_bandit_round")]
    assert len(played) > 3
    for sample in played:
        upto = [sum(row.gas for at, row in rounds.items() if at <= sample["chain_bandit_round"] + more)
                for more in (-1, 2)]  # fmt: skip
        assert upto[0] <= sample["chain_bandit_gas_used"] <= upto[1], "the relayer's transactions are the records"


def test_ps_of_all_hosts_is_read_from_the_chain(composed: tuple[Path, str, dict[str, str]]) -> None:
    place, url, _ = composed
    made = here("ps", "game.json", "--rpc", url, "--json", cwd=place)
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    rounds = audited(place, url)
    assert said["round"] == (rounds[-1].round if rounds else 0)
    names = [each["name"] for each in said["accounts"]]
    assert names == ["environment", "relayer", "seat-0", "seat-1", "seat-2", "seat-3"]
    assert all(each["balance"] > 0 for each in said["accounts"])
    blocks = [row for row in rounds if row.means is not None]
    for seat, each in enumerate(said["accounts"][2:]):
        heard = [row.round for row in blocks if seat in row.reporters]
        assert each["reported"] == max(heard, default=0)
        assert each["missed"] == sum(row.round > each["reported"] for row in blocks)
    said = here("ps", "game.json", "--rpc", url, cwd=place).stdout
    assert "seat-3" in said
    assert "; balances in ETH of a development chain\n" in said
    assert here("ps", "game.json", "--rpc", "http://127.0.0.1:9", cwd=place).returncode == 5


def test_a_game_file_of_another_format_is_refused(composed: tuple[Path, str, dict[str, str]], tmp_path: Path) -> None:
    place, url, _ = composed
    game = json.loads((place / "game.json").read_text())
    for changed in (game | {"format": "chain-bandit-game/2"}, game | {"code_hash": "0x" + "11" * 32}):
        (tmp_path / "game.json").write_text(json.dumps(changed))
        made = here(
            "join", tmp_path / "game.json", "--key", "ann", "--listen", "127.0.0.1:9", cwd=place,
            ETH_PASSWORD="password", ETH_RPC_URL=url,
        )  # fmt: skip
        assert made.returncode == (3 if "/2" in changed["format"] else 6), made.stderr
        assert made.stderr.count("\n") == 1
