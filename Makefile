# Lockstep on a fresh machine: needs make and Python >= 3.11, nothing else. `make` alone says what there is.
PYTHON ?= python3
ARGS   ?=

VENV   := .venv
BIN    := $(VENV)/bin
# Somebody else's (make VENV=/other/checkout/.venv lint) is used as it is: to make it anew would empty what others use.
READY  := $(if $(filter .venv,$(VENV)),$(VENV)/.ready)
CODE   := wire server loadtest bench tools docs tests
LOCK   := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
            --no-header --no-annotate --no-emit-index-url --no-emit-find-links
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

# Nothing is measured in these: they may share the machine.
COMPUTE := -n auto --dist worksteal tests/unit tests/golden
# These start processes and measure nothing: two may run at once, those of a file one after another.
BESIDE := tests/integration/server tests/packaging tests/truth/test_oracle.py
MEASURE := --ignore=tests/unit --ignore=tests/golden $(addprefix --ignore=,$(BESIDE))
# pytest's exit code where ARGS choose no test of these.
NONE_CHOSEN := [ $$? -eq 5 ]

.DEFAULT_GOAL := help
.PHONY: help venv compare test unit truth-long coverage golden lint fuzz bench picture release sizes settings lock clean \
        python3.13t python3.13

help: ## Say what there is
	@echo "Lockstep: load tests of raw TCP services, and what synchronising costs a threaded server"
	@awk -F ':.*## ' '/^[a-z0-9.]+:.*## / { printf "  make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=python3.12 (which Python), ARGS='...' (more arguments for compare, test, bench, lock)"

venv: $(READY) ## Make .venv with everything locked in requirements/dev.txt
	@echo "venv: ready, $(BIN)/lockstep --help"

compare: $(READY) ## Compare the modes here, in about 2 minutes (ARGS='--modes free,lock --levels 1,8')
	@$(BIN)/lockstep compare $(ARGS)
	@$(if $(ARGS),:,echo 'How many connections can each serve? $(BIN)/lockstep find --modes free,lock --keep "response_p99 < 50ms"')

test: lint ## Run lint and every test; says what it left out and why (ARGS='-k ticket')
	@echo "test: $(or $(ARGS),every test): those that compute, on all cores"
	@$(BIN)/python -m pytest $(COMPUTE) $(ARGS) || $(NONE_CHOSEN)
	@echo "test: those that start processes and measure nothing, two at a time"
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(BESIDE) $(ARGS) || $(NONE_CHOSEN)
	@echo "test: those that measure, one at a time"
	@$(BIN)/python -m pytest $(MEASURE) $(ARGS) || $(NONE_CHOSEN)

unit: $(READY) ## Run the tests that start neither server nor Locust run, in a minute or two (ARGS='-k ticket')
	@$(BIN)/python -m pytest $(COMPUTE) $(ARGS)

truth-long: $(READY) ## Tell how often find's interval holds the limit of a long run, in some 20 minutes
	@$(BIN)/python -m tests.truth.long_find

coverage: $(READY) ## Measure which branches the tests in process reach (ARGS='tests/integration' measures others)
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(or $(ARGS),tests/unit tests/golden)
	@$(if $(ARGS),,$(BIN)/coverage run -m pytest -q tests/locust)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --sort=cover --skip-covered --show-missing | head -n 27
	@echo "coverage: $$($(BIN)/coverage report --format=total)% of lines and branches"

golden: $(READY) ## Write the golden files of what people read anew; read the change in git
	@$(BIN)/python -m pytest -q tests/golden --renew-golden

lint: $(READY) ## Run ruff and mypy --strict
	@echo "lint: ruff check, ruff format, mypy --strict"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check --diff .
	@$(BIN)/mypy --strict --no-error-summary $(CODE)

fuzz: $(READY) ## Fuzz the server's framings, sessions and admin port: a minute and 100,000 sessions at least
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} FUZZ_SESSIONS=$${FUZZ_SESSIONS:-100000} \
	  $(BIN)/python -m pytest -q -s --timeout 3600 tests/fuzz $(ARGS)

bench: $(READY) ## Measure the server and the load generator themselves
	@$(BIN)/python -m bench $(ARGS)

picture: $(READY) ## Make docs/report.png of a run's report (ARGS=results/<run id>; needs Chromium)
	@PYTHONPATH=. $(BIN)/python docs/picture.py $(ARGS)

release: $(READY) ## Build wheel and sdist into dist/, check them, tag the version of CHANGELOG; uploads nothing
	@$(BIN)/python -m tools.release

sizes: $(READY) ## Measure wheel, dependencies and installed size without extras and with each
	@$(BIN)/python -m tools.sizes

settings: $(READY) ## Write docs/settings.md, Compose's list and a dialogue's schema, from their tables
	@$(BIN)/python docs/settings.py

lock: $(READY) ## Renew requirements/*.txt from the .in files (ARGS=--upgrade for newer versions)
	@echo "lock: requirements/server.txt, loadtest.txt, dev.txt"
	@cd requirements && ../$(LOCK) $(ARGS) server.in -o server.txt
	@cd requirements && ../$(LOCK) $(ARGS) base.in report.in server.in -c server.txt -o loadtest.txt
	@cd requirements && ../$(LOCK) $(ARGS) base.in report.in server.in profile.in dev.in -c server.txt -c loadtest.txt -o dev.txt

python3.13t: ## Build Python 3.13 without the global lock into ~/.cache/lockstep, once, in some minutes (Debian)
	@tools/python.sh 3.13t

python3.13: ## The same with it: two that differ in nothing else, for `lockstep compare --python 3.13 --python 3.13t`
	@tools/python.sh 3.13

clean: ## Remove .venv and every cache; results/ stays
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

ifneq ($(READY),)
# Redone only when an input changes. A half-made .venv has no .ready, so the next make starts afresh.
$(READY): requirements/dev.txt $(wildcard requirements/*.in) pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "make: there is no $(PYTHON): install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), Lockstep needs 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@test ! -L $(VENV) || \
	  { echo "make: $(VENV) is a link: to make it anew would empty what others use; remove the link first" >&2; exit 2; }
	@echo "venv: $(VENV) from $$($(PYTHON) -V), the packages of requirements/dev.txt"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
endif
