"""Tables of judgments: headers, separators, quotes, comments."""

from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.evaluation import read_qrels, read_queries
from qembed.evaluation.formats.column_names import (
    DOCUMENT_ID,
    GRADE,
    QUERY_ID,
    AmbiguousNames,
    find_names,
    normalize_name,
)
from qembed.types import Query
from tests.evaluation.formats.table_files import problems, written

WANTED = {"q1": {"d1": 2, "d 2": 0}, "q2": {"d1": 1}}


ROWS = [("q1", "d1", "2"), ("q1", "d 2", "0"), ("q2", "d1", "1")]


# ── names of columns ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    [
        "query_id,doc_id,relevance",
        "query-id,corpus-id,score",
        "QUERY_ID,DOC_ID,SCORE",
        "Query ID,Passage ID,Grade",
        "qid,did,label",
        "topic,docno,rel",
        "Topic_Number,DocNo,Judgment",
        "queryId,docId,rating",
        "QueryId,DocumentId,Relevance",
        "q_id,p_id,is_relevant",
        "question id,paragraph id,relevance score",
        "query,document,relevance",
        "query,path,grade",
        "search_query_id,product_id,gold_label",
        "Query (number),Chunk ID,Relevance (0-3)",
        "query uuid,chunk uuid,Judgement",
        "topic_id,url,level",
        "#query_id,doc_id,rel",
        "question,answer_id,correct",
        "query_id,faq_id,label",
        "query_id,_id,grade",
        "search_id,page,stars",
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_headers_of_any_wording(tmp_path: Path, header: str, separator: str) -> None:
    lines = [header.replace(",", separator), *(separator.join(row) for row in ROWS)]
    assert read_qrels(written(tmp_path, "\n".join(lines))) == WANTED
    assert read_qrels(written(tmp_path, "\ufeff" + "\r\n".join(lines) + "\r\n\r\n")) == WANTED


@pytest.mark.parametrize(
    "header",
    [
        "topic 0 docno rel",
        "topic iteration docno rel",
        "qid iter docid grade",
        "TOPIC ITER DOCUMENT# RELEVANCY",
    ],
)
def test_headers_between_blanks(tmp_path: Path, header: str) -> None:
    rows = "q1 0 d1 2\nq1 0 d2 0\n"
    assert read_qrels(written(tmp_path, f"{header}\n{rows}")) == {"q1": {"d1": 2, "d2": 0}}
    assert read_qrels(written(tmp_path, f"# {header}\n{rows}")) == {"q1": {"d1": 2, "d2": 0}}


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    text = "label,note,docid,query,qid\n2,x,d1,words of it,q1\n0,,d 2,,q1\n1,y,d1,other,q2\n"
    assert read_qrels(written(tmp_path, text)) == WANTED


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("qid docid docno score label", "qid docno label"),  # pyterrier's docid is its own number
        ("query query_id document doc_id relevance", "query_id doc_id relevance"),
        ("id query_id product_id label", "query_id product_id label"),
        ("query_id query corpus_id title text grade", "query_id corpus_id grade"),
        ("faqid q d rel", "q - rel"),
        ("topic_id query_id doc_id rel", "query_id doc_id rel"),
        ("query_id document result_id grade", "query_id document grade"),
        ("query_id document_title grade", "query_id - grade"),
    ],
)
def test_of_several_names_the_more_telling_one_counts(names: str, found: str) -> None:
    words = tuple(names.split())
    places = find_names(words, (QUERY_ID, DOCUMENT_ID, GRADE))
    assert ["-" if at is None else words[at] for at in places] == found.split()


def test_names_that_tell_nothing_apart_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousNames, match="both 'qid' and 'query_id' could be the query id"):
        find_names(("qid", "query_id", "docid", "rel"), (QUERY_ID, DOCUMENT_ID, GRADE))
    path = written(tmp_path, "qid,query_id,docid,rel\n1,q1,d1,1\n")
    assert problems(read_qrels, path) == [
        "F:1: header: both 'qid' and 'query_id' could be the query id"
    ]
    path = written(tmp_path, '{"qid": 1, "query_id": 1, "docid": 1, "rel": 1}\n')
    assert problems(read_qrels, path) == ["F:1: both 'qid' and 'query_id' could be the query id"]


def test_long_cells_are_no_names() -> None:
    assert normalize_name("[" * 1_000_000) == ""


@pytest.mark.parametrize(
    "header", ["foo,bar,baz", "qid,docid,foo", "qid,foo,rel", "query_id;doc_id;remarks"]
)
def test_a_header_that_is_not_understood_names_what_there_is_and_what_is_wanted(
    tmp_path: Path, header: str
) -> None:
    separator = ";" if ";" in header else ","
    path = written(tmp_path, f"{header}\nq1,d1,1\n".replace(",", separator))
    (found,) = problems(read_qrels, path)
    names = ", ".join(repr(name) for name in header.split(separator))
    assert found == (
        f"F:1: a header that is not understood: columns {names}; wanted are query id (query-id, qid, "
        "topic, …); document id (corpus-id, doc-id, docno, …); grade (relevance, grade, label, score, …)"
    )


def test_a_first_row_with_a_mistake_is_no_header(tmp_path: Path) -> None:
    path = written(tmp_path, "q1 0 d1 x\nq1 0 d2 1\n")
    assert problems(read_qrels, path) == ["F:1: grade 'x' is not a whole number"]


# ── separators and quotes ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "q1,d1,2\nq1,d 2,0\nq2,d1,1\n",
        "q1;d1;2\nq1;d 2;0\nq2;d1;1\n",
        "q1\td1\t2\nq1\td 2\t0\nq2\td1\t1\n",
        "q1 | d1 | 2\nq1 | d 2 | 0\nq2 | d1 | 1\n",
        "q1,0,d1,2\nq1,0,d 2,0\nq2,0,d1,1\n",
        '"q1","d1","2"\n"q1","d 2","0"\n"q2","d1","1"\n',
        '"q1"\t"d1"\t2\n"q1"\t"d 2"\t0\n"q2"\t"d1"\t1\n',
        'q1\td1\t2\nq1\t"d 2"\t0\nq2\td1\t1\n',
        'q1, "d1", 2\nq1, "d 2", 0\nq2, d1, 1\n',
        "sep=;\nq1;d1;2\nq1;d 2;0\nq2;d1;1\n",
        "sep=,\nqid,did,rel\nq1,d1,2\nq1,d 2,0\nq2,d1,1\n",
        "qid,did,rel,,\nq1,d1,2,,\nq1,d 2,0,,\nq2,d1,1\n",
        "qid,did,rel,note\nq1,d1,2,x\nq1,d 2,0\nq2,d1,1,\n",
    ],
)
def test_separators_and_quotes(tmp_path: Path, text: str) -> None:
    assert read_qrels(written(tmp_path, text)) == WANTED


def test_quoted_cells_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    text = 'qid,doc,rel\nq1,"a, b.md",1\nq1,"say ""hi"".md",2\nq1,"two\nlines",0\nq2,d,1\n'
    wanted = {"q1": {"a, b.md": 1, 'say "hi".md': 2, "two\nlines": 0}, "q2": {"d": 1}}
    assert read_qrels(written(tmp_path, text)) == wanted
    path = written(tmp_path, text + "q3,d,x\n")
    assert problems(read_qrels, path) == ["F:7: grade 'x' is not a whole number"]


def test_the_encodings_that_spreadsheets_save(tmp_path: Path) -> None:
    text = "qid;did;rel\r\nq1;déjà;1\r\n"
    for encoding in ("utf-16", "utf-8-sig", "utf-32"):
        assert read_qrels(written(tmp_path, text.encode(encoding))) == {"q1": {"déjà": 1}}
    old_mac = text.replace("\r\n", "\r")
    assert read_qrels(written(tmp_path, old_mac)) == {"q1": {"déjà": 1}}
    broken = text.encode("utf-16") + b"x"
    with pytest.raises(InputError, match=r"cannot read .*byte order mark says utf-16"):
        read_qrels(written(tmp_path, broken))


def test_mistakes_of_a_table_are_told_together(tmp_path: Path) -> None:
    text = (
        'qid,did,rel\nq1,d1\nq1,d,2,1,extra\nq1,"d"2,1\nq1,"never closed,1\nq1,d3,"1,0"\n'
        "q1,d4,1.5\n,d5,1\nq1,,1\nq1,d6,1\nq1,d6,2\nq1;d7;1\n"
    )
    assert problems(read_qrels, written(tmp_path, text)) == [
        "F:2: 2 columns where 3 are expected",
        "F:3: 5 columns where 3 are expected (a cell that holds the separator must be in quotes)",
        "F:4: not CSV (',' expected after '\"')",
        "F:5: a quote that is never closed",
        "F:6: grade '1,0' is not a whole number (a decimal comma? write 1.0)",
        "F:7: grade '1.5' is not a whole number but a fraction: measures count whole grades",
        "F:8: no query id",
        "F:9: no document id",
        "F:11: grade 2 for query 'q1', document 'd6', but grade 1 on line 10",
        "F:12: no comma between columns, of which 3 are expected",
    ]


def test_many_open_quotes_do_not_take_long(tmp_path: Path) -> None:
    text = "qid,did,rel\n" + 'q1,"d,1\n' * 5001
    assert len(problems(read_qrels, written(tmp_path, text))) >= 2


# ── comments ─────────────────────────────────────────────────────────────────────────────────────


def test_comments_are_left_out_and_named_where_they_look_like_rows(tmp_path: Path) -> None:
    heard: list[str] = []
    path = written(tmp_path, "# made by hand\n#\nq1\td1\t1\n# q1\td2\t1\n## end\n#3\td1\t1\n")
    assert read_qrels(path, warn=heard.append) == {"q1": {"d1": 1}, "#3": {"d1": 1}}
    assert heard == [f"{path}: rows that are comments, which are left out: 1 (line 4)"]
    heard.clear()
    path = written(tmp_path, "# grades 0 to 3\nq1 0 d1 1\n# q1 0 d2 1\n#3 0 d1 1\n")
    assert read_qrels(path, warn=heard.append) == {"q1": {"d1": 1}, "#3": {"d1": 1}}
    assert heard == []


@pytest.mark.parametrize("start", ["# a file\n\n", "#\r\n# [x] {y}\n"])
def test_comments_above_json(tmp_path: Path, start: str) -> None:
    assert read_qrels(written(tmp_path, start + '{"q": {"d": 1}}')) == {"q": {"d": 1}}
    text = start + '[{"qid": "q", "did": "d", "rel": 1},\n{"qid": "q"}]'
    assert problems(read_qrels, written(tmp_path, text)) == [
        "F:4: no document id: keys 'qid'",
        "F:4: no grade: keys 'qid'",
    ]
    text = start + '{"_id": "q", "text": "x"}\n# between\n{"_id": "r", "text": "y"}'
    assert read_queries(written(tmp_path, text)) == [Query("q", "x"), Query("r", "y")]
