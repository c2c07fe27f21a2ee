"""The help's list of commands is written without importing them: here it is held against them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qembed.cli.app import COMMANDS, Main
from qembed.cli.command import LazyCommands
from qembed.cli.commands.eval.evaluate import EvalGroup
from tests.cli.conftest import Shell

GROUPS = {(): Main, ("eval",): EvalGroup}


def commands(path: tuple[str, ...]) -> dict[str, Any]:
    group = GROUPS[path]
    found = LazyCommands(group.package, group.targets)
    return {name: found[name] for name in found}


@pytest.mark.parametrize("path", GROUPS)
def test_a_line_says_what_the_command_says_of_itself(path: tuple[str, ...]) -> None:
    for name, command in commands(path).items():
        assert command.help.split()[:3] == GROUPS[path].targets[name][1].split()[:3]


@pytest.mark.parametrize("path", GROUPS)
def test_the_help_has_them_in_their_order(shell: Shell, path: tuple[str, ...]) -> None:
    listed = shell(*path, "--help").out.partition("Commands:\n")[2]
    names = list(GROUPS[path].targets)
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == names


def sections(text: str) -> dict[str, list[str]]:
    """Heading -> the options (or commands) listed below it."""
    found: dict[str, list[str]] = {}
    rows: list[str] = []
    for line in text.splitlines():
        if line and not line.startswith(" ") and line.endswith(":"):
            rows = found.setdefault(line[:-1], [])
        elif line[2:3].strip():
            rows.append(line.split()[0].rstrip(","))
    return found


@pytest.mark.parametrize("name", ["query", "index", "eval", "rerank"])
def test_many_options_are_in_groups_the_common_ones_first(shell: Shell, name: str) -> None:
    found = sections(shell(name, "--help").out)
    for heading in ("Arguments", "Commands"):
        found.pop(heading, None)
    assert next(iter(found)) == "Options"
    assert len(found) > 3
    assert all(found.values())
    assert sum(map(len, found.values())) > 13
    assert "-h" in found["Options"]


@pytest.mark.parametrize("path", [["add"], ["eval", "sts"], ["eval", "diff"], ["status"]])
def test_few_options_are_one_list(shell: Shell, path: list[str]) -> None:
    assert set(sections(shell(*path, "--help").out)) <= {"Arguments", "Options"}


def test_a_shared_option_may_be_in_another_group_elsewhere(shell: Shell) -> None:
    evaluate, query = (sections(shell(name, "--help").out) for name in ("eval", "query"))
    assert "--task" in evaluate["Retrieval, as in qembed query"]
    assert "--task" in query["Model and instruction"]


@pytest.mark.parametrize(("columns", "widest"), [("60", 58), ("100", 98), ("250", 98)])
@pytest.mark.slow
def test_it_is_as_wide_as_the_terminal_up_to_a_limit(
    shell: Shell, columns: str, widest: int
) -> None:
    for path in [["query"], ["eval", "sts"], []]:
        shown = shell.process(*path, "--help", COLUMNS=columns).out
        head, _, text = shown.partition("Options:")
        assert widest - 12 < max(map(len, text.splitlines())) <= widest
        assert max(map(len, head.splitlines())) <= int(columns)


def test_every_command_is_in_the_table() -> None:
    assert set(COMMANDS) == set(Main.targets)


def test_eval_names_its_commands(shell: Shell) -> None:
    done = shell("eval", "--help")
    assert done.code == 0
    for word in ("diff", "pool", "init", "sts", "--ablate", "--max-drop-significant"):
        assert word in done.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["query", "refund", "policy", "it's late"],
            "qembed query 'refund policy it'\"'\"'s late'",
        ),
        (["add", "Bob", "likes", "tea"], "qembed add 'Bob likes tea'"),
        (["query", "x", "--mode", "foo"], "(qembed query -h shows what there is)"),
        (["query", "x", "--nosuch"], "no such option: --nosuch"),
        (["nosuch"], "no such command 'nosuch'"),
        (["--nosuch"], "no such option: --nosuch"),
        (["quer", "x"], "no such command 'quer'; did you mean 'query'?"),
        (["query", "x", "--formt", "json"], "no such option: --formt; did you mean --format?"),
        (["query", "x", "--bogus"], "no such option: --bogus (qembed query -h"),
        (["query", "-birthday"], "(a text: qembed query -- -birthday)"),
        (["models", "show"], "missing argument 'SPEC'"),
        (["eval", "diff", "a"], "missing argument"),
    ],
)
def test_mistakes_are_told_in_one_line(shell: Shell, args: list[str], message: str) -> None:
    done = shell(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("qembed: ")
    assert done.err.count("\n") == 1
    assert message in done.err


EXIT_CODES = {
    "index": "024 75",
    "query": "024",
    "watch": "2 130 143",
    "similar": "02",
    "duplicates": "02",
    "map": "02",
    "indexes": "02 75",
    "trust": "02 75",
    "add": "024 75",
    "forget": "02 75",
    "verify": "02",
    "drift": "023",
    "update-model": "023 75 130",
    "status": "023",
    "tune": "03 75",
    "export milvus": "02 75",
    "export qdrant": "02",
    "export parquet": "02",
    "eval": "023",
    "eval sts": "023",
    "train encoder": "023",
    "train reranker": "023",
    "train adapt": "023",
    "train dual": "023",
    "train sequence": "023",
    "models show": "023",
    "feedback log": "02 75",
    "feedback add": "024 75",
    "feedback import": "024 75",
    "feedback agent": "024 75",
    "feedback pairs": "023",
    "feedback learn": "023",
    "feedback never": "02 75",
    "feedback report": "02",
    "feedback promote": "023 75",
    "feedback forget": "02 75",
}
"""Command -> exit codes that its help names."""


@pytest.mark.parametrize("command", EXIT_CODES)
def test_help_names_the_exit_codes(shell: Shell, command: str) -> None:
    said = shell(*command.split(), "--help").out.partition("Exit codes: ")[2].partition("\n\n")[0]
    found = re.findall(r"(?:^|; )(\d+) ", " ".join(said.split()))
    digits, _, more = EXIT_CODES[command].partition(" ")
    assert found == [*digits, *more.split()]


def test_no_line_of_a_command_is_cut(shell: Shell) -> None:
    for group in ((), ("eval",), ("export",), ("train",), ("models",), ("feedback",)):
        listed = shell(*group, "--help").out.partition("Commands:\n")[2]
        assert listed
        assert "..." not in listed


def test_defaults_have_one_pair_of_brackets(shell: Shell) -> None:
    for command in ("query", "rerank", "eval", "tune", "index"):
        assert "[default: (" not in " ".join(shell(command, "--help").out.split())


def test_help_names_the_rerankers(shell: Shell) -> None:
    for command in ("query", "eval", "rerank"):
        assert "minilm-l12" in shell(command, "--help").out


def test_help_names_the_tasks(shell: Shell) -> None:
    from qembed.cli.options import TASKS as named
    from qembed.models import TASKS

    assert named.split(", ") == list(TASKS)
    assert all(name in shell("query", "--help").out for name in TASKS)
    assert all(name in shell("models", "show", "--help").out for name in TASKS)


def test_a_task_that_changes_nothing_is_said(docs: Shell) -> None:
    done = docs("query", "money", "--task", "code")
    assert done.code == 0
    assert "warning: --task changes nothing: " in done.err
    assert docs("query", "money", "--task", "code", "--format", "json").json["warnings"]
    assert (
        "changes nothing" not in docs("query", "money", "--task", "code", "--mode", "lexical").err
    )
    used = docs("query", "money", "--task", "code", "--template", "{task}: {query}")
    assert "changes nothing" not in used.err
    without = docs("query", "money", "--task", "a sentence of mine", "--no-instruction")
    assert "--task and --no-instruction change nothing: " in without.err
    unknown = docs("query", "money", "--task", "foo")
    assert unknown.code == 2
    assert "unknown task 'foo' (names: web, memory, document, code, qa" in unknown.err


def test_listed_names_are_models(shell: Shell) -> None:
    from qembed.models.spec import parse_spec

    listed = shell("models", "list", "--format", "json").json["models"]
    for m in listed:
        named = parse_spec(m["name"])
        if m["name"] == "all-MiniLM":  # all of it is built in
            assert named == parse_spec("minilm")
        else:
            assert named == named._replace(kind="hub", name=m["model"])
        assert parse_spec(m["model"].rpartition("/")[2]).name == m["model"]
    assert parse_spec("bge-m3@main").revision == "main"
    assert parse_spec("no-such-model").kind == "unknown"
    assert parse_spec("bge-small-en-v1.5").name == "BAAI/bge-small-en-v1.5"
    assert shell("models", "show", "foo/bar", "--format", "json").json["verified"] is False
