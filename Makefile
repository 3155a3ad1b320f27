# Textgate: `make demo` and `make test` do their own set-up in .venv; nothing else is needed.
SHELL := /bin/sh
PY := .venv/bin/python
# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3.13 …`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: help demo up test test-fast check format exactly-once millions docs lock bench plots formatting clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime ## Play a whole conversation on this machine: no account, no server, no root.
	@.venv/bin/textgate demo

up: .venv/.runtime ## Run the gateway with the stand-in for Twilio until Ctrl-C.
	@.venv/bin/textgate up --sandbox

test: .venv/.dev ## Run every test: unit, integration on a real Redis, journeys with real processes.
	$(PY) -m pytest -n auto

test-fast: .venv/.dev ## Run the unit tests only.
	$(PY) -m pytest tests/unit -q

check: .venv/.dev ## Format, lint, types, the import contract.
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/.dev ## Put the code into the house style.
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: .venv/.dev ## Measure ingress, engine, pipeline and scale beside what people run instead (bench/install-peers first), renew the pages.
	$(PY) -m bench; status=$$?; $(PY) -m bench.pages; exit $$status

plots: .venv/.dev ## Renew plots, tables and the summary of the ratios from bench/results/*.json.
	$(PY) -m bench.pages

formatting: .venv/.dev ## Set 25 replies beside OpenClaw's formatter; writes docs/formatting.md. See tools/node-packages.
	$(PY) -m bench.formatting

millions: .venv/.dev ## Hold the signature check against the SDK on a million requests per property, and a million webhooks.
	TEXTGATE_EXAMPLES=1000000 TEXTGATE_FUZZ=1000000 $(PY) -m pytest tests/unit/test_signature.py tests/fuzz --timeout 0

exactly-once: .venv/.dev ## 2,000 texts under random faults and kills; SEED=n repeats a run.
	$(PY) -m tests.exactly_once $(if $(SEED),--seed $(SEED))

docs: .venv/.dev ## Write the generated pages anew from the code.
	$(PY) -m tools.configuration_docs
	$(PY) -m tools.troubleshooting_docs
	$(PY) -m tools.metrics_docs
	$(PY) -m bench.pages

lock: .venv/.dev ## Renew both lock files from pyproject.toml.
	./tools/lock

clean: ## Remove the environment and every cache.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Textgate needs Python 3.11 or newer; install it, or run: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/python
	@test -e .venv/.dev || ./tools/install requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@./tools/install requirements-dev.lock
	@touch $@ .venv/.runtime
