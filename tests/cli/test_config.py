"""Settings of a project file in `index`, `query` and `eval`, and `qembed config`, which shows them."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.cli.conftest import BAG, Shell


def project(shell: Shell, text: str) -> None:
    shell.write(".qembed.toml", text)


def setting(shell: Shell, name: str, **env: str) -> tuple[Any, str]:
    (found,) = [
        s for s in shell("config", "--format", "json", **env).json["settings"] if s["name"] == name
    ]
    return found["value"], found["from"]


def documents(shell: Shell, *args: str) -> list[str]:
    done = shell("query", "note", "--format", "jsonl", *args)
    assert done.code == 0, done.err
    return sorted(line["document"] for line in done.lines)


@pytest.mark.slow
def test_index_reads_the_projects_sources_without_its_excludes(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/drafts/b.md", "a draft note")
    shell.write("more/c.md", "another note")
    project(shell, 'sources = ["docs"]\nexclude = ["drafts/"]\n')
    done = shell("index")
    assert done.code == 0, done.err
    assert documents(shell) == ["a.md"]
    # an option wins; what was added by hand is refreshed with the project's sources
    assert shell("index", "more", "--exclude", "none").code == 0
    shell.write("more/d.md", "a later note")
    shell.write("docs/e.md", "one more note")
    assert shell("index").code == 0
    assert documents(shell) == ["a.md", "c.md", "d.md", "e.md"]
    assert shell("index", "--rebuild").code == 0
    assert documents(shell) == ["a.md", "c.md", "d.md", "e.md"]


@pytest.mark.slow
def test_the_projects_sources_keep_what_the_index_remembers_of_them(shell: Shell) -> None:
    for name in ("a", "b", ".hidden"):
        shell.write(f"docs/{name}.md", f"text of {name}")
    args = ["--exclude", "a*", "--hidden", "--meta", "team=x"]
    assert shell("index", "docs", *args).code == 0
    project(shell, 'sources = ["docs"]\n')
    assert "2 unchanged" in shell("index").out
    told = [line.split() for line in shell("config").out.splitlines()]
    assert ["exclude", "a*", "index"] in told
    hits = shell("query", "text", "--where", "team = 'x'", "--format", "jsonl").lines
    assert sorted(h["document"] for h in hits) == [".hidden.md", "b.md"]
    # an option without PATH is remembered, too; with PATH all settings are the command's
    assert shell("index", "--exclude", "b*", "--yes").code == 0
    assert shell("index").code == 0
    assert documents(shell) == [".hidden.md", "a.md"]
    assert shell("index", "docs", "--yes").code == 0
    assert documents(shell) == ["a.md", "b.md"]


@pytest.mark.slow
def test_a_filter_that_the_project_has_no_more_is_forgotten(shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.write(f"docs/{name}.md", f"text of {name}")
    for sources in ("", 'sources = ["docs"]\n'):
        path = [] if sources else ["docs"]
        project(shell, f'{sources}exclude = ["a.md"]\n')
        assert shell("index", *path).code == 0
        assert documents(shell) == ["b.md", "c.md"]
        project(shell, sources)
        assert settings(shell)["exclude"]["value"] is None
        assert "1 added" in shell("index").out
        assert documents(shell) == ["a.md", "b.md", "c.md"]
        # one of the command line stays, beside the project's and after it
        assert shell("index", "--exclude", "b.md").code == 0
        project(shell, f"{sources}max_file_size = 12\n")
        assert shell("index").code == 0
        project(shell, sources)
        assert shell("index").code == 0
        assert documents(shell) == ["a.md", "c.md"]
        assert settings(shell)["exclude"]["value"] == ["b.md"]
        assert shell("index", "docs").code == 0


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


def test_eval_takes_the_projects_gates_as_a_whole(collection: Shell) -> None:
    project(
        collection,
        '[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\nfail_under = { "nDCG@10" = 1.0 }\n',
    )
    assert collection("eval", "--mode", "dense").code == 3
    assert collection("eval", "--mode", "dense", "--fail-under", "nDCG@10=0").code == 0
    # somebody's own queries are not the project's to judge
    assert collection("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv").code == 0
    sub = collection.folder / "sub"
    sub.mkdir()
    assert Shell(sub)("eval", "--mode", "dense").code == 3


def test_an_error_about_a_value_names_its_place(collection: Shell) -> None:
    gates = '[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\n'
    for text, args, line in (
        ('sources = ["none"]\n', ("index",), 1),
        ("\nwhere = \"path gob 'x'\"\n", ("query", "w1"), 2),
        (f'{gates}fail_under = ["nDCG@10=70"]\n', ("eval",), 4),
        ('k = 3\n[gates]\nqrels = "gone.tsv"\nqueries = "q.jsonl"\n', ("eval",), 3),
    ):
        file = collection.write(".qembed.toml", text)
        done = collection(*args)
        assert done.code == 2, done.err
        assert done.err.endswith(f"qembed: this is from {file}:{line}\n"), done.err
    collection.write(".qembed.toml", "k = 3\n")
    assert "this is from" not in collection("query", "w1", "--where", "path gob 'x'").err


def test_options_of_the_command_line_are_not_said_to_be_the_files(collection: Shell) -> None:
    file = collection.write(
        ".qembed.toml",
        'k = 3\n[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\n'
        'fail_under = { "nDCG@10" = 0.1 }\n',
    )
    both = ("--queries", "q.jsonl", "--qrels", "qrels.tsv")
    for args in (
        (*both, "--baseline", "no.json"),
        ("--fail-under", "nDCG@10=70"),
        ("--queries", "q.jsonl"),
    ):
        done = collection("eval", *args)
        assert done.code == 2
        assert "this is from" not in done.err, done.err
        assert "the table gates" not in done.err, done.err
    assert str(file) not in done.err


def test_a_refusal_by_an_option_names_the_file_that_set_it(shell: Shell) -> None:
    for n in range(12):
        shell.write(f"docs/{n}.md", f"note number {n}")
    assert shell("index", "docs").code == 0
    file = shell.write(".qembed.toml", "k = 3\nmax_file_size = 5\n")
    done = shell("index", "docs")
    assert done.code == 2
    assert "without --max-file-size they stay" in done.err
    assert done.err.endswith(f"qembed: this is from {file}:2\n"), done.err
    own = shell("index", "docs", "--max-file-size", "5")
    assert own.code == 2
    assert "this is from" not in own.err
    shell.write(".qembed.toml", 'model = "minilm"\n')
    other = shell("index", "--model", "bge-small")
    assert other.code == 2
    assert "--model" in other.err
    assert "this is from" not in other.err


def test_half_of_the_gates_names_the_file_and_the_other_half(collection: Shell) -> None:
    file = collection.folder / ".qembed.toml"
    for text, lacking in (
        ('[gates]\nqueries = "q.jsonl"\nfail_under = "RR=0.1"\n', "qrels"),
        ('[gates]\nqrels = "qrels.tsv"\n', "queries"),
        ('[gates]\nfail_under = "RR=0.1"\n', "qrels and queries"),
        (
            '[gates]\nqueries = "q.jsonl"\nqrels = "qrels.tsv"\nmax_drop = { RR = 0.1 }\n',
            "baseline",
        ),
    ):
        project(collection, text)
        done = collection("eval")
        assert done.code == 2
        assert done.err.endswith(f"qembed: the table gates of {file} has no {lacking}\n"), done.err
    # with inputs of one's own the file has no part in it
    assert str(file) not in collection("eval", "--queries", "q.jsonl").err


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
def test_excludes_hold_for_remembered_sources_too(shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.write(f"docs/{name}.md", f"a note {name}")
    assert shell("index", "docs", "--exclude", "a.md").code == 0
    assert documents(shell) == ["b.md", "c.md"]
    project(shell, 'exclude = ["c.md"]\n')
    assert shell("index").code == 0
    assert documents(shell) == ["a.md", "b.md"]
    assert shell("index", "--exclude", "b.md").code == 0
    assert documents(shell) == ["a.md", "c.md"]


def test_config_checks_values_as_the_commands_do(collection: Shell) -> None:
    file = collection.write(
        ".qembed.toml",
        """\
sources = ["corpus.jsonl", "gone", "away"]
model = "minilmm"
where = ["path gob 'x'", "id = 'd1'"]

[gates]
queries = "q.jsonl"
qrels = "none.tsv"
fail_under = "nDCG@10=70"
query_floor = { RR = 0.1 }
max_drop = ["nDCG@10=2%", "nDCG@10"]
max_drop_significant = "nGCD@10"
""",
    )
    done = collection("config", "--format", "json")
    assert done.code == 2
    told = done.json["mistakes"]
    assert [line.split(": ")[:2] for line in told] == [
        [f"{file}:1", "sources"],
        [f"{file}:1", "sources"],
        [f"{file}:2", "model"],
        [f"{file}:3", "where"],
        [f"{file}:7", "gates.qrels"],
        [f"{file}:8", "gates.fail_under"],
        [f"{file}:10", "gates.max_drop"],
        [f"{file}:11", "gates.max_drop_significant"],
    ]
    assert all(line in done.err for line in told)
    assert "gone: no such file or folder" in told[0]
    assert "did you mean 0.7?" in told[5]
    text = collection("config")
    assert text.code == 2
    assert "gates.fail_under" in text.out, "the settings are shown all the same"
    # the commands refuse the same values
    assert collection("index").code == 2
    assert collection("query", "w1").code == 2
    assert collection("eval").code == 2


def test_a_field_that_no_document_has_is_a_mistake_where_there_is_an_index(
    collection: Shell,
) -> None:
    project(collection, "where = \"colour = 'red'\"\n")
    refused = collection("query", "w1")
    done = collection("config")
    assert (refused.code, done.code) == (2, 2)
    assert refused.err.splitlines()[0].removeprefix("qembed: --where, ") in done.err
    project(collection, 'where = ["id =", "b"]\n')
    assert collection("config").err.count("qembed: ") == 2, "a mistake for each"
    project(collection, "where = \"id = 'd1'\"\n")
    assert (collection("config").code, collection("query", "w1").code) == (0, 0)


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


def settings(shell: Shell) -> dict[str, Any]:
    body = shell("config", "--format", "json").json
    return {s["name"]: {"value": s["value"], "from": s["from"]} for s in body["settings"]}


def test_the_filter_of_a_project_holds_for_its_own_judgments_too(docs: Shell) -> None:
    docs.write(".qembed.toml", "where = \"suffix = '.txt'\"\n")
    docs.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    inputs = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--format", "json"]
    report = docs(*inputs).json
    assert report["settings"]["where"] == ["suffix = '.txt'"]
    assert report["measures"]["nDCG@10"] == 0
    anything = docs(*inputs, "--where", "suffix exists").json
    assert anything["settings"]["where"] == ["suffix exists"]


def test_a_filter_that_leaves_nothing_names_its_file(docs: Shell) -> None:
    docs.write(".qembed.toml", "where = \"suffix = '.rst'\"\n")
    done = docs("query", "parcel")
    assert done.code == 0
    assert "filtered by suffix = '.rst': this is from " in done.err
    assert done.err.rstrip().endswith(".qembed.toml:1")
    assert "filtered by" not in docs("query", "parcel", "--where", "suffix = '.rst'").err
    assert "filtered by" not in docs("query", "parcel", "--where", "suffix = '.md'").err


def test_a_baseline_that_is_not_there_is_told_how_to_be_made(docs: Shell) -> None:
    docs.write(
        ".qembed.toml",
        '[gates]\nqueries = "a q.jsonl"\nqrels = "qrels.tsv"\nbaseline = "b.json"\n'
        'max_drop = "nDCG@10=2%"\n',
    )
    docs.write("a q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    done = docs("eval")
    assert done.code == 2
    command = "qembed eval --queries 'a q.jsonl' --qrels qrels.tsv --report b.json"
    assert f"cannot read b.json: no such file or folder (this makes it: {command})" in done.err
    assert done.err.rstrip().endswith(".qembed.toml:4")
    assert docs(*shlex.split(command)[1:]).code == 0
    assert docs("eval").code == 0
