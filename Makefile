# make demo         creates .venv, installs, indexes the sample help centre, runs a query
# make test         all tests                     make test-fast    those that take no longer than seconds
# make check        what CI runs: format, lint, types, import contracts, tests
# make format       formats, applies the linter's safe fixes
# make bench        benchmarks                    make published    quality of the models
# make modes        every mode on collections     make fuzz         mutated files through every reader
# make browser      the pages in Chromium         make test-server  remote models on a real server
# make cluster      faults of a Ray cluster       make sequences    models of proteins, and their figures
# make images       what train dual learns of pictures with captions
# make clean        removes .venv, build folders, the samples' indexes
PY := .venv/bin/python
PYTHON ?= python3

# where it is set, each run of the tests rewrites their assertions anew: half of the 13 s that collecting takes
export PYTHONDONTWRITEBYTECODE :=

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q --upgrade pip
	# torch first: any looser requirement would pull the CUDA build
	$(PY) -m pip install -q torch==2.13.0
	$(PY) -m pip install -q -e '.[dev]'
	@touch $@

# what pip does for what it installs, and not for a checkout: without it each run compiles .3 s of source
compiled: .venv/ready
	@$(PY) -m compileall -q qembed

.PHONY: compiled demo test test-fast test-server cluster browser check bench published modes images fuzz sequences format clean
# what the README shows, so that it stays true: the test suite runs the same commands and compares
demo: compiled
	@rm -rf sample_corpora/helpdesk/.qembed
	.venv/bin/qembed models prepare multilingual
	cd sample_corpora/helpdesk && ../../.venv/bin/qembed index docs
	cd sample_corpora/helpdesk && ../../.venv/bin/qembed query "locked out of my account" -k 3
	cd sample_corpora/helpdesk && ../../.venv/bin/qembed query "退钱" -k 2
	cd sample_corpora/helpdesk && ../../.venv/bin/qembed query "气死了，这破平台还不给退钱！" -k 1 --explain

test: compiled
	$(PY) -m pytest -n 2 --dist worksteal

# under a minute on two cores; CI runs all tests
test-fast: compiled
	$(PY) -m pytest -n 2 --dist worksteal -m "not slow and not server and not browser and not cluster"

check: .venv/ready
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(MAKE) test

# remote models and buckets (also of a Ray cluster) on servers that others wrote: libraries of their own, hence environments
test-server: .venv/ready .venv/infinity/ready .venv/stores/ready
	$(PY) -m pytest -m server tests/models/remote/test_infinity.py tests/engines/test_object_stores.py tests/engines/ray/test_ray_bucket.py

.venv/infinity/ready:
	$(PYTHON) -m venv .venv/infinity
	.venv/infinity/bin/python -m pip install -q torch==2.13.0  # first, as above
	.venv/infinity/bin/python -m pip install -q "infinity-emb[torch,server]==0.0.78"
	@touch $@

.venv/stores/ready:
	$(PYTHON) -m venv .venv/stores
	.venv/stores/bin/python -m pip install -q s3fs==2026.9.0 gcsfs==2026.10.1 "moto[server,s3]==5.2.5" gcp-storage-emulator==2026.7.19
	@touch $@

# processes, nodes and programs of a Ray cluster are killed: two nodes on this machine, some minutes
cluster: compiled
	$(PY) -m pytest -m cluster tests/engines/ray

bench: compiled
	$(PY) -m tests.bench

# the pages of reports, maps and search in Debian's chromium with its driver
browser: .venv/ready
	$(PY) -m pytest -m browser tests/evaluation/report tests/web/page tests/web/map

# tables of docs/models.md: make published DATA=folder-of-BEIR-folders SETS="scifact samples"
DATA ?= .
QUERIES ?= 100
published: compiled
	$(PY) -m tests.bench.published $(DATA) --sets $(SETS) --models $(MODELS) --queries $(QUERIES)

# the table of modes in docs/evaluation.md: make modes DATA=folder-of-BEIR-folders SETS="scifact code" MODELS=minilm
modes: compiled
	$(PY) -m tests.bench.modes $(DATA) --sets $(SETS) --models $(MODELS)

# the table of docs/images.md: make images DATA=folder-with-pairs.jsonl EPOCHS=30
EPOCHS ?= 12
images: compiled
	$(PY) -m tests.bench.images $(DATA) --epochs $(EPOCHS)

# the table of docs/sequences.md: make sequences DATA=folder; what is made stays in build/sequences
sequences: compiled
	$(PY) -m tests.bench.sequences $(DATA)

# mutated files through every reader, and an index of some: make fuzz FILES=100000 SEED=7
FILES ?= 20000
SEED ?= 1
fuzz: compiled
	$(PY) -m tests.corpus.fuzz $(FILES) $(SEED)

format: .venv/ready
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

clean:
	rm -rf .venv build *.egg-info sample_corpora/*/.qembed
