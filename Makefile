# Two commands for a newcomer: `make demo` and `make test` (`make test-fast` in minutes). Every target makes the virtual environment .venv. `make phone` is a phone to try
# the commands on: it needs root and debootstrap, and holds the terminal while the phone is on.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 -c constraints.txt
DEMO := luts/demo
ARCH ?= amd64
# Of `make test` and `make test-fast`: the files or folders of tests to run; empty: all.
TESTS ?=
# Tests that measure or drive a phone: two at a time, as more would keep each other waiting. None of them asserts on time.
MEASURING := tests/phone tests/android_harness/targets tests/android_harness/test_collab.py tests/android_harness/test_deploy.py \
  tests/release/test_packages.py tests/profiler/test_run.py tests/profiler/test_any_network.py tests/profiler/test_budgeted.py tests/profiler/test_limits.py tests/search/networks tests/docs/test_pages_run.py \
  tests/docs/test_notebooks.py tests/report/test_report.py tests/report/data/test_device_log.py
# Each of the processes side by side has a core; libraries that take all of them would stand in each other's way.
ALONGSIDE := OMP_NUM_THREADS=1

# Where the documentation's site goes.
SITE := site

.PHONY: demo docs test test-fast phone phone-root lint lint-native sanitize aarch64 bench headline certificate plots library clean

$(VENV)/base: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(PIP) -e '.[dev]'
	touch $@

$(VENV)/all: $(VENV)/base
	$(PIP) torch
	$(PIP) -e '.[torch,litert,onnx,parquet,search,ray,docs,dev]'
	touch $@

demo:
	@PYTHON=$(PYTHON) .ci/packages demo
	@$(MAKE) --no-print-directory $(VENV)/base
	@rm -rf $(DEMO)
	@echo '== Building the native runner'
	@$(BIN)/python -m android_harness.build
	@$(BIN)/python -m syncnas demo --out $(DEMO)

# Tests that measure nothing run on all cores; the others follow, two at a time.
test:
	@PYTHON=$(PYTHON) .ci/packages test
	@$(MAKE) --no-print-directory $(VENV)/all
	$(BIN)/python -m android_harness.build --tests
ifeq ($(strip $(TESTS)),)
	$(ALONGSIDE) $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(MEASURING:%=--ignore=%)
	$(ALONGSIDE) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(MEASURING)
else
	$(BIN)/python -m pytest $(TESTS)
endif

# What needs neither a phone nor an extra such as torch: in minutes.
test-fast:
	@PYTHON=$(PYTHON) .ci/packages test-fast
	@$(MAKE) --no-print-directory $(VENV)/dev
	$(BIN)/python -m android_harness.build
	$(ALONGSIDE) $(BIN)/python -m pytest --fast --numprocesses auto --dist loadfile $(MEASURING:%=--ignore=%) $(TESTS)

phone: $(VENV)/all
	@$(BIN)/python -m android_harness.build $(if $(filter arm64,$(ARCH)),--abi linux-aarch64)
	@$(BIN)/python -m tests.phone --arch $(ARCH)

phone-root: $(VENV)/all
	$(BIN)/python -m tests.phone --arch $(ARCH) --build-only

# The documentation as a site; a warning is an error.
docs: $(VENV)/base
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --site-dir $(SITE)

lint: $(VENV)/all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

lint-native: $(VENV)/base
	$(BIN)/python -m android_harness.build --tests
	find android_harness/runner/src -name '*.cc' | xargs -n 4 -P "$$(nproc)" clang-tidy --quiet -p android_harness/runner/build/host \
	  2> >(grep -v ' warnings generated' >&2)

sanitize: $(VENV)/base
	$(BIN)/python -m android_harness.build --tests --sanitizer address
	$(BIN)/python -m android_harness.build --tests --sanitizer thread
	android_harness/runner/build/host-address/runner_tests
	android_harness/runner/build/host-thread/runner_tests

aarch64: $(VENV)/base
	$(BIN)/python -m android_harness.build --abi linux-aarch64 --tests
	cd android_harness/runner/build/linux-aarch64/kit && qemu-aarch64-static ./ld-linux-aarch64.so.1 --library-path . ../runner_tests

bench: $(VENV)/all
	$(BIN)/python -m android_harness.build
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.report

headline: $(VENV)/all
	$(BIN)/python -m android_harness.build
	$(BIN)/python -m benchmarks.headline

certificate: $(VENV)/all
	$(BIN)/python -m android_harness.build
	$(BIN)/python -m benchmarks.certificate

plots: $(VENV)/all
	$(PIP) -e '.[plots]'
	$(BIN)/python -m benchmarks.timeline
	$(BIN)/python -m benchmarks.plots luts/certificate/full

# The plotting library of the report's page, out of npm's packages: after a change of report/page/library.
library:
	cd report/page/library && npm ci --ignore-scripts --no-audit --no-fund && node build.mjs

clean:
	rm -rf $(VENV) android_harness/runner/build
