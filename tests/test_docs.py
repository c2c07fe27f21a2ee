"""The tables of docs/ say what the code says."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import qembed
from qembed.cli.app import COMMANDS, app
from qembed.cli.exit_codes import ExitCode
from qembed.corpus import READERS
from qembed.corpus.formats import PICTURES
from qembed.corpus.readers.registry import read_plain
from qembed.models import PROFILES, TASKS
from tests.documentation import ROOT, blocks, headings, tables

OPTION = re.compile(r"`(--?[A-Za-z0-9][\w-]*)`")


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name as typed after `qembed`, command) of a command and those below it."""
    yield name, command
    for inner in getattr(command, "commands", None) or ():
        yield from commands(command.commands[inner], f"{name} {inner}")


ROOT_COMMAND = get_command(app)
ALL = dict(pair for name in COMMANDS for pair in commands(ROOT_COMMAND.commands[name], name))


def documented(page: str, heading: str, first: str) -> list[list[str]]:
    """The rows of the one table under a heading whose first column has this name."""
    (rows,) = [rows for above, rows in tables(page) if above == heading and rows[0][0] == first]
    return rows[1:]


def test_every_command_is_in_the_table() -> None:
    rows = documented("docs/cli.md", "Commands", "command")
    named = {m for row in rows for m in re.findall(r"`([\w-]+)[^`]*`\]\(#", row[0])}
    assert named == set(COMMANDS)
    said = ROOT_COMMAND.get_help(ROOT_COMMAND.make_context("qembed", [], resilient_parsing=True))
    assert all(re.search(rf"^ +{name}\b", said, re.M) for name in named)


def test_every_command_has_a_section() -> None:
    assert set(ALL) <= set(headings("docs/cli.md"))


def options(command: Any) -> set[str]:
    """All spellings of a command's options, without --help."""
    found = {
        spelling
        for p in command.params
        if p.param_type_name == "option" and not p.hidden
        for spelling in (*p.opts, *p.secondary_opts)
    }
    return found - {"--help", "-h"}


@pytest.mark.parametrize("name", [n for n, c in ALL.items() if options(c)])
def test_every_option_is_in_its_command_s_table(name: str) -> None:
    rows = documented("docs/cli.md", name, "option")
    assert {m for row in rows for m in OPTION.findall(row[0])} == options(ALL[name])


def test_exit_codes() -> None:
    rows = documented("docs/cli.md", "Exit codes", "code")
    codes = {int(n) for row in rows for n in row[0].split(", ")}
    assert codes == {*ExitCode, 1}


def test_environment_variables() -> None:
    rows = documented("docs/cli.md", "Environment variables", "variable")
    source = "".join(p.read_text("utf-8") for p in (ROOT / "qembed").rglob("*.py"))
    assert {row[0].strip("`") for row in rows} == set(
        re.findall(r"\bQEMBED_[A-Z_]*[A-Z]\b", source)
    )


def plain(cell: str) -> str:
    """The text of a cell that is one code span."""
    return cell.strip("`").replace(r"\n", "\n")


def test_profiles() -> None:
    rows = documented("docs/models.md", "Profiles and templates", "family")
    assert [(r[0], plain(r[1]), plain(r[2]), int(r[3]), int(r[4] or 0)) for r in rows] == [
        (p.name, p.query, p.passage, p.max_tokens, p.min_dim or 0) for p in PROFILES
    ]


def test_tasks() -> None:
    rows = documented("docs/query-syntax.md", "Tasks and templates", "`--task`")
    assert {plain(r[0]): r[1] for r in rows if r[0].startswith("`")} == TASKS


def test_suffixes() -> None:
    rows = documented("docs/formats.md", "What is read", "kind")
    named = set(re.findall(r"\.\w+", " ".join(r[1] for r in rows)))
    assert {s for s, reader in READERS.items() if reader is not read_plain} <= named
    assert named - {".gz", ".zst"} <= READERS.keys() | PICTURES
    assert named >= PICTURES


def test_python_calls() -> None:
    rows = documented("docs/cli.md", "From Python", "call")
    calls = [re.fullmatch(r"`(qembed|index)\.(\w+)\((.+)\)`", row[0]) for row in rows]
    for call in filter(None, calls):
        found = getattr(qembed if call[1] == "qembed" else qembed.Index, call[2])
        names = {part.partition("=")[0].strip() for part in call[3].split(",")} - {"*"}
        known = inspect.signature(found).parameters.keys() - {"self"}
        assert names - {"…"} <= known if "…" in names else names == known
    public = {n for n in vars(qembed.Index) if not n.startswith("_")} - {"close"}
    assert {call[2] for call in calls if call} == public | {"open"}


def test_the_map_has_every_folder() -> None:
    rows = documented("docs/architecture.md", "The map", "folder")
    named = {m for row in rows for m in re.findall(r"\[([\w/]+)\]\(\.\./qembed/\1/\)", row[0])}
    package = ROOT / "qembed"
    folders = {p.parent.relative_to(package).as_posix() for p in package.rglob("__init__.py")}
    assert named == folders - {"."}


def test_the_layers_are_the_contract_s() -> None:
    (drawn,) = [b.text.split("\n") for b in blocks("docs/architecture.md") if b.language == "text"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = project["tool"]["importlinter"]["contracts"][0]
    assert drawn == [*(layer.replace("qembed.", "") for layer in contract["layers"]), ""]


def test_every_make_target_is_described() -> None:
    makefile = Path(ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", makefile, re.M)
    assert targets is not None
    rows = documented("CONTRIBUTING.md", "Commands", "command")
    described = {m for row in rows for m in re.findall(r"`make ([\w-]+)", row[0])}
    assert described == set(targets[1].split()) - {"compiled"}
