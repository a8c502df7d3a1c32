# Development tasks. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-west-1

# What to do about a download that failed, below the words of pip or uv.
define OFFLINE
The packages could not be installed; see above. They come from PyPI. Check the connection, name a proxy with HTTPS_PROXY,
a certificate with SSL_CERT_FILE, or another index with PIP_INDEX_URL and UV_DEFAULT_INDEX. Then run the command again.
endef
export OFFLINE
INSTALLED = || { echo "$$OFFLINE" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help setup samconfig quickstart demo local test format style types template unit worst-faults integration test-aws faults fuzz invoke docs site package publish bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is required. Choose one with PYTHON=…"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (about 500 MB) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt $(INSTALLED)
	@$(VENV)/bin/uv pip install --quiet --require-hashes --python $(VENV)/bin/python -r requirements-dev.txt $(INSTALLED)
	@$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --python $(VENV)/bin/python --editable .
	@touch $@

# `sam deploy --guided` writes answers to samconfig.toml, which are nobody else's.
samconfig:
	@git update-index --skip-worktree samconfig.toml 2> /dev/null || true

setup: $(READY) samconfig ## create the virtual environment from the lock file

quickstart: $(READY) ## deploy examples/quickstart.yaml to an embedded AWS, and show its repository
	@python -m local.quickstart

demo: $(READY) ## deploy to an embedded AWS, show everything, delete it
	@python -m local.demo

local: $(READY) ## start an embedded AWS with the controller, to try things by hand until Ctrl-C
	@python -m local.serve

test: style types template unit worst-faults fuzz integration ## run everything that CI runs

format: $(READY) ## format the code
	ruff format .
	ruff check --fix .

style: $(READY)
	ruff format --check .
	ruff check .

types: $(READY)
	mypy
	@for function in functions/*/app.py; do echo "mypy $$function" && MYPYPATH=layers/controller:$$(dirname $$function) mypy $$function || exit 1; done

template: $(READY)
	sam validate --lint
	cfn-lint template.yaml examples/*.yaml examples/organization/*.yaml

unit: $(READY) ## run the unit tests
	pytest tests/unit -n auto

worst-faults: $(READY) ## make every AWS call fail in the four worst ways
	pytest tests/faults -n auto

fuzz: $(READY) ## give the functions 20,000 inputs of any kind; CASES=number for more, SEED=number for others
	CASES="$(CASES)" SEED="$(SEED)" pytest tests/fuzz -n auto

integration: $(READY) ## run the integration tests on an embedded AWS
	pytest tests/integration -n 2 --dist loadfile

test-aws: $(READY) ## run the integration tests on a real account and Region; asks first
	@python -m local.real_aws

faults: $(READY) ## make every AWS call fail in every way; ONLY=name for some scenarios
	@ONLY="$(ONLY)" python -m tests.faults

invoke: $(READY) ## run one function on one event: make invoke FUNCTION=repository EVENT=create
	@python -m local.invoke "$(FUNCTION)" "$(EVENT)"

docs: $(READY) ## write docs/reference.md and docs/template.schema.json from the schemas
	@python -m tools.reference
	@python -m tools.template_schema

package: $(READY) ## build a release in dist/: artifacts, flat template, serverless application, wheel
	@python -m tools.release.package

publish: $(READY) ## upload a release: make publish REGIONS=eu-west-1,us-east-1 BUCKET_PREFIX=name; APPLY=yes does it
	@python -m tools.release.publish --regions "$(REGIONS)" --bucket-prefix "$(BUCKET_PREFIX)" --apply "$(APPLY)"

site: $(READY) ## build the site of the documentation into site/, without the network
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict
	@echo "Open site/index.html, or http://127.0.0.1:8000 after: python3 -m http.server --bind 127.0.0.1 --directory site"

bench: $(READY) ## measure cold starts, API calls and lifecycle evaluation
	@python -m benchmarks

lock: $(READY) ## update the pinned dependencies
	uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header --no-annotate layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

clean: ## delete the virtual environment, builds and caches
	rm -rf .venv .venv-* .aws-sam dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
