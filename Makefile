# The commands of the project. `make help` lists them.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=

PYTEST    := $(BIN)/python -X dev -m pytest --dist worksteal --numprocesses
REALSTACK := $(BIN)/python -m soak.stack.namespace
# A choice of tests (ARGS) may leave one of the two runs with none: pytest's exit status 5.
NONE_IS_FINE = $(if $(ARGS),|| [ $$? -eq 5 ])

.PHONY: help setup demo serve test realstack check format docs lock clean
.DEFAULT_GOAL := help

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Build .venv from the lock files (quick when nothing changed)

$(READY): pyproject.toml requirements-dev.lock
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: roomscribe needs Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "The venv module of $(PYTHON) is missing: apt-get install python3.11-venv" >&2; exit 1; }
	@echo "building $(VENV), which takes a minute or two" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . >&2
	@touch $@

demo: setup ## Run the main job on shipped speech: speakers talk, captions appear (ARGS="--once --json")
	@$(BIN)/roomscribe demo $(ARGS)

serve: setup ## Serve the API for a chat server (settings: see README)
	@$(BIN)/roomscribe serve

test: setup check realstack ## Set everything up, then run linters, type checks and all tests (ARGS="-k name")
	$(PYTEST) 3 --ignore tests/realstack $(ARGS) $(NONE_IS_FINE)
	$(REALSTACK) $(PYTEST) 5 tests/realstack $(ARGS) $(NONE_IS_FINE)

realstack: ## Install the real HPB and Janus for the tests (as root, on Debian or Ubuntu)
	@tests/realstack/install || echo "The real stack cannot be installed here: its tests will be skipped, or fail in CI" >&2

check: setup ## Lint and type-check only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: setup ## Write the pages that are made of the code
	$(BIN)/roomscribe config docs > docs/settings.md
	$(BIN)/python -m api.metrics_docs > docs/metrics.md

lock: setup ## Pin the dependencies of pyproject.toml anew, with hashes
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile $(LOCK) --extra tiny-en --extra demo -o requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --extra tiny-en --extra demo --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

LOCK := --quiet --upgrade --generate-hashes --no-header --no-annotate --strip-extras --allow-unsafe \
	--no-emit-options

clean: ## Remove what setup and the tools made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
