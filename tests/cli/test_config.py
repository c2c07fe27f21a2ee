"""`qembed config`: settings, their values and origins, their mistakes; which of two origins holds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import BAG, Shell
from tests.cli.project_file import documents, project, setting, settings


def test_query_takes_k_and_where_unless_they_are_given(shell: Shell) -> None:
    for name, lang in (("a", "en"), ("b", "en"), ("c", "zh")):
        shell.write(f"docs/{name}.md", f"---\nlang: {lang}\n---\na note {name}")
    assert shell("index", "docs").code == 0
    project(shell, "k = 1\nwhere = \"lang = 'en'\"\n")
    assert len(documents(shell)) == 1
    assert documents(shell, "-k", "5") == ["a.md", "b.md"]
    assert documents(shell, "-k", "5", "--where", "lang = 'zh'") == ["c.md"]


def test_environment_before_project_before_index(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    project(shell, 'model = "minilm"\n')
    assert setting(shell, "model") == (BAG, "QEMBED_MODEL")
    value, source = setting(shell, "model", QEMBED_MODEL="")
    assert (value, source.rpartition("/")[2]) == ("minilm", ".qembed.toml:1")
    assert shell("index", "docs").code == 0  # with the variable's model
    (found,) = [
        s
        for s in shell("config", "--format", "json", QEMBED_MODEL="").json["settings"]
        if s["name"] == "model"
    ]
    assert (found["value"], found["from"]) == (BAG, "index")
    assert "--rebuild" in found["note"]
    done = shell("index", QEMBED_MODEL="")
    assert done.code == 2
    assert "--rebuild" in done.err
    assert documents(shell) == [
        "a.md"
    ]  # a query is of the index's model, whatever the project wants


def test_mistakes_stop_commands_and_not_the_help(shell: Shell) -> None:
    project(shell, "k = 1\nkay = 2\n")
    for command in ("index", "query", "eval", "config"):
        done = shell(command, *(["x"] if command == "query" else []))
        assert done.code == 2
        assert ".qembed.toml:2: unknown key kay" in done.err
        assert shell(command, "--help").code == 0
    assert shell("models", "list").code == 0


def test_text_names_every_origin(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    project(shell, 'k = 3\nsources = ["docs"]\n')
    done = shell("config", QEMBED_API_KEY="secret")
    assert done.code == 0
    assert "secret" not in done.out
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines()}
    assert rows["k"][0] == "3"
    assert rows["k"][1].endswith("/.qembed.toml:1")
    assert rows["sources"][0] == "docs"
    assert rows["QEMBED_API_KEY"] == ["(set)", "environment"]
    assert rows["where"] == ["none", "default"]


def test_no_project_no_index(shell: Shell) -> None:
    done = shell("config")
    assert done.code == 0
    assert done.out.startswith("project: no .qembed.toml here or above")
    assert setting(shell, "index")[0] is None


@pytest.mark.slow
def test_of_every_two_levels_the_higher_one_holds(shell: Shell) -> None:
    """Option, environment, project, index: each pair that a setting has."""
    other = "py:tests.encoders:other"
    shell.write("docs/a.md", "a note")
    shell.write("docs/b.txt", "a longer note " * 9)

    def made(*args: str, **env: str) -> Any:
        done = shell("index", "docs", "--rebuild", "--yes", "--format", "json", *args, **env)
        assert done.code == 0, done.err
        return done.json

    def names(*args: str) -> list[str]:
        assert shell("index", *args).code == 0
        return documents(shell)

    # the model of a new index
    project(shell, 'model = "minilm"\n')
    for args, env, wanted in (
        (["--model", other], {"QEMBED_MODEL": BAG}, other),  # option, environment
        (["--model", other], {"QEMBED_MODEL": ""}, other),  # option, project
        ([], {"QEMBED_MODEL": BAG}, BAG),  # environment, project
    ):
        done = shell("index", "docs", "--index", f"new{len(args)}{len(env['QEMBED_MODEL'])}", *args,
                     "--format", "json", **env)  # fmt: skip
        assert done.json["model"]["spec"] == wanted, done.err
    project(shell, "")
    assert made()["model"]["spec"] == BAG
    # of an index: an option or a project with another one is refused, a variable is told of
    assert shell("index", "--model", other).code == 2
    done = shell("index", QEMBED_MODEL=other)
    assert done.code == 0
    assert f"QEMBED_MODEL={other} is not used: the index was made with {BAG}" in done.err
    assert "is not used" in shell("config", QEMBED_MODEL=other).out
    assert "is not used" not in shell("index").err
    assert "is not used" not in shell("index", "--model", BAG, QEMBED_MODEL=other).err
    # the index: option, environment, place
    assert setting(shell, "index")[1] == "found here or above"
    assert shell("status", QEMBED_INDEX="none").code == 2
    assert shell("status", "--index", ".qembed", QEMBED_INDEX="none").code == 0
    assert setting(shell, "index", QEMBED_INDEX="none")[1] == "QEMBED_INDEX"
    # sources and their filters: option, project, index
    assert names("docs", "--include", "*.md") == ["a.md"]
    assert names() == ["a.md"]
    project(shell, 'include = "*.txt"\n')
    assert names("--yes") == ["b.txt"]
    assert names("--include", "*.md", "--yes") == ["a.md"]
    project(shell, 'include = "*"\nmax_file_size = 20\n')
    assert names() == ["a.md"]
    assert names("--max-file-size", "1M") == ["a.md", "b.txt"]
    # the task: option, index; another of the option is remembered
    assert shell("index", "--task", "a first task").code == 0
    assert setting(shell, "task") == ("a first task", "index")


def test_it_shows_the_filters_that_the_index_remembers(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("more/b.md", "a note")
    options = ("--exclude", "x*", "--max-file-size", "1048576")
    assert shell("index", "docs", *options).code == 0
    found = settings(shell)
    assert found["exclude"] == {"value": ["x*"], "from": "index"}
    assert found["max_file_size"] == {"value": "1M", "from": "index"}
    assert found["include"] == {"value": None, "from": "default"}
    assert "--max-file-size 1M" in shell("status").out
    assert shell("index", "more").code == 0
    assert settings(shell)["exclude"]["value"] == ["docs: x*"]
    project(shell, 'exclude = ["y*"]\n')
    assert settings(shell)["exclude"]["value"] == ["y*"]
