# Every target makes what it needs in .venv and node_modules; only the first call needs the network.

# The first Python of a supported version; a name alone proves nothing (pyenv puts up names that do not run).
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
  $$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BROWSER := tests/browser/node_modules/.package-lock.json
CPU_TORCH := https://download.pytorch.org/whl/cpu

# Small networks run faster on one thread, and two processes then do not disturb each other.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help lab book test lint data bench firmware seeds size clean wheels

help:
	@echo "make book                run every notebook and build the pages; make book CHAPTER=tagging builds one chapter"
	@echo "make lab                 open JupyterLab on the tour"
	@echo "make test                style, unit tests, notebooks as tests, a strict build, a browser test; where the time went"
	@echo "make lint                style and types"
	@echo "make data                check the committed samples"
	@echo "make bench               speed of generation, import, bootstrap and training"
	@echo "make seeds NOTEBOOK=...  repeat a notebook with 20 seeds; with RENEW=1 check a study by two of them"
	@echo "make size                lines of code by folder and by row of the headline figures"
	@echo "make firmware            jet taggers as hardware: simulation and synthesis of their circuits (an hour)"
	@echo "make wheels              ask the package index for every pin on every platform"
	@echo "make clean               remove build products; the environment stays"

book: $(READY)
	$(BIN)/python book/_ext/build.py $(if $(CHAPTER),--chapter $(CHAPTER))

lab: $(READY)
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) book/start/tour.ipynb

test: $(READY) $(BROWSER)
	$(BIN)/python .ci/test.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

data: $(READY)
	$(BIN)/hepml data check

bench: $(READY)
	@for file in tests/bench/bench_*.py; do $(BIN)/python $$file || exit 1; done

# The figures of hardware on the page on jets come from here. These programs and packages are needed for nothing else.
firmware: $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt conifer==1.11 hgq2==0.2.0
	$(BIN)/hepml study l1_rtl l1_boosted l1_hgq2

seeds: $(READY)
	@test -n "$(NOTEBOOK)" || { echo "name a notebook: make seeds NOTEBOOK=book/start/tour.ipynb"; exit 2; }
	$(BIN)/python book/_ext/seeds.py $(NOTEBOOK) $(if $(RENEW),--renew)

size: $(READY)
	$(BIN)/python .ci/size.py

wheels: $(READY)
	$(BIN)/python .ci/wheels.py

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torch comes first and alone: on Linux its CPU build saves some GB; where that index cannot be reached, the next line
# installs the same version from the usual one. Apple's build is the CPU one anyway. The settings keep JupyterLab from
# asking the network for news and updates.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(SUPPORTED)' || { \
	  echo "error: no Python 3.11, 3.12 or 3.13 found; install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || { \
	  echo "error: no C++ compiler; install one (Debian, Ubuntu: apt install g++; macOS: xcode-select --install)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "error: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	-@test "$$(uname)" = Darwin || $(BIN)/pip install --quiet --retries 0 --timeout 15 --no-deps \
	  --constraint constraints.txt --extra-index-url $(CPU_TORCH) torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[book,generate,test]'
	-$(BIN)/pip install --quiet --constraint constraints.txt --only-binary :all: --editable '.[tracking]'
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp book/_ext/overrides.json $(VENV)/share/jupyter/lab/settings/
	@touch $@

# The browser test alone needs node; without it that test says so and is skipped.
$(BROWSER): tests/browser/package-lock.json
	@if command -v npm >/dev/null; then cd tests/browser && npm ci --no-audit --no-fund --silent; \
	else echo "npm is missing: the browser tests will be skipped"; fi
