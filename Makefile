# Two commands matter: `make demo` and `make test`. Each does all its own set-up, once.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

FORGE := node_modules/@foundry-rs/forge-$(shell uname -s | tr A-Z a-z)-$(patsubst x86_64,amd64,$(patsubst aarch64,arm64,$(shell uname -m)))/bin/forge

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo: .venv/ready ## ten participants, three of them malicious, learn which airline is most often on time
	@$(BIN)/chain-bandit demo

tools: .venv/dev node_modules/ready ## Anvil, Hardhat, cast, Ray and the test tools, for games on other chains and as processes

# What the protocol's branches are counted in: these alone reach the floor. The others run without, which is three times as fast.
COUNTED = tests/unit/protocol tests/unit/consensus

test: .venv/dev .venv/torch node_modules/ready ## all tests
	@$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report= --cov-report=xml $(COUNTED)
	@$(BIN)/python scripts/coverage_floor.py
	@$(BIN)/pytest -n 2 --dist worksteal --durations=30 $(COUNTED:%=--ignore=%)

check: lint types static test ## everything that must hold before a commit

lint: .venv/dev
	@$(BIN)/ruff check .

types: .venv/dev
	@$(BIN)/mypy

static: .venv/dev node_modules/ready .venv-slither/ready ## slither and solhint over contracts/
	@node_modules/.bin/solhint --noPoster --max-warnings 0 'contracts/**/*.sol'
	@$(BIN)/python -m scripts.run_slither

forge: .venv/dev node_modules/ready ## fuzz and attack the shipped contract, small budgets
	@$(FORGE) test

mutants: .venv/dev node_modules/ready ## change the contracts in one place at a time: do the tests notice?
	@mkdir -p runs
	@$(BIN)/python -m scripts.mutate_contracts --json runs/mutants.jsonl

contracts-deep: .venv/dev node_modules/ready ## the same with 1e5 runs a property (1e4 of whole games) and 500 x 500 calls
	@FOUNDRY_PROFILE=deep $(FORGE) test

symbolic: .venv/dev node_modules/ready .venv-halmos/ready ## halmos proves on the shipped code that money is conserved and that a quorum ends a round
	@$(BIN)/pytest -m deep tests/symbolic

deep: .venv/dev node_modules/ready .venv-slither/ready .venv-halmos/ready .venv-next/ready ## the larger budgets: before an issue is closed
	@$(BIN)/pytest -n 2 --dist worksteal -m deep
	@.venv-next/bin/python -m pytest -p no:cacheprovider tests/unit/foreign tests/unit/testing
	@PY_EVM=1 $(BIN)/pytest -n 2 --dist worksteal tests/contracts

artifacts: .venv/dev node_modules/ready ## compile contracts/ into the package
	@$(BIN)/python scripts/build_artifacts.py

verification: .venv/dev node_modules/ready ## compiler inputs and metadata of the contracts, for Sourcify and explorers
	@$(BIN)/python scripts/build_artifacts.py --verification build/verification
	@echo build/verification

lock: .venv/dev ## resolve the dependencies anew
	@$(BIN)/uv lock -q --upgrade
	@$(BIN)/uv export -q --no-emit-project --no-header -o requirements.lock
	@$(BIN)/uv export -q --all-extras --no-extra mediate --no-emit-project --no-header -o requirements-dev.lock
	@echo slither-analyzer==0.11.6 | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -o scripts/slither.lock -
	@echo halmos==0.3.3 | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -o scripts/halmos.lock -

bench: .venv/dev ## rounds a second and where the time goes, by number of validators
	@$(BIN)/python benchmarks/rounds.py

snapshots: .venv/dev node_modules/ready ## record interface, storage, sizes and gas of the contracts anew
	@WRITE_SNAPSHOTS=1 $(BIN)/pytest tests/contracts/test_snapshots.py tests/contracts/test_gas.py
	@$(BIN)/python benchmarks/gas.py --snapshot tests/snapshots/gas_rounds.json --write
	@$(BIN)/python benchmarks/gas.py --committees --snapshot tests/snapshots/gas_rounds_committees.json --write
	@$(BIN)/python benchmarks/gas.py --proofs --snapshot tests/snapshots/gas_rounds_proofs.json --write

comparison: .venv/dev ## the secure comparison among 3 and 5 parties, beside MPyC alone
	@$(BIN)/python benchmarks/comparison.py

gas: .venv/dev ## gas of a recorded round by size, mode and batch, beside the goals and the committed figures
	@$(BIN)/python benchmarks/gas.py --snapshot tests/snapshots/gas_rounds.json

live: .venv/dev node_modules/ready ## speed on a live node, against what node and signatures allow
	@$(BIN)/python benchmarks/live.py

theorems: .venv/dev ## every theorem inside, at and outside its assumption: regret by its parts
	@$(BIN)/python benchmarks/theorems.py

commanders: .venv/dev ## Theorem 5: rounds without an honest commander, who is found out when, what commanders cost
	@$(BIN)/python benchmarks/commanders.py

committees: .venv/dev ## Theorem 7: who sits among the N best by reputation, who holds the committee
	@$(BIN)/python benchmarks/committees.py

growth: .venv/dev ## how every theorem's regret grows from T = 10^3 to 10^6, part by part; what security costs (four hours and a half of CPU)
	@$(BIN)/python benchmarks/growth.py --json docs/figures/growth.jsonl
	@$(BIN)/python -m benchmarks.pages

price: .venv/dev ## what security costs our rule and Options 1 and 2: burn-in, failed rounds and costs switched on (ten minutes of CPU)
	@$(BIN)/python -m benchmarks.price --json docs/figures/price.jsonl
	@$(BIN)/python -m benchmarks.pages

payoff: .venv/dev ## does attacking pay? every attack under every cost, and the best response by search
	@$(BIN)/python benchmarks/payoff.py --replicates 100 --screen 20 --json docs/figures/payoff.jsonl
	@$(BIN)/python benchmarks/payoff.py --replicates 100 --screen 20 --slash 0.01 --json docs/figures/payoff_slash.jsonl
	@$(BIN)/python benchmarks/payoff.py --replicates 50 --screen 10 --slash 0.01 --cells --json docs/figures/payoff_cells.jsonl
	@$(BIN)/python -m benchmarks.pages

schedules: .venv/dev ## 10^5 schedules of the consensus under attack: do the honest agree, is anybody honest blamed?
	@$(BIN)/python benchmarks/schedules.py

schedules-nodes: .venv/dev ## 10^5 schedules of the loop of nodes in virtual time: is any honest report left out that was in time? (an hour of CPU)
	@$(BIN)/python benchmarks/schedules.py --nodes

schedules-receipts: .venv/dev ## 10^5 schedules of receipts, settlements and proofs of false reports: is anybody honest convicted? (an hour of CPU)
	@$(BIN)/python benchmarks/schedules.py --receipts

withheld: .venv/dev node_modules/ready ## 200 blocks of processes: a view that lags, last envelopes withheld from it
	@$(BIN)/python benchmarks/withheld.py

schedules-deep: .venv/dev ## 3 x 10^6 with every m up to n - 2, and 10^4 with true signatures (a night)
	@mkdir -p runs
	@$(BIN)/python benchmarks/schedules.py --true --schedules 10000 --every-m --json runs/schedules.jsonl
	@$(BIN)/python benchmarks/schedules.py --schedules 3000000 --every-m --json runs/schedules.jsonl

late: .venv/dev ## what either quorum promises when 0, 1, 5, 20 % of the messages are late
	@$(BIN)/python benchmarks/late.py

consensus: .venv/dev ## messages, bytes, signatures and time of consensus, beside its signatures alone
	@$(BIN)/python benchmarks/consensus.py

rivals: .venv/dev ## the rivals on their own set-ups and under every attack: regret, what is sent for it (hours of CPU)
	@$(BIN)/python benchmarks/rivals.py zhu attacks swarmgov fed-mom --replicates 200 --json docs/figures/rivals.jsonl
	@$(BIN)/python benchmarks/rivals.py vial --replicates 20 --horizon 100000 --json docs/figures/rivals.jsonl
	@$(BIN)/python -m benchmarks.pages

rules: .venv/dev ## every rule of aggregation under every attack that lies: table and heat map; goes on where it was stopped (an hour of CPU)
	@$(BIN)/python -m benchmarks.rules --json docs/figures/rules.jsonl
	@$(BIN)/python -m benchmarks.rules --equal 20
	@$(BIN)/python -m benchmarks.pages

RULE ?= huber-one-step
search: .venv/dev ## the worst lie of a family against RULE, by search; goes on where it was stopped
	@mkdir -p cache
	@$(BIN)/python -m benchmarks.search --rule $(RULE) --candidates cache/search-$(RULE).jsonl

speed: .venv/dev .venv-peers/ready ## agent-steps a CPU second of the simulator, beside two bandit libraries
	@$(BIN)/python benchmarks/speed.py --peers .venv-peers/bin/python

figures: .venv/dev .venv-peers/ready ## the pictures of docs/results.md, the numbers in them, and the tables of the pages
	@mkdir -p runs
	@$(BIN)/python benchmarks/speed.py --peers .venv-peers/bin/python --json > runs/speed.json
	@$(BIN)/python benchmarks/figures.py --speed runs/speed.json
	@$(BIN)/python -m benchmarks.communication --plot docs/figures/communication.svg
	@$(BIN)/python -m benchmarks.pages

kills: .venv/dev node_modules/ready ## nodes killed at every named place, three times each, and 200 times at random: is anything lost?
	@mkdir -p runs
	@$(BIN)/python benchmarks/kills.py --json runs/kills.jsonl

siege: .venv/dev node_modules/ready ## a game of processes under siege beside the same left alone: blocks a second, memory
	@$(BIN)/python benchmarks/siege.py

live-nodes: .venv/dev node_modules/ready ## 1,000 rounds by 4, 7, 10 seats as processes: blocks a second, CPU, memory, one digest
	@mkdir -p runs
	@$(BIN)/python benchmarks/live_nodes.py --json runs/live_nodes.jsonl

audit: .venv/dev node_modules/ready ## an audit's rounds a second beside its bare signature checks, its memory, an export's bytes; a game on Anvil beside it
	@$(BIN)/python benchmarks/audit.py --rounds 2000 10000
	@$(BIN)/python benchmarks/audit.py --anvil 200

tampering: .venv/dev ## every byte of a history changed once, 10^4 at random, 1,500 larger edits: detected? located? 2,000 calls too many: as the contract? (an hour of CPU)
	@mkdir -p runs
	@$(BIN)/python benchmarks/tampering.py --edits 1500 --json runs/tampering.jsonl
	@$(BIN)/python benchmarks/splicing.py --json runs/splicing.jsonl

honest: .venv/dev node_modules/ready ## 1,000 random games, audited twice over: does an audit ever find what is not there? (ten minutes of CPU)
	@mkdir -p runs
	@$(BIN)/python benchmarks/honest.py --chain embedded --seeds 900 940 --json runs/honest.jsonl
	@$(BIN)/python benchmarks/honest.py --chain anvil --seeds 940 970 --json runs/honest.jsonl
	@$(BIN)/python benchmarks/honest.py --chain hardhat --seeds 970 1000 --json runs/honest.jsonl
	@$(BIN)/python benchmarks/honest.py --chain fast --seeds 0 900 --json runs/honest.jsonl

verdicts: .venv/dev .venv-next/ready node_modules/ready ## the same run and audit, on two Pythons, four hash seeds, every chain, from export and node, byte for byte
	@$(BIN)/python -m scripts.same_verdicts .venv/bin .venv-next/bin
	@$(BIN)/pytest -m deep tests/integration/test_verdicts.py

mediate-speed: .venv/torch ## CPU time of an epoch of MEDIATE's games beside the authors' code
	@$(BIN)/python -m benchmarks.mediate

mediate-bandits: .venv/dev ## what tokens do to UCB1's regret, beside rewards that are merely scaled (a minute)
	@$(BIN)/python benchmarks/rivals.py zhu swarmgov --only ucb1 --replicates 100 --json docs/figures/mediate_bandits.jsonl \
		--incentive mate auto-mate mediate-i mediate-s benchmarks.scaled:doubled benchmarks.scaled:nine_tenths
	@$(BIN)/python -m benchmarks.pages

vrf: .venv/dev ## time of a VRF proof and its verification, against the curve multiplications in them
	@$(BIN)/python benchmarks/vrf.py

clean: ## forget the set-up
	rm -rf .venv .venv-slither .venv-halmos .venv-peers .venv-next node_modules

# What a game and its audit need, 0.9 GB; developers' tools come with .venv/dev. Both are locked by hashes. uv installs both.
.venv/ready: requirements.lock pyproject.toml
	@echo "setting up .venv (once; half a minute, and a download of 240 MB unless the cache has it)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-dev.lock)"
	@$(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock | .venv/ready
	@echo "setting up the developers' tools in .venv (once)" >&2
	@$(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

# PyTorch, for the learners of MEDIATE alone: the wheel for the processor, 190 MB, where pip is offered one (docs/mediate.md).
# The index has but one with CUDA, gigabytes, which nobody gets unasked: their tests are skipped then, and pytest says so.
TORCH := torch==2.13.0+cpu

.venv/torch: | .venv/dev
	@echo "setting up PyTorch in .venv (a minute, once)" >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-compile $(TORCH) 2>/dev/null && touch $@ \
		|| echo "pip is offered no $(TORCH): what learns is not tested" >&2

node_modules/ready: package-lock.json | .venv/dev
	@echo "setting up node_modules (once)" >&2
	@npm ci --silent --no-audit --no-fund
	@touch $@

.venv-slither/ready: scripts/slither.lock | .venv/dev
	@echo "setting up .venv-slither (once)" >&2
	@test -x .venv-slither/bin/python || $(BIN)/python -m venv .venv-slither
	@$(BIN)/uv pip install -q --python .venv-slither/bin/python --require-hashes -r scripts/slither.lock
	@touch $@

.venv-halmos/ready: scripts/halmos.lock | .venv/dev
	@echo "setting up .venv-halmos (once)" >&2
	@test -x .venv-halmos/bin/python || $(BIN)/python -m venv .venv-halmos
	@$(BIN)/uv pip install -q --python .venv-halmos/bin/python --require-hashes -r scripts/halmos.lock
	@touch $@

.venv-peers/ready: scripts/peers.lock | .venv/dev
	@echo "setting up .venv-peers (once)" >&2
	@test -x .venv-peers/bin/python || $(BIN)/python -m venv .venv-peers
	@$(BIN)/uv pip install -q --no-config --python .venv-peers/bin/python --require-hashes -r scripts/peers.lock
	@touch $@

# The first of these that is installed (pyenv's are asked for by name) or that uv can download.
NEXT_PYTHON ?= 3.12 3.13

.venv-next/ready: requirements.lock | .venv/dev
	@echo "setting up .venv-next with another Python (once)" >&2
	@test -x .venv-next/bin/python || for version in $(NEXT_PYTHON); do UV_HTTP_RETRIES=0 PYENV_VERSION=$$version \
		$(BIN)/uv venv -q --python $$version .venv-next 2>/dev/null && break; done; \
		test -x .venv-next/bin/python || { echo "no Python of $(NEXT_PYTHON) is installed, and uv cannot download one:" \
			"install one, or say where it is: make verdicts NEXT_PYTHON=/path/to/python" >&2; exit 2; }
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --constraints requirements-dev.lock pytest pytest-timeout hypothesis
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --no-deps -e .
	@touch $@
