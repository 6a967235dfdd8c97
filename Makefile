# Everything here sets up what it needs: git, make and Python 3.11 or newer are enough.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$python && break; done)
UV := .uv/bin/uv
RUN := .venv/bin/python -m

# The system's certificates, so that a company's own network works; no Python but the one we have.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON := $(PYTHON)
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv

READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help run demo observe up down test long faults nightly bench check format docs observability contract release-contract preview-mail screenshots dashboards-pictures analytics topics dead token clean-data clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## Start the desk and follow it live; Ctrl-C stops it (CATALOGUE=demo for targets in seconds)
	@$(RUN) deploy.local run $(if $(CATALOGUE),--catalogue $(CATALOGUE))

demo: $(READY) ## Send a ticket for each plan through a desk and check every promise
	@$(RUN) deploy.local demo

observe: $(READY) ## Run a Prometheus beside the running desk, with our rules (PORT=9090)
	@$(RUN) deploy.local observe $(if $(PORT),--port $(PORT))

up: ## Build and start everything on a Docker engine, and wait until it is ready (docs/running.md)
	@docker compose -f deploy/compose.yaml up --build --detach --wait

down: ## Stop what make up has started; its data stays (ARGS=--volumes: that goes, too)
	@docker compose -f deploy/compose.yaml down $(ARGS)

test: $(READY) ## Run all tests, three files at a time (ARGS="-n0 tests/unit": one at a time, and only these)
	@$(UV) sync --locked --quiet --group chart
	@$(RUN) pytest -n 3 --no-loadscope-reorder --durations 20 $(ARGS)

long: $(READY) ## Run the tests that make test leaves out: faults under load, and every page in every look
	@$(RUN) pytest -m long --ignore=tests/faults $(ARGS)

faults: $(READY) ## Cause the fault behind each alert in a running desk, and see it fire and end (Prometheus has to be there)
	@$(RUN) pytest -n 2 -m "" --durations 20 tests/faults $(ARGS)

nightly: $(READY) ## Run the tests that draw their own cases, 10,000 each: takes an hour or more
	@$(RUN) pytest -m hypothesis --hypothesis-profile=nightly --timeout=0 $(ARGS)

bench: $(READY) ## Measure what is promised (ARGS="working_time --quick" picks and shortens)
	@$(RUN) benchmarks $(ARGS)

check: $(READY) ## Lint, types, imports, generated documents, the events' contract: about a minute
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@$(RUN) deploy.event_docs --check
	@$(RUN) deploy.settings_docs --check
	@$(RUN) deploy.metrics_docs --check
	@$(RUN) deploy.prometheus --check
	@$(RUN) deploy.grafana --check
	@$(RUN) deploy.helm --check
	@$(RUN) deploy.contract

format: $(READY) ## Put the code into the one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

docs: $(READY) ## Write docs of events, settings and metrics anew from the code
	@$(RUN) deploy.event_docs
	@$(RUN) deploy.settings_docs
	@$(RUN) deploy.metrics_docs
	@$(RUN) deploy.helm

observability: $(READY) ## Write Prometheus' rules and their tests, and Grafana's boards, anew from the code
	@$(RUN) deploy.prometheus
	@$(RUN) deploy.grafana
	@$(RUN) deploy.helm

contract: $(READY) ## Say what changed in the events since the last release; a break of any reader fails
	@$(RUN) deploy.contract

release-contract: $(READY) ## Keep the events as they are now as the project's version; refuses breaks
	@$(RUN) deploy.contract --release

preview-mail: $(READY) ## Write every mail as HTML and as pictures to build/mail-previews (ARGS=--html-only)
	@$(RUN) deploy.mail_preview $(ARGS)

screenshots: $(READY) ## Take pictures of every page to build/screenshots (ARGS="--only inbox")
	@$(RUN) deploy.screenshots $(ARGS)

dashboards-pictures: $(READY) ## Take pictures of every dashboard from a desk at work (ARGS="--minutes 5")
	@$(RUN) deploy.grafana.pictures $(ARGS)

analytics: $(READY) ## Read the running desk's stream into Parquet and report on it (ARGS="--zone Europe/Berlin")
	@stream="$(CARELINE_KAFKA)"; \
	case " $(ARGS)" in *" --kafka"*|*" --as-they-are"*|*" --help"*|*" -h"*) ;; *) \
		test -n "$$stream" || stream=$$($(RUN) deploy.local address kafka) || exit 1;; esac; \
	$${stream:+env CARELINE_KAFKA="$$stream"} $(RUN) deploy.analytics $(ARGS)

topics: $(READY) ## Show each topic as declared and as found (ARGS=--repair, ARGS="--partitions 24": dry unless --yes)
	@$(RUN) deploy.topics $(ARGS)

dead: $(READY) ## Show what services could not handle, and put it back (ARGS="--replay sla 17 --dry-run")
	@$(RUN) deploy.dead $(ARGS)

token: $(READY) ## Print a bearer token for the running desk (ROLE=agent, ACCOUNT=…)
	@$(RUN) deploy.local token --role $(or $(ROLE),agent) $(if $(ACCOUNT),--account $(ACCOUNT))

clean-data: $(READY) ## Remove the desk's data; refuses while it runs
	@$(RUN) deploy.local clean

clean: ## Remove what was set up, but not the data
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(UV): deploy/local/uv.txt
	@test -n "$(PYTHON)" || { echo "Careline needs Python 3.11 or newer; say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up: uv (once)"
	@rm -rf .uv
	@$(PYTHON) -m venv .uv || { rm -rf .uv; echo "This Python has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/local/uv.txt || \
		{ rm -rf .uv; echo "uv could not be fetched from the Python package index: is the network there?" >&2; exit 1; }
	@touch $(UV)

$(READY): $(UV) pyproject.toml uv.lock
	@echo "Setting up: Python packages"
	@$(UV) sync --locked --quiet || { echo "The packages could not be fetched; once the network is there, run the same again." >&2; exit 1; }
	@touch $(READY)
