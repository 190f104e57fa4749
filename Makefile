# The commands of a person who works with a checkout. Belongs here: one line for each; what they do is in tools/, in the
# command `fluint` and in the tests. Works with GNU make 3.81, which is what macOS has.
# PYTHON=/path/to/python3.12 chooses the interpreter of `make install`; ARGS="-k stage" is added to pytest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install demo ui test test-all test-long check format lock pictures prepare clean clean-data
export PYTHON
# Without compiled bytecode every process that we start takes twice as long to import.
unexport PYTHONDONTWRITEBYTECODE
export DBT_SEND_ANONYMOUS_USAGE_STATS := 0

BIN := .venv/bin
# Three workers on two cores, for a third of the time is waiting; each with whole files: a file's tests share an org or a database that takes seconds to make.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

install: ## install everything from the lock into .venv; does nothing the second time
	@tools/install

demo: prepare ## run the whole way once before your eyes, against a Salesforce org on this machine
	@$(BIN)/fluint demo

ui: prepare ## open the same project in the Dagster UI, on 127.0.0.1:3000; Ctrl-C ends it
	@$(BIN)/fluint ui

test: prepare ## run the tests (minutes)
	@$(PYTEST) -m "not slow and not long" $(ARGS)

test-all: prepare ## run the slow tests too (up to 45 minutes)
	@$(PYTEST) -m "$(or $(MARKERS),not long)" $(ARGS)

test-long: prepare ## run only what takes longer than that
	@$(PYTEST) -m long $(ARGS)

check: install ## lint, format, types and imports between rooms, without the tests
	@$(PYTEST) tests/conventions -m "not long" -q $(ARGS)

format: install ## let ruff format and repair what it can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

prepare: install ## parse the dbt project, if its files changed
	@$(BIN)/python -c "from orchestration import modelling; modelling.prepare()"

pictures: prepare ## take the README's pictures anew, in Chromium, from a workspace of its own (minutes)
	@$(BIN)/python -m tests.browser.pictures

lock: install ## resolve the dependencies of pyproject.toml anew, within its bounds
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --only-binary :all: \
	  --custom-compile-command "make lock" --group dev pyproject.toml --output-file requirements.lock

clean: ## remove the environment and caches; data stays
	@echo "Removing .venv, caches and what dbt compiled. Data in .fluint stays: make clean-data removes it."
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dbt_project/target dbt_project/logs
	@find orchestration local_org tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Started as root, Postgres runs as another user, for whom its files lie outside and .fluint links to them.
clean-data: ## remove the data of the demo and of the local org on this machine
	@echo "Removing .fluint: the embedded Postgres and the local org of this checkout, with all they hold."
	@find .fluint -type l -exec readlink {} + 2>/dev/null | grep '^/var/lib/fluint/postgres-' | xargs rm -rf
	@rm -rf .fluint
