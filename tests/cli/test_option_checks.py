"""Options that contradict one another are refused, those without effect are told in one line."""

from __future__ import annotations

import pytest

from tests.cli.conftest import BAG, Shell

REFUSED = [
    (("query", "x", "--vimgrep", "--format", "json"), "--vimgrep and --format json"),
    (("query", "x", "--min-score", "2"), "--min-score 2: a cosine, from -1 to 1"),
    (("query", "x", "--min-score", "nan"), "--min-score: a number is wanted"),
    (("query", "x", "-q", "-v"), "-q and -v"),
    (("query", "x", "-q", "--explain"), "--quiet and --explain"),
    (("query", "x", "-k", "0"), "-k 0: at least 1"),
    (("query", "x", "--candidates", "0"), "--candidates 0: at least 1"),
    (("rerank", "--queries", "q.jsonl"), "--queries goes with --run"),
    (("rerank", "-q", "--explain"), "--quiet and --explain"),
    (("rerank", "--vimgrep", "--format", "tsv"), "--vimgrep and --format tsv"),
    (("query", "x", "-k", "abc"), "'-k': 'abc': a whole number is wanted"),
    (("query", "x", "--min-score", "abc"), "'--min-score': 'abc': a number is wanted"),
    (("eval", "--latency", "x"), "'--latency': 'x': a whole number is wanted"),
    (("rerank", "--model", "nope"), "'nope' is no reranker: late, "),
    (("rerank", "--model", "minilm"), "it gives vectors and scores no pairs"),
    (("rerank", "--encoder", "nope"), "'nope' is no model: "),
    (("status", "--fail-if-stale", "10"), "--fail-if-stale '10': a unit is wanted (10s, 10m, 10h"),
    (("serve", "--idle", "10"), "--idle '10': a unit is wanted"),
    (("query", "x", "--model", "py:os:getcwd"), "py:os:getcwd: it is no encoder: encode([text])"),
    (("query", "x", "--model", "py:os.path:basename"), "a function without arguments is wanted"),
    (("eval", "--latency", "-1"), "'--latency': -1 is not in the range"),
    (("eval", "--ef", "0"), "'--ef': 0 is not in the range"),
    (("status", "--fields", "-q"), "--fields and -q"),
    (("forget", "x", "--index", "a", "--index=b"), "--index was given twice; this command takes one index"),
    (("mcp", "--print-config", "claude", "--index", "a", "--index", "b"), "--index was given twice"),
    (("eval", "--queries", "a", "--queries", "b", "--split", "dev", "--split", "dev", "--split", "test"),
     "--queries was given twice; this command takes one; --split was given 3 times; this command"),
    (("query", "x", "--model", "a", "--rerank", "b", "--model", "a"), "--model was given twice"),
    (("eval", "diff", "a.json", "b.json", "-n", "-1"), "'-n': -1 is not in the range"),
    (("rerank", "--task", "wbe"), "unknown task 'wbe': did you mean 'web'?"),
    (("rerank", "--task", "wbe", "--model", "learned"), "unknown task 'wbe': did you mean 'web'?"),
    (("tune", "--undo", "--only", "mode"), "--undo chooses nothing anew: without --only"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "said"), REFUSED)
def test_contradictions_are_refused(docs: Shell, args: tuple[str, ...], said: str) -> None:
    done = docs(*args)
    assert done.code == 2, done.err
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert not done.out


UNUSED = [
    (("--document-score", "mean:3"), "--document-score: no effect without --by document"),
    (("--candidates", "5"), "--candidates: no effect without a reranker"),
    (("--format", "paths", "--context", "1"), "--context: no effect with --format paths"),
    (("--mode", "lexical", "--search", "exact"), "--search: no effect with --mode lexical"),
    (("--mode", "lexical", "--no-instruction"), "--no-instruction: no effect"),
    (("--mode", "lexical", "--model", "nonsense"), "--model: no effect with --mode lexical"),
    (("--format", "paths", "--thumbnails", "kitty"), "--thumbnails: no effect without --format text"),
    (("--no-instruction", "--template", "a {query}"), "--template: no effect with --no-"),
    (("--mode", "dense", "--fusion", "rrf"), "--fusion: no effect with --mode dense"),
    (("--no-instruction",), "--no-instruction changes nothing: bag-of-words has none"),
    (("--task", "web", "--no-instruction"), "--task and --no-instruction change nothing: bag"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "said"), UNUSED)
@pytest.mark.slow
def test_options_without_effect_are_told(docs: Shell, args: tuple[str, ...], said: str) -> None:
    kept = ("--format", "paths", "lexical", "dense", "--mode")
    plain = docs("query", "parcel", *(a for a in args if a in kept))
    done = docs("query", "parcel", *args)
    assert done.code == 0
    assert done.out == plain.out, "they change nothing"
    (line,) = done.err.splitlines()
    assert line.startswith("qembed: warning: ")
    assert said in line
    assert not docs("query", "parcel", *args, "-q").err


@pytest.mark.parametrize(
    "args",
    [
        ("--by", "document", "--document-score", "mean:3"),
        ("--candidates", "5", "--diversity", ".3"),
        ("--candidates", "5", "--rerank", "py:tests.cli.test_rerank:sure"),
        ("--mode", "lexical", "--min-score", "2"),
        ("--format", "vimgrep", "--vimgrep"),
        ("--context", "1", "--format", "jsonl"),
        ("-k", "5", "--mode", "lexical", "-k", "1", "--mode", "dense"),  # as after an alias
    ],
)
def test_options_with_an_effect_are_not(docs: Shell, args: tuple[str, ...]) -> None:
    assert not docs("query", "parcel", *args).err


@pytest.mark.slow
def test_eval_tells_what_has_no_effect(collection: Shell) -> None:
    judged = ("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--latency", "0")
    for args, said in (
        (("--candidates", "5"), "--candidates: no effect without a reranker"),
        (("--chunker", "none"), "--chunker: no effect without --beir DIR"),
        (("--max-tokens", "9", "--split", "dev"), "--max-tokens: no effect"),
        (("--alpha", ".1"), "--alpha: no effect without --baseline or --ablate"),
        (("--mode", "lexical", "--ef", "9"), "--ef: no effect with --mode lexical"),
        (("--ef", "9"), "--ef: no effect: the search was exact"),
    ):
        done = collection(*judged, *args)
        assert done.code == 0, done.err
        assert done.err.count(said) == 1
    assert "no effect" not in collection(*judged, "--search", "graph", "--ef", "90").err
    assert "no effect" not in collection(*judged).err
    words = (collection.folder / "q.jsonl").read_text()
    run = collection("query", "-", "--format", "trec", stdin=words)
    collection.write("run.trec", run.out)
    done = collection("eval", "--run", "run.trec", "--qrels", "qrels.tsv", "--mode", "dense", "-q")
    assert done.code == 0, done.err
    assert not done.err
    loud = collection("eval", "--run", "run.trec", "--qrels", "qrels.tsv", "--mode", "dense")
    assert "--mode: no effect with --run" in loud.err


def test_eval_without_input_names_its_ways(docs: Shell) -> None:
    done = docs("eval")
    assert done.code == 2
    for way in (
        "--qrels FILE",
        "--queries FILE",
        "eval init",
        "--run FILE",
        "--beir DIR",
        "--mteb TASK",
    ):
        assert way in done.err


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (("query", "x", "-k"), "qembed query"),
        (("query", "x", "--nope"), "qembed query"),
        (("query", "x", "-k", "many"), "qembed query"),
        (("eval", "diff", "a", "b", "-n"), "qembed eval diff"),
        (("eval", "--report"), "qembed eval"),
        (("index", "--meta"), "qembed index"),
        (("train", "mine", "--out"), "qembed train mine"),
        (("models", "show", "x", "--task"), "qembed models show"),
    ],
)
def test_usage_errors_point_at_the_command(
    docs: Shell, args: tuple[str, ...], command: str
) -> None:
    done = docs(*args)
    assert done.code == 2
    assert f"({command} -h shows what there is)" in done.err


def test_a_probability_beyond_one_is_refused(docs: Shell) -> None:
    sure = ("--rerank", "py:tests.cli.test_rerank:sure", "--min-score", "2")
    done = docs("query", "parcel", *sure)
    assert done.code == 2
    assert "--min-score 2: a probability, from 0 to 1" in done.err
    hits = docs("query", "parcel", "--format", "jsonl").out
    done = docs(
        "rerank", "--model", "py:tests.cli.test_rerank:sure", "--min-score", "-1", stdin=hits
    )
    assert done.code == 2
    assert "--min-score -1: a probability" in done.err


def test_a_task_that_is_none_is_refused_by_the_index_that_would_remember_it(docs: Shell) -> None:
    for command in (["index"], ["index", "docs", "--index", "new"], ["index", "--dry-run"]):
        done = docs(*command, "--task", "nix")
        assert (done.code, "unknown task 'nix'" in done.err) == (2, True)
    assert docs("status", "--format", "json").json["task"] is None
    done = docs("index", "--task", "code")
    assert done.code == 0
    assert "warning: --task changes nothing: " in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("query", "x", "--index", ""),
        ("index", "docs", "--index="),
        ("status", "--index", ""),
        ("eval", "--queries", "", "--qrels", "q"),
        ("eval", "--report="),
    ],
)
def test_an_empty_path_is_refused(docs: Shell, args: tuple[str, ...]) -> None:
    done = docs(*args)
    assert done.code == 2
    assert "a path is wanted, not '' (an empty variable?)" in done.err
    assert not (docs.folder / "manifest.json").exists()


def test_messages_on_models_name_no_option_that_was_not_given(docs: Shell) -> None:
    for command in (["models", "prepare", "nix"], ["models", "show", "--compare", "nix", BAG]):
        done = docs(*command)
        assert done.code == 2
        assert "nix" in done.err
        assert "--model" not in done.err
    hits = docs("query", "parcel", "--format", "jsonl").out
    done = docs("rerank", "--model", "nix", stdin=hits)
    assert (done.code, "'nix' is no reranker: " in done.err, "--rerank" in done.err) == (
        2,
        True,
        False,
    )
    assert "(--rerank late)" in docs("query", "x", "--model", "late").err


def test_a_number_where_texts_are_compared_is_told_to_be_quoted(shell: Shell) -> None:
    shell.write("r.jsonl", '{"text": "one", "date": "2024-05-01"}\n')
    assert shell("index", "r.jsonl").code == 0
    done = shell("query", "one", "--where", "date >= 2024")
    assert done.code == 2
    assert (
        "date is text, not a number: >= cannot compare them (a text stands in quotes: '2024')"
        in done.err
    )
    assert shell("query", "one", "--where", "date >= '2024'", "--format", "jsonl").lines
