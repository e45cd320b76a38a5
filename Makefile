# Athena Lab. `make lab` sets everything up and opens the workbench; `make test` sets everything up and runs every test.
.DEFAULT_GOAL := help
.PHONY: help lab test check bench fuzz wasm wasm-verify wheel corpus system clean
SHELL := /bin/bash

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.athena
PORT ?= 3000

help:           ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

lab: $(STAMP)-lab  ## set up, and open the workbench at http://127.0.0.1:3000/lab
	$(VENV)/bin/jupyter athena --port $(PORT) $(if $(filter 0,$(shell id -u)),--allow-root) \
		--AthenaApp.default_url=/lab/tree/notebooks/00_quickstart.ipynb $(ARGS)

test: $(STAMP)-test system corpus  ## set up, and run every check and test
	$(PYTHON) tests/run.py

check: $(STAMP)-test  ## formats, lint, types, layers
	$(PYTHON) tests/run.py --only checks

bench: $(STAMP)-test  ## the benchmarks, beside what one would use instead
	$(PYTHON) tests/bench/run.py

fuzz: $(PYTHON)  ## fuzz the modules natively, ten minutes each (SECONDS_EACH=600, MODULES=)
	$(PYTHON) wasm/fuzz/run.py $(MODULES) --seconds $(or $(SECONDS_EACH),600)

wasm: $(PYTHON)  ## build the modules whose sources changed
	$(PYTHON) wasm/build.py

wasm-verify: $(PYTHON)  ## build the modules from clean, and compare the bytes with those committed
	$(PYTHON) tests/system.py rust
	$(PYTHON) wasm/build.py --verify

wheel: $(STAMP)-test  ## a wheel that needs neither Node nor Rust, in dist/
	rm -rf athena_lab/labextension dist
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

corpus: $(STAMP)-test  ## fetch the executables that the modules are compared on, into .cache/
	$(PYTHON) tests/wasm_modules/corpus.py

system: $(PYTHON)  # browser and toolchains, by apt when root
	$(PYTHON) tests/system.py

clean:          ## remove what was built and installed, not the samples in quarantine
	rm -rf $(VENV) build dist artefacts athena_lab/labextension labextension/{lib,node_modules} wasm/target

$(PYTHON):
	@command -v node >/dev/null || { echo "Node.js 20 or newer is needed to build the JupyterLab extension: apt-get install nodejs npm"; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@echo "Creating $(VENV) ..."
	@python3 -m venv $(VENV) || { echo "apt-get install python3-venv"; exit 1; }

# An editable install: the extension's front end is built by the build hook, as in a wheel.
$(STAMP)-lab: pyproject.toml labextension/package.json labextension/yarn.lock $(wildcard labextension/src/*.ts labextension/style/*) | $(PYTHON)
	@echo "Installing Athena Lab and building its JupyterLab extension (about a minute, the first time) ..."
	@rm -rf athena_lab/labextension
	$(PYTHON) -m pip install --quiet --editable '.[pandas]'
	@touch $@

$(STAMP)-test: $(STAMP)-lab
	@echo "Installing what the tests need ..."
	$(PYTHON) -m pip install --quiet --editable '.[test,check]'
	@touch $@
