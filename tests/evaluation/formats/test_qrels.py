from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError
from qembed.evaluation import read_beir, read_qrels
from qembed.evaluation.formats.source_file import is_comment
from qembed.evaluation.formats.table_rows import unquote
from qembed.types import Qrels, Query

WANTED = {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": -1}}


def read(tmp_path: Path, text: str | bytes, **options: Any) -> Qrels:
    path = tmp_path / "qrels.any"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_qrels(path, **options)


def problems(tmp_path: Path, text: str | bytes, **options: Any) -> list[str]:
    with pytest.raises(InputError) as e:
        read(tmp_path, text, **options)
    return [p.replace(str(tmp_path / "qrels.any"), "F") for p in e.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td1\t-1\n",
        "score\tquery_id\tnote\tdoc_id\n2\tq1\t\td1\n0\tq1\tx\td2\n-1\tq2\t\td1\n",
        "qid iter docid grade\nq1 0 d1 2\nq1 0 d2 0\nq2 0 d1 -1\n",
        "q1 0 d1 2\n  q1\tQ0  d2 0 \n\nq2 0 d1 -1",
        "q1\t0\td1\t2\nq1\t0\td2\t0.0\nq2\t0\td1\t-1\n",
        "q1\td1\t2\nq1\td2\t+0\nq2\td1\t-1.\n",
        "q1 d1 2\nq1 d2 0\nq2 d1 -1\n",
        '{"query_id": "q1", "doc_id": "d1", "relevance": 2}\n'
        '{"query-id": "q1", "corpus-id": "d2", "score": 0.0}\n'
        '{"qid": "q2", "docid": "d1", "grade": "-1"}\n',
        '[{"query_id": "q1", "doc_id": "d1", "relevance": 2},'
        '{"query_id": "q1", "doc_id": "d2", "relevance": 0},'
        '{"query_id": "q2", "doc_id": "d1", "relevance": -1}]',
        '{"q1": {"d1": 2, "d2": 0},\n "q2": {"d1": -1}}',
    ],
)
def test_one_file_in_many_forms(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == WANTED
    assert read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == WANTED


def test_ids_keep_what_their_form_allows(tmp_path: Path) -> None:
    assert read(tmp_path, "q 1\tmy file.md\t1\n") == {"q 1": {"my file.md": 1}}
    # C's isspace separates TREC columns: an ideographic space is part of the id
    assert read(tmp_path, "q1 0 退款\u3000政策.md 1\n") == {"q1": {"退款\u3000政策.md": 1}}
    assert read(tmp_path, "{q} 0 [d] 1\n") == {"{q}": {"[d]": 1}}
    assert read(tmp_path, '{"query_id": 1, "doc_id": 2, "score": 3}') == {"1": {"2": 3}}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["F:1: there is no judgment in it (expected"]),
        ("query-id\tcorpus-id\tscore\n", ["F:1: there is no judgment in it"]),
        ("{}", ["F:1: there is no judgment in it"]),
        ("a b c d e\n", ["F:1: not a file of judgments"]),
        (
            "q1 0 d1 0.5\nq1 0 d2\nq1 0 d3 x\nq1 0 d4 1_0\nq1 0 d5 20000\nq1 0 d6 1\n",
            [
                "F:1: grade '0.5' is not a whole number",
                "F:2: 3 columns where 4 are expected",
                "F:3: grade 'x' is not a whole number",
                "F:4: grade '1_0' is not a whole number",
                "F:5: grade 20000 is beyond 10000",
            ],
        ),
        (
            "q1 0 d1 1\nq1 0 d1 2\n",
            ["F:2: grade 2 for query 'q1', document 'd1', but grade 1 on line 1"],
        ),
        ("q1\td1\t1\nq1\t\t1\n\td1\t1\n", ["F:2: no document id", "F:3: no query id"]),
        (b"q1 0 d1 1\nq1 0 \xff 1\n", ["F:2: not UTF-8 (byte 0xff at 6)"]),
        (
            '{"query_id": "q", "doc_id": "d", "score": 1}\n{"query_id": "q"}\n'
            '{"query_id": "q", "doc_id": "e", "score": true}\n{"query_id": "q", "doc_id": "f", "score": 1.5}',
            [
                "F:2: no document id",
                "F:2: no grade",
                "F:4: grade '1.5' is not a whole number but a fraction",
                "F:3: grade true or false where others are numbers (1 on line 1)",
            ],
        ),
        ('{"q1": {\n"d1": 1,\n}}', ["F:3: not JSON"]),
        ('{"q1": {"d1": 1, "d1": 2}}', ['F:1: "d1" is there twice']),
        ('{"q1": {"d1": "x"}}', ["F: grade 'x' is not a whole number"]),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, wanted: list[str]) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(wanted), found
    assert all(f.startswith(w) for f, w in zip(found, wanted, strict=True)), found


def test_a_repeated_judgment_is_a_warning(tmp_path: Path) -> None:
    heard: list[str] = []
    assert read(tmp_path, "q 0 d 1\nq 0 e 1\nq 0 d 1\n", warn=heard.append) == {
        "q": {"d": 1, "e": 1}
    }
    assert heard == [f"{tmp_path / 'qrels.any'}: judgments that repeat an earlier one: 1 (line 3)"]


def test_unknown_queries_are_named_once_with_their_line(tmp_path: Path) -> None:
    text = "q1 0 d1 1\nq9 0 d1 1\nq9 0 d2 1\nq8 0 d1 1\n"
    wanted = ["F:2: there is no query 'q9'", "F:4: there is no query 'q8'"]
    assert problems(tmp_path, text, queries={"q1"}) == wanted


ids = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
# an id in quotes is read without them where tabs separate
ids = ids.filter(lambda t: not is_comment(t) and unquote(t) == t)
any_qrels = st.dictionaries(
    ids, st.dictionaries(ids, st.integers(-3, 9), min_size=1, max_size=4), min_size=1, max_size=4
)


@settings(max_examples=80, deadline=None, database=None)
@given(any_qrels, st.sampled_from(["beir", "trec", "lines", "json"]))
@pytest.mark.slow
def test_round_trips(qrels: dict[str, dict[str, int]], form: str) -> None:
    rows = [(q, d, g) for q, grades in qrels.items() for d, g in grades.items()]
    text = {
        "beir": "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{g}\n" for q, d, g in rows),
        "trec": "qid iter docid grade\n" + "".join(f"{q} 0 {d} {g}\n" for q, d, g in rows),
        "lines": "\n".join(
            json.dumps({"query_id": q, "doc_id": d, "score": g}) for q, d, g in rows
        ),
        "json": json.dumps(qrels, ensure_ascii=False),
    }[form]
    with TemporaryDirectory() as folder:
        path = Path(folder, "qrels")
        path.write_bytes(text.encode())
        assert read_qrels(path) == qrels


# ── BEIR folders ─────────────────────────────────────────────────────────────────────────────────


def beir(
    tmp_path: Path, qrels: str = "query-id\tcorpus-id\tscore\n2\td1\t1\n", split: str = "test"
) -> Path:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "title": "", "text": "x"}\n')
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "1", "text": "a"}\n{"_id": "2", "text": "b"}\n'
    )
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / f"{split}.tsv").write_text(qrels)
    return tmp_path


def test_beir_keeps_the_judged_queries(tmp_path: Path) -> None:
    found = read_beir(beir(tmp_path))
    assert found.corpus == tmp_path / "corpus.jsonl"
    assert found.queries == [Query("2", "b")]
    assert found.qrels == {"2": {"d1": 1}}


def test_beir_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError) as e:
        read_beir(tmp_path / "none")
    assert [Path(p.split(":")[0]).name for p in e.value.problems] == [
        "corpus.jsonl", "queries.jsonl", "test.tsv",
    ]  # fmt: skip
    with pytest.raises(
        InputError,
        match=r"dev\.tsv: no such file, and no \.gz or \.zst \(there are judgments for: test\)",
    ):
        read_beir(beir(tmp_path), split="dev")


def test_beir_reports_the_mistakes_of_both_files(tmp_path: Path) -> None:
    folder = beir(tmp_path, "query-id\tcorpus-id\tscore\n7\td1\t1\n2\td1\tx\n")
    with pytest.raises(InputError) as e:
        read_beir(folder)
    assert [p.rsplit("/")[-1] for p in e.value.problems] == [
        "test.tsv:2: there is no query '7'",
        "test.tsv:3: grade 'x' is not a whole number",
    ]
    (folder / "queries.jsonl").write_text("{}\n")
    with pytest.raises(InputError) as e:
        read_beir(folder)
    assert [p.rsplit("/")[-1] for p in e.value.problems] == [
        'queries.jsonl:1: no "_id"',
        'queries.jsonl:1: no "text"',
        "test.tsv:3: grade 'x' is not a whole number",
    ]


def test_the_sample_corpora_read() -> None:
    samples = Path(__file__).parents[3] / "sample_corpora"
    found = list(samples.glob("*/qrels.tsv"))
    assert found
    for path in found:
        assert read_qrels(path)
