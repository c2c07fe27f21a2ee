"""`qembed config` refuses what the commands refuse, and both name the line of the key that it is about."""

from __future__ import annotations

import pytest

from tests.cli.conftest import FILES, Shell
from tests.cli.project_file import project

BOTH = 'queries = "q.jsonl"\nqrels = "qrels.tsv"\n'
"""Gates that stand on lines 4 and 5 of `gates`."""


def gates(text: str) -> str:
    """A project file whose first values are those that errors on gates could be said to be about."""
    return f'sources = ["docs", "q.jsonl"]\nexclude = ["qrels.tsv", "b.json"]\n[gates]\n{text}'


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An index with judged queries, a folder `docs`, and a report `b.json` of them."""
    shell = Shell(tmp_path_factory.mktemp("judged"))
    shell.write("docs/a.md", "w1 w2 w3")
    shell.write("docs/b.md", "w4 w5 w6")
    shell.write("q.jsonl", '{"_id": "q1", "text": "w1"}\n')
    shell.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\ta.md\t1\n")
    shell.write("other.tsv", "query-id\tcorpus-id\tscore\nq9\ta.md\t1\n")
    assert shell("index", "docs").code == 0
    assert shell(*FILES, "--report", "b.json").code == 0
    return shell


@pytest.mark.slow
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
        [f"{file}:10", "gates.max_drop"],
        [f"{file}:11", "gates.max_drop_significant"],
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


@pytest.mark.parametrize(
    ("text", "command", "line", "key", "said"),
    [
        ('sources = ["docs"]\nmodel = "minilm-l12"\n', ("index", "--index", "n"), 2, "model",
         "it scores pairs and gives no vectors"),
        ('sources = ["docs"]\nmodel = "./docs"\n', ("index", "--index", "n"), 2, "model",
         "docs: no model there"),
        ('sources = ["docs"]\nexclude = "#"\n', ("index", "--index", "n"), 2, "exclude",
         "not a pattern: '#'"),
        ('sources = ["minilm"]\nrerank = "minilm"\n', ("query", "w1"), 2, "rerank",
         "minilm: it gives vectors"),
        ('sources = ["docs"]\nrerank = "./docs"\n', ("query", "w1"), 2, "rerank",
         "docs: no model there"),
        ('rerank = "learned"\n', ("query", "w1"), 1, "rerank", "no learned order in"),
        (gates('queries = "docs"\nqrels = "qrels.tsv"\n'), ("eval",), 4, "gates.queries",
         "cannot read docs: it is a folder"),
        (gates('queries = "qrels.tsv"\nqrels = "q.jsonl"\n'), ("eval",), 4, "gates.queries",
         "swap --queries and --qrels"),
        (gates('queries = "q.jsonl"\nqrels = "other.tsv"\n'), ("eval",), 5, "gates.qrels",
         "judged queries that are not in the query file: 1 (q9)"),
        (gates(f'{BOTH}baseline = "q.jsonl"\n'), ("eval",), 6, "gates.baseline",
         "a mistake in q.jsonl"),
        (gates(f'{BOTH}baseline = "b.json"\nmax_drop = "AP=1%"\n'), ("eval",), 7, "gates.max_drop",
         "cannot compare with the baseline: it has no AP (it has "),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_config_and_the_command_name_the_same_line(
    judged: Shell, text: str, command: tuple[str, ...], line: int, key: str, said: str
) -> None:
    file = judged.write(".qembed.toml", text)
    told = judged("config", "--format", "json", QEMBED_MODEL="")
    mistakes = [m for m in told.json["mistakes"] if "q.jsonl: no such" not in m]
    mistakes = [m for m in mistakes if not m.startswith(f"{file}:1: sources")]
    assert told.code == 2
    assert len(mistakes) == 1, told.json["mistakes"]
    assert mistakes[0].startswith(f"{file}:{line}: {key}: ")
    assert said in mistakes[0]
    done = judged(*command, QEMBED_MODEL="")
    assert done.code == 2
    assert said in done.err
    assert done.err.endswith(f"qembed: this is from {file}:{line}\n"), done.err


@pytest.mark.parametrize(
    ("text", "line", "key", "lacking"),
    [
        ('queries = "q.jsonl"\n', 4, "queries", "qrels"),
        ('qrels = "qrels.tsv"\n', 4, "qrels", "queries"),
        ('common = true\nfail_under = "RR=0.1"\n', 4, "common", "baseline"),
        (f'{BOTH}max_drop = "RR=0.1"\n', 6, "max_drop", "baseline"),
        (f'{BOTH}max_drop_significant = "RR"\n', 6, "max_drop_significant", "baseline"),
        (f"{BOTH}common = true\n", 6, "common", "baseline"),
    ],
)
def test_half_of_the_gates_is_a_mistake(
    judged: Shell, text: str, line: int, key: str, lacking: str
) -> None:
    file = judged.write(".qembed.toml", gates(text))
    told = judged("config", "--format", "json").json["mistakes"]
    wanted = f"{file}:{line}: gates.{key}: the table gates of {file} has no {lacking}"
    assert wanted in told
    done = judged("eval")
    assert done.code == 2
    assert f"qembed: the table gates of {file} has no {lacking}\n" in done.err


def test_several_mistakes_are_told_at_once_each_with_its_line(judged: Shell) -> None:
    file = judged.write(
        ".qembed.toml",
        gates('queries = "docs"\nqrels = "b.json"\nbaseline = "q.jsonl"\nfail_under = "RR=7"\n'),
    )
    done = judged("eval")
    assert done.code == 2
    assert "RR lies between 0 and 1" in done.err
    assert "a mistake in q.jsonl" in done.err
    said = [line for line in done.err.splitlines() if line.startswith("qembed: ")]
    places = [line.rpartition(":")[2] for line in said[1::2]]
    assert places == ["7", "6", "5", "4"], "each below its mistake"
    assert said[-2].startswith("qembed: cannot read docs: it is a folder")
    told = judged("config", "--format", "json").json["mistakes"]
    assert [t.removeprefix(f"{file}:")[0] for t in told if "gates" in t] == ["4", "5", "6", "7"]


def test_a_file_that_the_commands_take_has_no_mistakes(judged: Shell) -> None:
    drops = 'baseline = "b.json"\ncommon = true\nmax_drop = { "nDCG@10" = "2%" }\n'
    judged.write(
        ".qembed.toml",
        f'sources = ["docs"]\nmodel = "auto"\nrerank = "none"\nexclude = "*.rst"\n[gates]\n{BOTH}{drops}',
    )
    told = judged("config", "--format", "json")
    assert (told.code, told.json["mistakes"]) == (0, [])
    assert judged("eval", "--mode", "dense").code == 0
    assert judged("index").code == 0


@pytest.mark.parametrize("command", ["config", "index"])
def test_standard_input_is_no_source_to_share(shell: Shell, command: str) -> None:
    project(shell, 'sources = ["-"]\n')
    done = shell(command, stdin='{"_id": "r", "text": "one"}\n')
    assert done.code == 2
    wanted = "sources: a path is wanted, not - (qembed index - reads standard input)"
    assert f".qembed.toml:1: {wanted}\n" in done.err


def test_an_empty_text_is_what_is_told(shell: Shell) -> None:
    text = 'model = ""\nexclude = ["!x", ""]\nwhere = "  "\ninclude = [1]\nsources = []\n'
    project(shell, text)
    said = shell("config").err
    for line, message in (
        (1, "model: a text is wanted, not ''"),
        (2, "exclude: a text is wanted, not '' as text 2 of 2"),
        (3, "where: a text is wanted, not '  '"),
        (4, "include: a text or a list of texts is wanted"),
    ):
        assert f".qembed.toml:{line}: {message}\n" in said


def test_settings_beside_the_own_file_are_told(docs: Shell) -> None:
    project(docs, "k = 1\n")
    file = docs.write("pyproject.toml", "[tool.qembed]\nk = 5\n")
    line = f"tool.qembed in {file} is not used, beside .qembed.toml\n"
    assert docs("config").out.splitlines(keepends=True)[1] == line
    assert docs("config", "--format", "json").json["unused"] == str(file)
    assert docs("index").err == f"qembed: warning: {line}"
    assert docs("index", "-q").err == ""
    assert f"qembed: warning: {line}" in docs("query", "parcel").err
    file.unlink()
    assert docs("config", "--format", "json").json["unused"] is None
