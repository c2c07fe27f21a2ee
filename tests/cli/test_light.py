"""What is not imported: every library that a command can do without costs its users time at each call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import Shell
from tests.cli.imports import HEAVY, imported


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["query", "--help"],
        ["index", "--help"],
        ["models", "prepare", "--help"],
    ],
)
@pytest.mark.slow
def test_help_imports_nothing_heavy(shell: Shell, args: list[str]) -> None:
    assert not imported(shell, *args) & (
        HEAVY | {"pandas", "hnswlib", "usearch", "tokenizers", "pydantic"}
    )


SLEEP = "OPENBLAS_THREAD_TIMEOUT"
SAYS = f"""
import atexit, os, sys
from qembed.__main__ import command
sys.argv = ["qembed", "--version"]
atexit.register(lambda: print(os.environ["{SLEEP}"], "numpy" in sys.modules))
command()
"""


@pytest.mark.parametrize(("own", "wanted"), [({}, "4"), ({SLEEP: "20"}, "20")])
def test_the_threads_of_numpy_are_told_to_sleep_before_they_are_there(
    shell: Shell, own: dict[str, str], wanted: str
) -> None:
    env = {k: v for k, v in shell.env().items() if k != SLEEP}
    done = subprocess.run(
        [sys.executable, "-c", SAYS], env={**env, **own}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"{wanted} False"


def test_completion_imports_nothing_heavy(shell: Shell) -> None:
    asked = {
        "_QEMBED_COMPLETE": "complete_bash",
        "COMP_WORDS": "qembed que",
        "COMP_CWORD": "1",
    }
    assert not imported(shell, **asked) & HEAVY


NEEDLESS = {
    "ray",
    "torch",
    "transformers",
    "sentence_transformers",
    "pydantic",
    "pandas",
    "pyarrow.compute",
    "uvicorn",
    "h11",
    "prometheus_client",
}
"""pandas: pyarrow's conversions import it wherever it is installed; its methods import pyarrow.compute."""


@pytest.mark.slow
def test_a_query_imports_nothing_needless(docs: Shell) -> None:
    found = imported(docs, "query", "locked", "--format", "paths")
    assert "pyarrow" in found
    assert not found & NEEDLESS


@pytest.mark.slow
def test_a_first_index_and_a_refresh_import_nothing_needless(docs: Shell) -> None:
    found = imported(docs, "index", "docs", "--index", "another", "--quiet", "--format", "json")
    assert {"hnswlib", "tantivy"} <= found
    assert "usearch" not in found
    assert not found & NEEDLESS
    docs.write("docs/new.md", "A new page about okapis.")
    (docs.folder / "docs/parcels.md").unlink()
    found = imported(docs, "index", "--index", "another", "--quiet", "--format", "json")
    assert not found & NEEDLESS
