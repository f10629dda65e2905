# `make demo` and `make test` do all the set-up on a fresh machine with Python >= 3.11 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# the matrices are small: threads of the linear algebra library only get in each other's way
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# the processes that tests start shall not compile the package each time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: data demo test quick lint docs links minimums root tensors benchmarks dist clean

demo: $(VENV)/.installed
	$(BIN)/hftranslate demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# what changes most often is told within a minute or two: all but the tests marked slow, and those that run ROOT
quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not root" $(PYTEST_ARGS)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the published models that references and benchmarks are of, from where they are public, checked
data: $(VENV)/.installed
	$(BIN)/python validation/fetch.py

# the web pages, with the reference of functions and commands; what cannot be resolved is an error
docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/html

# the addresses that the pages name, asked whether they answer: needs the network
links: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -q -b linkcheck docs build/links

# the lowest versions that pyproject.toml declares; what libraries of that age call old is not ours to mend
minimums:
	[ -x .venv-lowest/bin/python ] || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python validation/lowest_versions.py > .venv-lowest/versions.txt
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c .venv-lowest/versions.txt -e '.[test]'
	.venv-lowest/bin/python -m pytest -n auto --dist worksteal -m "not slow and not root" -W ignore::DeprecationWarning

# real ROOT is never a dependency: its wheel lies in an environment of its own, where it can be installed
ROOT_PYTHON ?= $(CURDIR)/.venv-root/bin/python
.venv-root/.installed:
	$(PYTHON) -m venv .venv-root
	.venv-root/bin/python -m pip install --quiet --disable-pip-version-check 'ROOT>=0.1a12' numpy jsonpatch
	touch $@

root: .venv-root/.installed $(VENV)/.installed-test
	ROOT_PYTHON=$(ROOT_PYTHON) $(BIN)/python -m pytest -n auto --dist worksteal -m root $(PYTEST_ARGS)

# the likelihood for JAX and PyTorch, in an environment of its own; PyTorch's wheels for Linux bring gigabytes of CUDA, so that
# it is installed where asked: make tensors TENSOR_EXTRAS=jax,torch
TENSOR_EXTRAS ?= jax
.venv-tensors/.installed-$(TENSOR_EXTRAS): pyproject.toml
	[ -x .venv-tensors/bin/python ] || $(PYTHON) -m venv .venv-tensors
	.venv-tensors/bin/python -m pip install --quiet --disable-pip-version-check -e '.[$(TENSOR_EXTRAS)]' 'pytest>=8.1' 'pytest-xdist>=3.5' 'hypothesis>=6.100'
	touch $@

tensors: .venv-tensors/.installed-$(TENSOR_EXTRAS)
	.venv-tensors/bin/python -m pytest -n auto --dist worksteal -m "not slow" tests/tensors $(PYTEST_ARGS)

# speed against peers, which are installed in an environment of their own, and growth: half an hour; BENCHMARK_ARGS=--quick: minutes
benchmarks: $(VENV)/.installed-test
	$(BIN)/python validation/benchmarks/run.py $(BENCHMARK_ARGS)

# the release: both archives, judged, and the demonstration from the wheel alone in an empty environment
dist: $(VENV)/.installed-dist
	rm -rf dist build/wheel-alone
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv build/wheel-alone
	build/wheel-alone/bin/python -m pip install --quiet --disable-pip-version-check "$$(echo dist/*.whl)[plot]"
	cd build/wheel-alone && bin/hftranslate demo

clean:
	rm -rf $(VENV) demo-output build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

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

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

$(VENV)/.installed-dist: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build twine
	touch $@
