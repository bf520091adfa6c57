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

# A test plays few rounds: the kernel is compiled in half the time, and plays them in 1.4 times what it takes users.
test: export NUMBA_OPT = 1
test: .venv/dev .venv/torch node_modules/ready ## all tests
	@$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report= --cov-report=xml $(COUNTED)
	@$(BIN)/python scripts/coverage_floor.py
	@$(BIN)/pytest -n 2 --dist worksteal --durations=30 --unless-played $(COUNTED:%=--ignore=%)

check: .venv/dev node_modules/ready .venv-slither/ready ## lint, types, solhint, bugs of solc, slither, then all tests: what must hold before a commit
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@node_modules/.bin/solhint --noPoster --max-warnings 0 'contracts/**/*.sol'
	@$(BIN)/python -m scripts.check_solc
	@$(BIN)/python -m scripts.run_slither
	@$(MAKE) test

docs: .venv/dev ## the documentation site, its notebooks executed: build/site/index.html
	@$(BIN)/python -m scripts.build_site

# FOUNDRY_PROFILE=deep: 1e5 runs a property (1e4 of whole games) and 500 x 500 calls.
forge: .venv/dev node_modules/ready ## fuzz and attack the shipped contract; larger budgets with FOUNDRY_PROFILE=deep
	@$(FORGE) test

mutants: .venv/dev node_modules/ready ## change the contracts in one place at a time: do the tests notice?
	@mkdir -p runs
	@$(BIN)/python -m scripts.mutate_contracts --json runs/mutants.jsonl

symbolic: .venv/dev node_modules/ready .venv-halmos/ready ## halmos proves on the shipped code that money is conserved and that a quorum ends a round
	@$(BIN)/pytest -m deep tests/symbolic

deep: .venv/dev node_modules/ready .venv-slither/ready .venv-halmos/ready .venv-next/ready ## the larger budgets: before an issue is closed
	@$(BIN)/pytest -n 2 --dist worksteal -m deep
	@.venv-next/bin/python -m pytest -p no:cacheprovider tests/unit/foreign tests/unit/testing
	@PY_EVM=1 $(BIN)/pytest -n 2 --dist worksteal tests/contracts

artifacts: .venv/dev node_modules/ready ## compile contracts/ into the package
	@$(BIN)/python scripts/build_artifacts.py

lock: .venv/dev ## resolve the dependencies anew
	@$(BIN)/uv lock -q --upgrade
	@$(BIN)/uv export -q --no-emit-project --no-header -o requirements.lock
	@$(BIN)/uv export -q --all-extras --no-extra mediate --no-emit-project --no-header -o requirements-dev.lock
	@printf 'hatchling\neditables\n' | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--constraints requirements-dev.lock --generate-hashes --no-header --no-annotate -o scripts/build.lock -
	@echo slither-analyzer==0.11.6 | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -o scripts/slither.lock -
	@echo halmos==0.3.3 | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate -o scripts/halmos.lock -

snapshots: .venv/dev node_modules/ready ## record interface, storage, sizes and gas of the contracts anew
	@WRITE_SNAPSHOTS=1 $(BIN)/pytest tests/contracts/test_snapshots.py tests/contracts/test_gas.py
	@$(BIN)/python benchmarks/gas.py --snapshot tests/snapshots/gas_rounds.json --write
	@$(BIN)/python benchmarks/gas.py --committees --snapshot tests/snapshots/gas_rounds_committees.json --write
	@$(BIN)/python benchmarks/gas.py --proofs --snapshot tests/snapshots/gas_rounds_proofs.json --write

figures: .venv/dev .venv-peers/ready ## the pictures of docs/results.md, the numbers in them, and the tables of the pages
	@mkdir -p runs
	@$(BIN)/python benchmarks/speed.py --peers .venv-peers/bin/python --json > runs/speed.json
	@$(BIN)/python science/figures.py --speed runs/speed.json
	@$(BIN)/python -m science.communication --plot docs/figures/communication.svg
	@$(BIN)/python -m science.pages

clean: ## forget the set-up
	rm -rf .venv .venv-slither .venv-halmos .venv-peers .venv-next node_modules

# What a game and its audit need, 0.3 GB; developers' tools come with .venv/dev. Both are locked by hashes. uv installs both.
.venv/ready: requirements.lock scripts/build.lock pyproject.toml
	@echo "setting up .venv (once; half a minute, and a download of 100 MB unless the cache has it)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/^ *#/p' requirements-dev.lock > .venv/uv.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock -r scripts/build.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements-dev.lock | .venv/ready
	@echo "setting up the developers' tools in .venv (once)" >&2
	@$(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

# PyTorch, for the learners of MEDIATE alone: the wheel for the processor, 190 MB, where pip is offered one (docs/mediate.md).
# The index has but one with CUDA, gigabytes, which nobody gets unasked: their tests are skipped then, and pytest says so.
# scripts/torch.lock has the hash of the wheel for CPython 3.11 on x86-64 Linux; others are not taken.
.venv/torch: scripts/torch.lock | .venv/dev
	@echo "setting up PyTorch in .venv (a minute, once)" >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-compile --require-hashes -r $< 2>/dev/null && touch $@ \
		|| echo "pip is offered no wheel of $<: what learns is not tested" >&2

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
			"install one, or say where it is: make .venv-next/ready NEXT_PYTHON=/path/to/python" >&2; exit 2; }
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --require-hashes -r requirements.lock -r scripts/build.lock
	@sed -nE '/^(pytest|pytest-timeout|hypothesis)==/,/^ *#/p' requirements-dev.lock > .venv-next/tests.lock
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --require-hashes --constraints requirements-dev.lock -r .venv-next/tests.lock
	@$(BIN)/uv pip install -q --python .venv-next/bin/python --no-deps --no-build-isolation -e .
	@touch $@
