"""Queries in tables."""

from pathlib import Path

import pytest

from qembed.evaluation import read_queries
from qembed.types import Query
from tests.evaluation.formats.table_files import problems, written


@pytest.mark.parametrize(
    "text",
    [
        'id,text\nq1,"refunds, returns"\nq2,  who?\n',
        'Query ID;Query Text\nq1;"refunds, returns"\nq2;  who?\n',
        "question,lang,qid\n" + '"refunds, returns",en,q1\n  who?,,q2\n',
        "lang\tqid\tquery\nen\tq1\trefunds, returns\n\tq2\t  who?\n",
        '"id"\t"text"\n"q1"\t"refunds, returns"\n"q2"\t"  who?"\n',
        "# exported\nid|text\nq1|refunds, returns\nq2|  who?\n",
        "sep=;\nnumber;title\nq1;refunds, returns\nq2;  who?\n",
    ],
)
def test_queries_in_tables(tmp_path: Path, text: str) -> None:
    wanted = [Query("q1", "refunds, returns"), Query("q2", "  who?")]
    assert read_queries(written(tmp_path, text)) == wanted
    assert read_queries(written(tmp_path, text.replace("\n", "\r\n"))) == wanted


def test_a_query_keeps_its_quotes_and_its_lines(tmp_path: Path) -> None:
    text = '1\t"a ""b"""\n2\t"open\n'
    assert read_queries(written(tmp_path, text))[0] == Query("1", '"a ""b"""')
    text = '1\t"a ""b"""\n2\tplain\n'
    assert read_queries(written(tmp_path, text))[0] == Query("1", 'a "b"')
    text = '1\t"exact phrase" and more\n2\t"refund"\n'
    assert read_queries(written(tmp_path, text)) == [
        Query("1", '"exact phrase" and more'),
        Query("2", '"refund"'),
    ]
    text = 'id,text\n1,"""exact phrase"" and\n\nmore"\n2,x\n'
    assert read_queries(written(tmp_path, text)) == [
        Query("1", '"exact phrase" and\n\nmore'),
        Query("2", "x"),
    ]


def test_a_table_of_queries_may_name_task_and_filter(tmp_path: Path) -> None:
    text = "id,task,where,text\n1,web,year > 2000,x\n2,,,y\n"
    assert read_queries(written(tmp_path, text)) == [
        Query("1", "x", "web", "year > 2000"),
        Query("2", "y"),
    ]


def test_mistakes_in_tables_of_queries(tmp_path: Path) -> None:
    text = "id,text\n1,x\n2, \n3,a, b\n,y\n1,z\n"
    assert problems(read_queries, written(tmp_path, text)) == [
        "F:3: query '2' has no text",
        "F:4: 3 columns where 2 are expected (a cell that holds the separator must be in quotes)",
        "F:5: no query id",
        "F:6: query '1' differs from line 2's",
    ]
    for names in (["query_id", "foo"], ["foo", "bar"], ["foo", "bar", "baz"]):
        header = ", ".join(map(repr, names))
        for separator in (",", ";", "\t"):
            row = separator.join(["1", *"xyz"[: len(names) - 1]])
            text = f"{separator.join(names)}\n{row}\n"
            (found,) = problems(read_queries, written(tmp_path, text))
            assert found.startswith(f"F:1: a header that is not understood: columns {header}; ")
        assert "query text (text, query, question, …)" in found
