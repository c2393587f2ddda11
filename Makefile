# Everything a developer or a newcomer runs. Each target sets up what it needs; nothing is asked for beforehand
# but Python 3.11 or newer. ARGS passes further arguments: make test ARGS="-k zones"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
STAMP := $(VENV)/.ready
# .venv first, so that the tools pinned here win over others of the same name on the machine.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.PHONY: help demo test conformance lint format bench docs pins clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

# Once; again when what is pinned has changed.
$(STAMP): requirements-dev.txt requirements-go.txt pyproject.toml scripts/setup
	@scripts/setup $(VENV)
	@touch $@

demo: $(STAMP) ## Build, explain and run the example web server
	@python scripts/demo.py $(ARGS)

test: $(STAMP) ## Install what the tests need and run all of them
	@scripts/test-packages
	@python -m pytest -n auto --dist worksteal $(ARGS)

conformance: $(STAMP) ## Build all cases of tests/conformance with smidgen, buildah and docker, and compare the images
	@scripts/test-packages
	@python -m pytest -n 2 tests/conformance/every_case.py $(ARGS)

lint: $(STAMP) ## Style, types, import order of the rooms, generated documents
	ruff check .
	ruff format --check .
	mypy
	pyright
	lint-imports
	python scripts/generate_reference.py --check

format: $(STAMP) ## Format the code
	ruff format .
	ruff check --fix .

bench: $(STAMP) ## Measure side by side with ko, go build and docker build; rewrites benchmarks/README.md (ARGS=registry, dockerfile, closure, cgo, cgo-modules, cgo-platforms or explain: the other tables)
	@PYTHONPATH=.:tests python -m benchmarks.run $(ARGS)

bases: $(STAMP) ## Make stand-ins for the base images that Dockerfiles name, and serve them on loopback
	@scripts/test-packages
	@python scripts/bases $(ARGS)

docs: $(STAMP) ## Regenerate the reference and the documents' outputs from the program
	@python scripts/generate_reference.py
	@python scripts/generate_outputs.py

pins: ## Pin the newest dependencies with their digests
	@scripts/pin-requirements

clean: ## Remove what the targets above made in this directory
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
