# Two commands matter: `make run` starts the app on the sample district, `make test` runs every check.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
export SITING_TEST_DATA ?= $(abspath ../shared/data)

.PHONY: setup run test lint suite bench sample-data lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

run: setup
	$(BIN)/siting serve --port $(PORT)

# The types are checked on the same cores while the first tests run.
test: setup
	$(MAKE) --jobs=2 lint suite

suite: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: setup
	for script in bench/*.py; do $(BIN)/python $$script || exit 1; done

# Makes data/ again from the generator; the same seed gives the same bytes.
sample-data: setup
	$(BIN)/python -m siting.sample

# Resolves for every supported Python; hashes stay, addresses do not.
lock:
	$(BIN)/uv pip compile requirements.in --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf .venv .siting build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
