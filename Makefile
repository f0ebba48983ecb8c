# anyformer: `make demo` trains a translator in minutes, `make test` checks everything. Needs python3.11 or newer, and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TORCH := torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The big corpora, where a checkout has them beside it; otherwise they come from the cache or their public home.
DATA := $(abspath ../shared/data)
ifneq ($(wildcard $(DATA)/.),)
export ANYFORMER_DATA ?= $(DATA)
endif

.PHONY: help demo test test-all bench lint format clean

help:
	@echo "make demo      train English to French on the embedded corpus (about 3 minutes), translate, plot"
	@echo "make test      format, lint, types, layers and the default tests"
	@echo "make test-all  the same, and the slow tests"
	@echo "make bench     the table of speeds beside other tools"
	@echo "make format    put the code into its format"

demo: $(VENV)/.installed
	@$(BIN)/anyformer demo

test: lint
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow"

test-all: lint
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

bench: $(VENV)/.installed
	@$(BIN)/python benchmarks/translation.py

lint: $(VENV)/.installed
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.installed
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

clean:
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "anyformer needs Python 3.11 or newer on the path (or: make PYTHON=/path/to/python3)"; exit 1; }
	@echo "installing into $(VENV) (once; the longest part is PyTorch)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) "$(TORCH)"
	@$(PIP) --editable ".[dev]"
	@touch $@
