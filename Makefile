# `make demo` and `make test` do all the set-up on a fresh machine with Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# the matrices are small: threads of the linear algebra library only get in each other's way
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# the processes that tests start shall not compile the package each time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick lint clean

demo: $(VENV)/.installed
	$(BIN)/python validation/demo.py

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# what changes most often is told within a minute or two: all but the tests marked slow, and those that run ROOT
quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not root" $(PYTEST_ARGS)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("hftranslate needs Python >= 3.11, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# the package is installed in place: editing the sources needs no new installation
$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[plot]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/.installed-lint: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lint]'
	touch $@
