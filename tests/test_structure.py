"""The rules of CONTRIBUTING.md that a machine can check: sizes, names, first words, import contracts."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qembed"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FIRST_WORDS = re.compile(
    r"(what|which|who|whose|whom|whether|how|where|when|why|it|its|as|so|likewise|also|kept|done)\b",
    re.IGNORECASE,
)
"""Words with which no docstring begins: the sentence would have no subject that a reader knows."""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_folders_hold_at_most_17_modules() -> None:
    folders = [PACKAGE, *(p for p in PACKAGE.rglob("*") if p.is_dir())]
    sizes = {name(f): len(list(f.glob("*.py"))) for f in folders}
    assert {f: n for f, n in sizes.items() if n > 17} == {}


def test_files_have_at_most_320_lines() -> None:
    lengths = {name(p): len(p.read_text("utf-8").splitlines()) for p in [*MODULES, *TESTS]}
    assert {p: n for p, n in lengths.items() if n > 320} == {}


@pytest.mark.slow
def test_functions_have_at_most_12_parameters() -> None:
    many = {}
    for path in MODULES:
        if path.is_relative_to(PACKAGE / "cli" / "commands"):
            continue  # a command has a parameter for each option
        for f in functions(path):
            given = [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]
            n = len([a for a in given if a.arg not in ("self", "cls")])
            if n > 12:
                many[f"{name(path)}:{f.lineno} {f.name}"] = n
    assert many == {}


@pytest.mark.slow
def test_docstrings_begin_with_a_noun_or_an_imperative() -> None:
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node) or ""
                if FIRST_WORDS.match(text):
                    line = getattr(node, "lineno", 1)
                    found.append(f"{name(path)}:{line} {text.splitlines()[0]}")
    assert found == []


def test_no_module_is_a_stub() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError")
    assert [name(p) for p in MODULES if words.search(p.read_text("utf-8"))] == []


def test_import_contracts_are_kept() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_no_test_module_imports_another() -> None:
    pattern = re.compile(
        r"^\s*from tests(\.\w+)*\.test_\w+ import|^\s*from tests[\w.]* import .*\btest_\w+"
    )
    found = [
        f"{path.relative_to(ROOT)}:{n} {line.strip()}"
        for path in TESTS
        for n, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.match(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        ("BM25", "search/lexical/bm25.py"),
        ("the HNSW graph", "search/dense/hnsw.py"),
        ("the query template", "models/templates.py"),
        ("the lock", "locks.py"),
        ("the exit codes", "cli/exit_codes.py"),
        ("PDF", "corpus/readers/pdf.py"),
        ("the significance test", "evaluation/significance.py"),
        ("the HTML report", "evaluation/report/html.py"),
        ("the server's socket", "serve/socket_address.py"),
        ("the ONNX export", "models/onnx_export/export.py"),
        ("the filter language", "search/filters/parser.py"),
        ("compaction", "store/compaction.py"),
    ],
)
def test_a_newcomer_finds_the_room_in_the_listing(subject: str, place: str) -> None:
    assert (PACKAGE / place).is_file(), subject
