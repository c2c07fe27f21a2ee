from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError
from qembed.evaluation import read_queries
from qembed.evaluation.formats.json_records import is_text
from qembed.evaluation.formats.source_file import is_comment
from qembed.evaluation.formats.table_rows import unquote
from qembed.types import Query

BOTH = [Query("q1", "refund policy"), Query("q2", "who pays  postage?")]


def read(tmp_path: Path, text: str | bytes, **options: Any) -> list[Query]:
    path = tmp_path / "queries.any"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_queries(path, **options)


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(InputError) as e:
        read(tmp_path, text)
    return [p.replace(str(tmp_path / "queries.any"), "F") for p in e.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        '{"_id": "q1", "text": "refund policy"}\n{"_id": "q2", "text": "who pays  postage?"}\n',
        '\n{"id": "q1", "text": "refund policy"}\n\n{"query_id": "q2", "text": "who pays  postage?"}',
        '[{"_id": "q1", "text": "refund policy"}, {"_id": "q2", "text": "who pays  postage?"}]',
        '[\n  {\n "qid": "q1",\n "query": "refund policy"},{"_id":"q2","text":"who pays  postage?"}\n]\n',
        "q1\trefund policy\nq2\twho pays  postage?\n",
        "query-id\ttext\nq1\trefund policy\nq2\twho pays  postage?",
        "_id\tquery\nq1\trefund policy\n\n q2 \twho pays  postage?\n",
    ],
)
def test_one_file_in_many_forms(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == BOTH
    assert read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        '{"q1": "refund policy", "q2": "who pays  postage?"}',
        '{"q1": {"text": "refund policy"},\n "q2": {"question": "who pays  postage?"}}',
        '{"0": {"_id": "q1", "text": "refund policy"}, "1": {"id": "q2", "query": "who pays  postage?"}}',
        '{"queries": [{"_id": "q1", "text": "refund policy"},'
        ' {"qid": "q2", "question": "who pays  postage?"}]}',
        '{"version": 2,\n "topics": [\n{"number": "q1", "title": "refund policy"},\n'
        '{"number": "q2", "title": "who pays  postage?"}],\n "source": "trec"}',
        '{"Questions": {"q1": "refund policy",\n "q2": "who pays  postage?"}, "n": 2}',
        '[{"question_id": "q1", "question": "refund policy"},'
        ' {"question_id": "q2", "question": "who pays  postage?"}]',
        '{"Query ID": "q1", "Query Text": "refund policy"}\n'
        '{"queryId": "q2", "queryText": "who pays  postage?"}\n',
    ],
)
def test_queries_in_json_of_many_forms(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == BOTH
    assert read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == BOTH


def test_one_object_may_be_one_query(tmp_path: Path) -> None:
    assert read(tmp_path, '{"_id": "q1", "text": "refund policy"}') == BOTH[:1]
    text = '{"q1": {"text": "x", "task": "web", "where": "a = 1"}}'
    assert read(tmp_path, text) == [Query("q1", "x", "web", "a = 1")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"q1": "x",\n"q2": "",\n"q3": 4,\n"q4": {},\n"": "y"}',
         ["F:2: query 'q2': \"text\" is empty", "F:3: query 'q3': \"text\" is a number",
          "F:4: query 'q4': no \"text\"", "F:5: \"_id\" cannot be ''"]),
        ('{"a": 1, "queries": [\n{"_id": "1", "text": "x"},\n"y",\n{"text": "z"}\n]}',
         ["F:3: expected a JSON object, found a text", 'F:4: no "_id"']),
        ('{"queries":\n{"q1": "x",\n"q2": []}}', ["F:3: query 'q2': \"text\" is a list"]),
        ('{"text": "x"}', ['F:1: no "_id"']),
        ('{"q1": "x",\n"q1": "y"}', ['F:1: "q1" is there twice']),
        ('{"q1": "x",\n"q2": }', ["F:2: not JSON (Expecting value"]),
        ('{"queries": []}', ["F:1: there is no query in it"]),
        ('["x", "y"]', ["F:1: not a query file"]),
        ('[\n"x"]', ["F:2: expected a JSON object, found a text"]),
    ],
)  # fmt: skip
def test_mistakes_in_json_objects_have_their_line(
    tmp_path: Path, text: str, wanted: list[str]
) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(wanted), found
    assert all(f.startswith(w) for f, w in zip(found, wanted, strict=True)), found


def test_numbers_become_ids_and_a_query_has_its_own_task_and_filter(tmp_path: Path) -> None:
    text = '{"_id": 7, "text": "x", "task": "web", "where": "user = 1", "metadata": {"a": 1}}'
    assert read(tmp_path, text) == [Query("7", "x", "web", "user = 1")]
    assert read(tmp_path, '{"id": 9, "_id": "a", "text": "x"}') == [Query("a", "x")]


def test_the_words_of_a_query_are_never_changed(tmp_path: Path) -> None:
    text = "1\t  two  spaces, a\ttab, \u2028 and \x0c \n"
    assert read(tmp_path, text)[0].text == "  two  spaces, a\ttab, \u2028 and \x0c "


def test_classic_trec_topics(tmp_path: Path) -> None:
    text = """
<top>
<num> Number: 301
<title> International Organized
        Crime &amp; AT&T, x < 3

<desc> Description:
Identify organizations.
</top>
<TOP><num>MB02</num><title> Topic: second </title></TOP>
"""
    assert read(tmp_path, text) == [
        Query("301", "International Organized Crime & AT&T, x < 3"),
        Query("MB02", "second"),
    ]


def test_xml_topics(tmp_path: Path) -> None:
    topics = """<topic number="1"><title>first &amp; only</title><desc>no</desc></topic>
<topic number="2" type="x"><query>obama
   family tree</query><description>no</description></topic>
<topic id="3">A patient with <b>pain</b></topic>"""
    wanted = [Query("1", "first & only"), Query("2", "obama family tree")]
    whole = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<topics>' + topics + "\u00e9</topics>"
    assert read(tmp_path, whole.encode("latin-1"))[:2] == wanted
    assert read(tmp_path, topics) == [*wanted, Query("3", "A patient with")]


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    text = (
        '{"_id": "a", "text": "x"}\n{"_id": "b"}\n{"text": ""}\n"c"\n{"_id": "d", "text": "y"\n'
        '{"_id": true, "text": 3, "where": ["u"]}\n{"_id": "a", "text": "other"}\n'
        '{"_id": "e", "_id": "f", "text": "x"}\n{"_id": "g", "text": "\\ud800"}\n'
    )
    assert problems(tmp_path, text) == [
        "F:2: query 'b': no \"text\"",
        'F:3: no "_id"',
        'F:3: "text" is empty',
        "F:4: expected a JSON object, found a text",
        "F:5: not JSON (Expecting ',' delimiter at column 25)",
        'F:6: "_id" cannot be True',
        'F:6: "text" is a number',
        'F:6: "where" is a list, not a text',
        "F:7: query 'a' differs from line 1's",
        'F:8: "_id" is there twice',
        "F:9: query 'g': \"text\" holds half a surrogate pair",
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["F:1: there is no query in it (expected JSON lines, a JSON array or object, "]),
        ("\n \n", ["F:1: there is no query in it"]),
        ("[]", ["F:1: there is no query in it"]),
        ("id\ttext\n", ["F:1: there is no query in it"]),
        ("refund policy\nother\n", ["F:1: not a query file (expected JSON lines"]),
        ("1\tx\n2 y\n\tz\n3\t \n", ["F:2: no tab", "F:3: no id", "F:4: query '3' has no text"]),
        (b"1\tx\n2\t\xe9\n", ["F:2: not UTF-8 (byte 0xe9 at 3)"]),
        ('[{"_id": "1", "text": "x"},\n\n {"_id": "2"}]', ["F:3: query '2': no \"text\""]),
        ('[{"_id": "1", "text": "x"},\n]', ["F:2: not JSON (Expecting value at column 1)"]),
        ('[{"_id": "1", "text": "x"}\n', ["F:2: not JSON (the array is not closed by ])"]),
        ('[{"_id": "1", "text": "x"}]\n[]', ["F:1: there is more after the end"]),
        ("<html>\n</html>", ["F:1: starts with '<' but holds no <top> and no <topic>"]),
        ("<top><num>1<title>x\n<top><num>2<title>y</top>", ["F:1: <top> is never closed"]),
        ("<top>\n<num>1<desc>x</top>", ["F:1: topic 1 has no title"]),
        ("<top><title>x</top>", ["F:1: a topic without a number"]),
        ("<topics>\n<topic><title>x</title></topic></topics>", ["F:2: a topic without a number"]),
        ("<topics>\n<topic number='1'>", ["F:2: not XML (no element found at"]),
        ("[" * 100_000, ["F:1: not a query file"]),
        ('{"_id": "1", "text": ' + "[" * 100_000, ["F:1: JSON nested too deeply"]),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, wanted: list[str]) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(wanted)
    assert all(f.startswith(w) for f, w in zip(found, wanted, strict=True)), found


def test_an_id_may_begin_like_json_or_xml(tmp_path: Path) -> None:
    assert read(tmp_path, "[1]\tx\n") == [Query("[1]", "x")]
    assert read(tmp_path, "<urn:1>\tx\n") == [Query("<urn:1>", "x")]


def test_a_repeated_query_is_a_warning_and_kept_once(tmp_path: Path) -> None:
    heard: list[str] = []
    assert read(tmp_path, "1\tx\n2\ty\n1\tx\n", warn=heard.append) == [
        Query("1", "x"),
        Query("2", "y"),
    ]
    assert len(heard) == 1
    assert heard[0].endswith("more than once: 1")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_queries(tmp_path / "none")
    with pytest.raises(InputError, match="it is a folder"):
        read_queries(tmp_path)


names = st.text(min_size=1).filter(lambda t: t.strip() and is_text(t))
tsv_names = st.text(
    st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]), min_size=1
)


@settings(max_examples=60, deadline=None, database=None)
@given(st.dictionaries(names, st.tuples(names, st.none() | names), min_size=1), st.booleans())
@pytest.mark.slow
def test_json_round_trip(queries: Any, as_array: bool) -> None:
    wanted = [Query(name, text, task) for name, (text, task) in queries.items()]
    records = [{"_id": q.id, "text": q.text, "task": q.task} for q in wanted]
    lines = "\n".join(json.dumps(r, ensure_ascii=bool(len(r) % 2)) for r in records)
    with TemporaryDirectory() as folder:
        path = Path(folder, "q")
        path.write_text(json.dumps(records, indent=1) if as_array else lines, encoding="utf-8")
        assert read_queries(path) == wanted


# an id in quotes is read without them
tsv_ids = tsv_names.map(unquote).filter(lambda t: t and unquote(t) == t and not is_comment(t))


@settings(max_examples=60, deadline=None, database=None)
@given(st.dictionaries(tsv_ids, tsv_names.filter(str.strip), min_size=1))
def test_tsv_round_trip(queries: Any) -> None:
    wanted = [Query(name, text) for name, text in queries.items()]
    text = "id\ttext\n" + "".join(f"{q.id}\t{q.text}\n" for q in wanted)
    with TemporaryDirectory() as folder:
        path = Path(folder, "q")
        path.write_bytes(text.encode())
        assert read_queries(path) == wanted
