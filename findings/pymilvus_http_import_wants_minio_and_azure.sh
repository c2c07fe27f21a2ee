#!/bin/sh
# pymilvus 3.0.2: three functions that only send HTTP cannot be imported without the clients of two object stores.
#
# `bulk_import`, `get_import_progress` and `list_import_jobs` post JSON to Milvus and read its answer; the files lie
# where the server finds them already. They stand in pymilvus.bulk_writer, whose __init__ refuses to be imported unless
# everything is there that its writers of files need: the clients of minio and of azure, pyarrow and ml_dtypes. So a
# program that starts an import of files that something else has written needs all of them, though it calls none.
#
# Seen:
#   pymilvus:                          ok
#   pymilvus.bulk_writer.bulk_import:  ModuleNotFoundError, missing: ['minio', 'azure', 'pyarrow', 'ml_dtypes']
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q pymilvus==3.0.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import importlib
import sys


def imported(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    return "ok"


whole, part = imported("pymilvus"), imported("pymilvus.bulk_writer.bulk_import")
print("pymilvus:                         ", whole)
print("pymilvus.bulk_writer.bulk_import: ", part)
sys.exit(0 if whole == "ok" and part.startswith("ModuleNotFoundError") and "minio" in part else 1)
PY
