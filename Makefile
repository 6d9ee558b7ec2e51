# The two commands: `make run` and `make test`. Each sets up from nothing and says what it does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup run ui test test-long browser lint format lock sbom audit sample clean
.DEFAULT_GOAL := help

help:
	@echo "make run        set up (once) and run the pipeline: ingest, build, audit, release"
	@echo "make test       set up (once) and run the tests"
	@echo "make test-long  run what takes longer: kills, full disks, long simulations"
	@echo "make browser    install what tests need from Debian (root): Chromium, Java for the checker of HTML, nginx"
	@echo "make ui         the Dagster web interface on http://127.0.0.1:3000"
	@echo "make lint       check style, SQL and the direction of imports;  make format  apply the style"
	@echo "make setup      set up only: a virtual environment in $(VENV) with the locked packages"
	@echo "make lock       resolve requirements.lock anew (needs uv)"
	@echo "make sbom       what the software is made of, as CycloneDX: sbom.json (OUTPUT=FILE)"
	@echo "make audit      ask the public database whether a locked package has a known vulnerability (needs the internet)"
	@echo "make sample     make the bundled sample anew (ARGS: see ingest/sample/build.py)"
	@echo "make clean      remove the virtual environment and what the tools keep; no data"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed; %s is %d.%d. Set PYTHON=/path/to/python3.11." % (sys.executable, v[0], v[1]))'
	@echo "==> Setting up in $(VENV): a virtual environment with the locked packages (about two minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
	@echo "==> Set up"

run: $(STAMP)
	@echo "==> rdc run: ingest what changed, build, audit, release"
	@$(BIN)/rdc run $(ARGS)

test: $(STAMP)
	@echo "==> Running the tests, on all cores"
	@$(BIN)/python -m pytest --numprocesses auto $(ARGS)

test-long: $(STAMP)
	@echo "==> Running the long tests: kills, full disks, simulations"
	@$(BIN)/python -m pytest --numprocesses auto -m long $(ARGS)

# The tests of pages and of the web server in front skip, and say so, where these are not; nothing else needs them.
browser:
	@if command -v chromium >/dev/null && command -v java >/dev/null && command -v nginx >/dev/null; then :; \
	elif ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ]; then \
		echo "Chromium, Java and nginx are Debian's packages, and need apt-get as root: tests that need one will be skipped."; \
	else \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-liberation default-jre-headless nginx-light >/dev/null; \
	fi

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/sqlfluff lint --quiet --disable-progress-bar dbt_project && $(BIN)/mypy

format: $(STAMP)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

ui: $(STAMP)
	@$(BIN)/rdc ui

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-emit-index-url --no-emit-find-links --output-file requirements.lock

# Of what is installed: the licences of the packages are told by themselves.
# In an environment of its own: beside it jsonschema gets a parser of addresses, which costs every process that loads dbt 3.6 s.
sbom: $(STAMP)
	@$(PYTHON) -m venv $(VENV)-sbom && $(VENV)-sbom/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	@$(VENV)-sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --output-reproducible --of JSON --output-file $(or $(OUTPUT),sbom.json) $(VENV)

# Strict: a package that could not be asked about is a failure too, and not taken for a safe one.
audit: $(STAMP)
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

sample: $(STAMP)
	@$(BIN)/python -m ingest.sample.build $(ARGS)

clean:
	rm -rf $(VENV) $(VENV)-sbom .pytest_cache .ruff_cache .hypothesis
