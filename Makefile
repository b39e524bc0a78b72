# Two commands: `make demo` shows Promethios at work, `make test` proves it.
# Both do all their own set-up in .venv, on a machine with Python 3.11 or newer and make.

# The first that runs and is new enough: a name on the PATH may be a version manager's empty shim.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml $(shell find dashboards exporter governance receiver -type f -not -name '*.pyc')
PYTEST_ARGS ?=

.PHONY: demo test site audit coverage-page performance clean
.DEFAULT_GOAL := test

demo: $(VENV)/.demo
	$(BIN)/promethios demo $(DEMO_ARGS)

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy dashboards exporter governance receiver
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

# The documentation, into build/site.
site: $(VENV)/.test
	$(BIN)/mkdocs build --strict

# What is installed, against the known vulnerabilities of https://pypi.org/security: needs the network.
audit: $(VENV)/.test
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3'
	$(BIN)/python -m pip freeze --disable-pip-version-check --exclude promethios > $(VENV)/audited.txt
	$(VENV)/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement $(VENV)/audited.txt

# What is governed where, made by the tests that prove it.
coverage-page: $(VENV)/.test
	$(BIN)/python -m pytest -q -n 2 tests/governance --coverage-page=docs/coverage.md

# What was measured here and now: some ten minutes on a machine with nothing else to do.
performance: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.report

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "promethios needs Python 3.11 or newer on the PATH (or PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

# The wheel is what runs and what is tested: an editable install would hide what it lacks.
$(VENV)/.wheel: $(VENV)/.made $(SOURCES)
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	@touch $@

$(VENV)/.demo: $(VENV)/.wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(ls $(CURDIR)/build/wheel/*.whl)[demo]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@
