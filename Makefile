# make demo · make test · make check · make bench
PY := .venv/bin/python
PYTHON ?= python3

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q --upgrade pip
	# torch first: any looser requirement would pull the CUDA build
	$(PY) -m pip install -q torch==2.13.0
	$(PY) -m pip install -q -e '.[dev]'
	@touch $@

.PHONY: demo test check bench format clean
demo: .venv/ready
	@rm -rf .venv/demo && mkdir -p .venv/demo
	.venv/bin/qembed index sample_corpora/helpdesk/docs --index .venv/demo/.qembed
	.venv/bin/qembed query "where's my stuff" -k 5 --index .venv/demo/.qembed

test: .venv/ready
	$(PY) -m pytest

check: .venv/ready
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(MAKE) test

bench: .venv/ready
	$(PY) -m tests.bench

format: .venv/ready
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

clean:
	rm -rf .venv build *.egg-info
