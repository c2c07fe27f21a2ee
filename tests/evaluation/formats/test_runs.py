from __future__ import annotations

import io
import itertools
import json
import math
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.errors import InputError, StorageError, UsageError
from qembed.evaluation import read_run, write_run
from qembed.evaluation.formats.json_records import is_text
from qembed.evaluation.formats.runs import is_float32
from qembed.evaluation.formats.trec_ids import decode_id, encode_id, fits_columns
from qembed.types import Run

RUN = {"q1": {"d1": 0.5, "d2": 2.0}, "q2": {"d1": -1e-05}}


def read(tmp_path: Path, text: str | bytes) -> Run:
    path = tmp_path / "run.any"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_run(path)


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(InputError) as e:
        read(tmp_path, text)
    return [p.replace(str(tmp_path / "run.any"), "F") for p in e.value.problems]


def hit(query: Any, document: Any, score: Any, **more: Any) -> str:
    return json.dumps({"schema": 1, "query_id": query, "document": document, "score": score} | more)


@pytest.mark.parametrize(
    "text",
    [
        # the rank column is ignored: the score decides
        "q1 Q0 d1 1 0.5 tag\nq1 Q0 d2 9 2 tag\n\nq2\tQ0\td1\t1\t-1e-05\ttag\n",
        '{"q1": {"d1": 0.5, "d2": 2}, "q2": {"d1": -1e-05}}',
        '{\n "q1": {\n  "d1": 0.5, "d2": 2},\n "q2": {"d1": -1e-05}}\n',
        # passages: a document counts as its best one
        "\n".join(
            [
                hit("q1", "d2", 2.0, passage={"seq": 0}),
                hit("q1", "d2", 1.5, passage={"seq": 1}),
                hit("q1", "d1", 0.5),
                hit("q2", "d1", -1e-05),
            ]
        ),
        json.dumps(
            {
                "schema": 1,
                "queries": [
                    {
                        "query_id": "q1",
                        "hits": [
                            {"document": "d1", "score": 0.1},
                            {"document": "d1", "score": 0.5},
                            {"document": "d2", "score": 2},
                        ],
                    },
                    {"query_id": "q2", "hits": [{"document": "d1", "score": -1e-05}]},
                ],
            },
            indent=2,
        ),
    ],
)
def test_one_run_in_many_forms(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == RUN
    assert read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == RUN


def test_queries_without_hits_are_kept_where_the_form_has_them(tmp_path: Path) -> None:
    assert read(tmp_path, '{"q1": {}, "q2": {"d": 1}}') == {"q1": {}, "q2": {"d": 1.0}}
    text = '{"queries": [{"query_id": "q1", "hits": []}]}'
    assert read(tmp_path, text) == {"q1": {}}


def test_one_hit_alone_is_a_run(tmp_path: Path) -> None:
    assert read(tmp_path, hit("q", "d", 1, passage={"seq": 1})) == {"q": {"d": 1.0}}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["F:1: there is no result in it (expected"]),
        ("{}", ["F:1: there is no result in it"]),
        (
            "q Q0 d 1 nan t\nq Q0 d 1 1_0 t\nq Q0 d 1 1e999 t\nq Q0 d 1 x t\nq Q0 d 1 1\nq Q0 d 1 1.2.3 t\n",
            [
                "F:1: score 'nan' is not a number, so the document has no place in the order",
                "F:2: score '1_0' is not a number",
                "F:3: score '1e999' is beyond the largest float",
                "F:4: score 'x' is not a number",
                "F:5: 5 columns where 6 are expected",
                "F:6: score '1.2.3' is not a number",
            ],
        ),
        ("q Q0 d 1 2 t\nq Q0 d 2 1 t\n", ["F:2: document 'd' is there twice for query 'q'"]),
        ('{"q": {"d": 1, "d": 2}}', ['F:1: "d" is there twice']),
        ('{\n"q": {"d": 1},\n"q": {"e": 2}}', ['F:1: "q" is there twice']),
        (
            '{"q": {"d": NaN, "e": true, " ": 1, "f": null}, "": {}}',
            [
                "F: query 'q', document 'd': score nan is not a number",
                "F: query 'q', document 'e': score is true or false",
                "F: query 'q': document id ' '",
                "F: query 'q', document 'f': no score",
                "F: query id ''",
            ],
        ),
        ('{"q": {"d": ' + "9" * 400 + "}}", ["F: query 'q', document 'd': score '9999"]),
        (
            hit("q", "d", 1) + "\n" + hit(None, "d", 1) + "\n" + hit("q", None, None) + "\n{\n",
            ['F:2: "query_id" is nothing', 'F:3: no "document"', "F:4: not JSON"],
        ),
        (
            '{"queries": [{"query_id": "q"}, {"query_id": "r", "hits": [{"score": 1}]}]}',
            ['F: query 1 has no list of "hits"', 'F: no "document"'],
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, wanted: list[str]) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(wanted), found
    assert all(f.startswith(w) for f, w in zip(found, wanted, strict=True)), found


def test_written_by_score_then_by_id_descending() -> None:
    stream = io.StringIO()
    write_run({"q2": {"a": 1, "c": 0.1 + 0.2, "b": 0.1 + 0.2, "d": 2}, "q1": {}}, stream, tag="me")
    assert stream.getvalue() == (
        "q2 Q0 d 1 2.0 me\n"
        "q2 Q0 a 2 1.0 me\n"
        "q2 Q0 c 3 0.30000000000000004 me\n"
        "q2 Q0 b 4 0.30000000000000004 me\n"
    )


def test_numpy_scores_are_written_as_numbers() -> None:
    stream = io.StringIO()
    write_run({"q": {"d": np.float32(0.1)}}, stream)
    assert stream.getvalue() == "q Q0 d 1 0.100000001 qembed\n"


def test_ids_that_trec_columns_cannot_hold_are_written_so_that_they_come_back(
    tmp_path: Path,
) -> None:
    run = {
        "q 1": {"my file.md": 1.0, "a\u3000b": 2.0, "ok": 3.0},
        "q2": {"my file.md": 1.0, "x\0": 0},
    }
    heard: list[str] = []
    path = tmp_path / "run.trec"
    write_run(run, path, warn=heard.append)
    assert read_run(path) == run
    assert path.read_text().splitlines()[2] == r'"q\u00201" Q0 "my\u0020file.md" 3 1.0 qembed'
    assert all(len(line.split()) == 6 for line in path.read_text().splitlines())
    assert len(heard) == 1
    assert heard[0].startswith(
        "ids that TREC columns cannot hold, written in quotes with escapes: 4 "
    )
    write_run(run, tmp_path / "run.json", warn=heard.append)
    assert read_run(tmp_path / "run.json") == run
    assert len(heard) == 1


def test_ids_in_quotes_are_left_alone_unless_they_were_written_so(tmp_path: Path) -> None:
    ids = ['"a"', '"a\\u0020b"', "a%20b", '"', "\\u0020", '"x\\u0041"', '"a b"']
    text = "".join(f"q Q0 {name} 1 {n} t\n" for n, name in enumerate(ids[:6]))
    found = ['"a"', "a b", "a%20b", '"', "\\u0020", '"x\\u0041"']
    assert read(tmp_path, text) == {"q": {name: float(n) for n, name in enumerate(found)}}
    run = {name: {name: 1.0} for name in ids}
    write_run(run, tmp_path / "run")
    assert read_run(tmp_path / "run") == run
    for name in ids[2:6]:
        assert encode_id(name) == name or decode_id(encode_id(name)) == name


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="query 'q', document 'd': score nan"):
        write_run({"q": {"d": float("nan")}}, tmp_path / "run")
    with pytest.raises(InputError, match="not text"):
        write_run({"q": {"\ud800": 1.0}}, tmp_path / "run.json")
    with pytest.raises(InputError, match="not text"):
        write_run({"q": {"": 1.0}}, tmp_path / "run")
    with pytest.raises(UsageError, match="one word"):
        write_run({}, tmp_path / "run", tag="a b")
    with pytest.raises(StorageError, match="cannot write"):
        write_run(RUN, tmp_path / "none" / "run")


def test_a_run_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    write_run(RUN, path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"cannot write .*: the disk is full"):
        write_run({"q": {"d": 1.0}}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_run(RUN, link)
    assert link.is_symlink()
    assert read_run(target) == RUN
    write_run(RUN, Path(os.devnull))
    assert not Path(os.devnull).is_file()


scores = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(fits_columns)
texts = st.text(min_size=1).filter(lambda t: t.strip() and is_text(t))


def runs(
    ids: st.SearchStrategy[str], least: int = 0
) -> st.SearchStrategy[dict[str, dict[str, float]]]:
    hits = st.dictionaries(ids, scores, min_size=least, max_size=5)
    return st.dictionaries(ids, hits, min_size=1, max_size=4)


@settings(max_examples=100, deadline=None, database=None)
@given(runs(words | texts, least=1))
@pytest.mark.slow
def test_trec_round_trip(run: dict[str, dict[str, float]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "run")
        write_run(run, path)
        again = read_run(path)
        for query, hits in run.items():
            if all(map(is_float32, hits.values())):
                assert {d: np.float32(s) for d, s in again[query].items()} == hits
            else:
                assert again[query] == hits
        assert again.keys() == run.keys()
        first = path.read_bytes()
        write_run(again, path)
        assert path.read_bytes() == first


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9), st.data())
@pytest.mark.slow
def test_scores_of_models_keep_order_and_ties_in_nine_digits(
    found: list[float], data: st.DataObject
) -> None:
    with np.errstate(over="ignore"):  # infinity is next to the largest number
        near = [float(np.nextafter(np.float32(s), np.float32(np.inf))) for s in found]
    scores = data.draw(st.permutations([*found, *near, *found]))
    hits = {f"d{i}": score for i, score in enumerate(scores)}
    stream = io.StringIO()
    write_run({"q": hits}, stream)
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert all(len(re.sub(r"e.*|[^0-9]", "", line[4]).strip("0")) <= 9 for line in lines)
    read = {document: float(shown) for _, _, document, _, shown, _ in lines}
    for one, other in itertools.combinations(hits, 2):
        a, b = hits[one] - hits[other], read[one] - read[other]
        if hits[one] in (math.inf, -math.inf) or hits[other] in (math.inf, -math.inf):
            continue
        assert (a > 0, a < 0) == (b > 0, b < 0)
    assert {d: np.float32(s) for d, s in read.items()} == hits


@settings(max_examples=100, deadline=None, database=None)
@given(runs(texts))
@pytest.mark.slow
def test_json_round_trip(run: dict[str, dict[str, float]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "run.json")
        write_run(run, path)
        assert read_run(path) == run
