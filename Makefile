# Everything happens in .venv, made on first use from pyproject.toml. Nothing is installed elsewhere.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TOOLS := .venv/tools

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint typecheck layers format install soak bench screenshots build audit clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## watch a realistic live job, with failures to look into
	$(BIN)/contexta-tui --demo

test: lint typecheck layers test-fast ## all checks, fast ones first; what CI runs

lint: $(INSTALLED) ## formatting and lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

typecheck: $(INSTALLED) ## mypy, strict
	$(BIN)/mypy

layers: $(INSTALLED) ## imports point downwards only
	$(BIN)/lint-imports --no-logo

test-fast: $(INSTALLED) ## the tests only
	$(BIN)/pytest -n 3 -m "not soak"

format: $(INSTALLED) ## format the code and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(INSTALLED) ## set up .venv, which every other target does too

soak: $(INSTALLED) ## long fault and endurance runs; PART=tests/faults/… for one of them
	rm -rf .soak
	@$(BIN)/python -m pip install --quiet --group fuzz || echo "without the fuzzer: it cannot be installed here"
	@code=0; FAULT_FIGURES="$(CURDIR)/.soak" $(BIN)/pytest -n 3 --dist worksteal -m soak --timeout 3600 $(PART) || code=$$?; \
		$(BIN)/python -m tests.faults.figures .soak $(if $(PART),--keep) && exit $$code

bench: $(INSTALLED) ## run every benchmark; with FULL=1 on ten million records too
	$(BIN)/python benchmarks/run_all.py $(if $(FULL),--full)

screenshots: $(INSTALLED) ## draw the pictures of the README again
	$(BIN)/python screenshots/take.py

build: $(TOOLS) ## wheel and source distribution, into dist/
	rm -rf dist
	$(TOOLS)/bin/python -m build

audit: $(INSTALLED) $(TOOLS) ## known vulnerabilities in the dependencies
	@$(BIN)/python .ci/audit.py $(TOOLS)/bin/pip-audit "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

clean: ## remove all that was made here, .venv too
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .soak
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed, '$(PYTHON)' is not: try 'make PYTHON=python3.13'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "'$(PYTHON)' lacks the venv module: install it (on Debian and Ubuntu: python3-venv)." >&2; exit 1; }
	@echo "Setting up .venv; this takes a minute, once."
	@$(PYTHON) -m venv .venv
	@# A new venv may bring a pip that does not know dependency groups yet.
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# In a venv of their own: what they need must not mix with what the project needs.
$(TOOLS): | $(INSTALLED)
	@$(BIN)/python -m venv $@
	@$@/bin/pip install --quiet build pip-audit || \
		{ rm -rf $@; echo "build and pip-audit could not be installed: a package index is needed for that, once." >&2; exit 1; }
