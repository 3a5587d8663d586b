# Start with `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Python compiles what it imports, once; pip would compile everything, which takes longer than it saves.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install -q --no-compile
TORCH := torch==2.13.0

.PHONY: help demo test test-system test-plain test-slow docs lint format bench image image-test setup clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.base: pyproject.toml setup.py $(wildcard submission/accelerators/*.[ch] submission/accelerators/*/*.[ch])
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "setuptools>=70.1,<81" wheel
	$(PIP) --no-build-isolation "$(TORCH)" -e ".[report]"
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(PIP) --no-build-isolation -e ".[report,export,test,lint,docs]"
	$(PIP) --no-deps "disentanglement-lib==1.5"
	@touch $@

setup: $(VENV)/.base ## create .venv with everything that the programs need

demo: $(VENV)/.base ## train, export, score and report on a rendered data set (runs/demo)
	$(BIN)/python train.py --config demo --time-budget 4m --out runs/demo --resume
	$(BIN)/python evaluate.py runs/demo
	$(BIN)/python -m submission check runs/demo
	$(BIN)/python -m submission report runs/demo

test: $(VENV)/.test ## install what the tests need, and run them
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not system"

# Files without system tests need not be collected.
test-system: $(VENV)/.test ## run the system tests: whole trainings, tutorials, notebook, wheel, clusters, kill -9
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "system and not slow" $$(grep -rl "mark\.system" tests --include="test_*.py")

test-plain: $(VENV)/.test ## run the tests without compiled kernels (TESTS="tests/metrics ...": only these)
	SUBMISSION_ACCELERATORS=off $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not system" $(TESTS)

test-slow: $(VENV)/.test ## run all tests, slow studies included
	$(BIN)/python -m pytest -n 2 --dist worksteal

docs: $(VENV)/.test ## build the documentation site (docs/_build/html/index.html)
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -b html docs docs/_build/html

lint: $(VENV)/.test ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

format: $(VENV)/.test ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.bench: $(VENV)/.test
	$(PIP) --no-deps pythae==0.1.2
	$(PIP) "pydantic>=2" imageio cloudpickle tqdm
	@touch $@

bench: $(VENV)/.bench ## print the speed tables, each figure with another program or a bound of the same run
	@for bench in benchmarks/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

image: $(VENV)/.base ## build the submission's image (VARIANT=cuda for GPUs); needs a container engine
	PYTHON=$(BIN)/python docker/build.sh

image-test: image ## test the image as the grader would run it; prints "skipped: no engine" without a container engine
	$(BIN)/python docker/image_test.py

clean: ## remove .venv and caches (never runs/)
	rm -rf $(VENV) build .pytest_cache .ruff_cache .mypy_cache
