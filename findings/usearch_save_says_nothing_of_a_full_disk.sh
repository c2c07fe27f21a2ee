#!/bin/sh
# usearch 2.26.6: saving an index to a full disk can end without an error.
#
# Index.save writes through a buffered file and raises RuntimeError when a write fails. What is still in the buffer at
# the end is written when the file is closed, and whether that worked is not looked at. So an index that is smaller than
# the buffer, or whose last part is what the disk has no room for, is "saved": no exception, a file that lacks its end.
# A larger index on the same disk raises. Comparing the file's size with `serialized_length` tells the two apart.
#
# Seen (the device that takes no byte):
#   4 vectors, 752 bytes: saved without an error
#   20000 vectors, 3,290,688 bytes: RuntimeError
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q usearch==2.26.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
from usearch.index import Index


def save(n):
    index = Index(ndim=8, metric="ip")
    index.add(np.arange(n), np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32))
    try:
        index.save("/dev/full")
    except RuntimeError:
        end = "RuntimeError"
    else:
        end = "saved without an error"
    print(f"{n} vectors, {index.serialized_length:,} bytes: {end}")
    return end


small, large = save(4), save(20_000)
sys.exit(0 if (small, large) == ("saved without an error", "RuntimeError") else 1)
PY
