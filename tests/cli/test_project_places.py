"""Refusals name the line of the project file that set the value, and only where it did."""

from __future__ import annotations

from tests.cli.conftest import Shell


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


def test_a_filter_that_leaves_nothing_names_its_file(docs: Shell) -> None:
    docs.write(".qembed.toml", "where = \"suffix = '.rst'\"\n")
    done = docs("query", "parcel")
    assert done.code == 0
    assert "filtered by suffix = '.rst': this is from " in done.err
    assert done.err.rstrip().endswith(".qembed.toml:1")
    assert "filtered by" not in docs("query", "parcel", "--where", "suffix = '.rst'").err
    assert "filtered by" not in docs("query", "parcel", "--where", "suffix = '.md'").err


def test_an_evaluation_that_a_filter_leaves_nothing_says_why(docs: Shell) -> None:
    docs.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    docs.write("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\tparcels.md\t1\n")
    inputs = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "lexical")
    own = docs(*inputs, "--where", "suffix = '.rst'")
    assert own.code == 2
    assert (
        "no judged query has a result: the run is empty\n  suffix: no document has '.rst'; "
        in own.err
    )
    assert "known values: '.md'" in own.err
    assert "this is from" not in own.err
    file = docs.write(".qembed.toml", "k = 3\nwhere = \"suffix = '.rst'\"\n")
    shared = docs(*inputs)
    assert "suffix: no document has '.rst'; known values: '.md'" in shared.err
    assert shared.err.endswith(f"qembed: this is from {file}:2\n"), shared.err


def test_values_of_the_environment_and_of_other_options_are_not_said_to_be_the_files(
    docs: Shell,
) -> None:
    file = docs.write(".qembed.toml", 'log = "hashed"\nrerank = "late"\n')
    wrong = docs("query", "parcel", QEMBED_LOG="maybe")
    assert (wrong.code, wrong.err) == (2, "qembed: QEMBED_LOG=maybe: 1, 0 or hashed is wanted\n")
    other = docs("query", "parcel", "--model", "late")
    assert "late: it scores pairs and gives no vectors" in other.err
    assert "this is from" not in docs("query", "parcel", "--model=late").err + other.err
    # the same word from the file alone
    docs.write(".qembed.toml", 'log = "hashed"\nrerank = "learned"\n')
    assert docs("query", "parcel").err.endswith(f"qembed: this is from {file}:2\n")
