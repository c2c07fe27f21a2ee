"""CSV and TSV as programs and people write them. Python's csv module is the oracle of well-formed files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, read
from qembed.corpus.readers.tables import delimited
from qembed.corpus.readers.tables.column_types import infer_types, typed_value
from qembed.corpus.readers.tables.delimited import column_names
from qembed.types import Document, ReadItem, ReadWarning, SourceFile, Unreadable


def items(folder: Path, data: str | bytes, name: str = "t.csv", **options: Any) -> list[ReadItem]:
    raw = data if isinstance(data, bytes) else data.encode()
    path = folder / name
    path.write_bytes(raw)
    file = SourceFile("s", name, str(path), len(raw), 1)
    return list(read(file, ReadOptions(**options)))


def rows(folder: Path, data: str | bytes, name: str = "t.csv", **options: Any) -> list[Any]:
    """The metadata of each row's document; anything else as it is."""
    found = items(folder, data, name, **options)
    return [dict(x.meta) if isinstance(x, Document) else x for x in found]


cells = st.text(st.sampled_from("ab1 ,;|\t\"'\n.é-"), max_size=8)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
@pytest.mark.slow
def test_what_the_csv_module_writes_is_read(
    tmp_path: Path, table: list[tuple[str, ...]], mark: str, quoting: Any, end: str
) -> None:
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=mark, quoting=quoting, lineterminator=end)
    writer.writerow(("k1", "k2", "k3"))
    writer.writerows(table)
    first = f"sep={mark}{end}"  # free text says too little of its delimiter
    found = items(tmp_path, first + sink.getvalue(), column_types={"*": "text"})
    wanted = [dict(zip(("k1", "k2", "k3"), row, strict=True)) for row in table]
    wanted = [row for row in wanted if any(v.strip() for v in row.values())]
    assert [d.meta for d in found if isinstance(d, Document)] == wanted
    assert len(found) == len(wanted)


# ── heads ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (["a", " b ", "a", "a"], ["a", "b", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["", "a", " "], [None, "a", None]),
    ],
)
def test_names(head: list[str], names: list[str | None]) -> None:
    assert column_names(head) == names


def test_columns_without_a_name(tmp_path: Path) -> None:
    found = rows(tmp_path, ",a,\n0,x,\n1,y,z\n")
    assert found == [{"column_1": 0, "a": "x"}, {"column_1": 1, "a": "y", "column_3": "z"}]


# ── dialects ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        'sep=;\na;b\n"x, y";2\n',
        '"sep=;"\r\na;b\r\nx, y;2\r\n',
        "a;b\nx, y;2\n",
        "a\tb\nx, y\t2\n",
        "a|b\nx, y|2\n",
        'a,b\n"x, y",2\n',
        'a,b\r"x, y",2\r',  # as old Macs end lines
        "\n\na;b\nx, y;2\n",
    ],
)
def test_delimiters(tmp_path: Path, data: str) -> None:
    assert rows(tmp_path, data) == [{"a": "x, y", "b": 2}]


def test_a_column_alone_holds_all_of_its_lines(tmp_path: Path) -> None:
    found = items(tmp_path, "text\nHello, world; and\tall\n")
    assert [d.text for d in found if isinstance(d, Document)] == ["Hello, world; and\tall"]


def test_more_commas_than_delimiters_in_the_text(tmp_path: Path) -> None:
    assert rows(tmp_path, "a;b\n1,2,3,4;x,y,z\n5,6,7;u,v,w\n")[0] == {"a": "1,2,3,4", "b": "x,y,z"}


def test_quotes_that_a_backslash_escapes(tmp_path: Path) -> None:
    data = 'a,b\n"say \\"hi, you\\"",x\ny,z\n'
    assert rows(tmp_path, data)[0] == {"a": 'say "hi, you"', "b": "x"}


def test_a_quote_without_a_partner_takes_no_row_along(tmp_path: Path) -> None:
    warning, *found = rows(tmp_path, 'a,b\n"x,1\ny,2\nz,3\n')
    assert warning == ReadWarning(str(tmp_path / "t.csv"), "a quotation mark without a partner", 2)
    assert found == [{"a": '"x', "b": 1}, {"a": "y", "b": 2}, {"a": "z", "b": 3}]


def test_many_quotes_without_a_partner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_REPAIRS", 3)
    found = rows(tmp_path, "a,b\n" + '"x,1\n' * 9)
    assert found
    assert all(isinstance(x, dict | ReadWarning | Unreadable) for x in found)


def test_rows_that_are_too_long(tmp_path: Path) -> None:
    fine, long = rows(tmp_path, "a,b\n1,2,, \n1,2,3\n")
    assert fine == {"a": 1, "b": 2}
    assert isinstance(long, Unreadable)
    assert (long.line, long.error) == (3, "3 fields where there are 2 columns")


# ── types ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (["1", "-2", "3.50", ".5", "1e3"], "number"),
        (["1", "", " 2 "], "number"),
        (["01234", "1"], "text"),
        (["+49", "1"], "text"),
        (["1,000", "2"], "text"),
        (["1", "n.a."], "text"),
        (["1234567890123456"], "text"),
        (["NaN", "1", "NA", "null", "#N/A", "N/A", "None", ""], "number"),
        (["NA", "true"], "boolean"),
        (["NA", "NaN"], "text"),
        (["nothing", "1"], "text"),
        (["true", "False", "TRUE"], "boolean"),
        (["true", "1"], "text"),
        (["yes", "no"], "text"),
        (["2020-01-01"], "text"),
        (["", " "], "any"),
    ],
)
def test_inference(column: list[str], kind: str) -> None:
    found, _ = infer_types([({"c": cell}, False, n) for n, cell in enumerate(column, 2)])
    assert found == ({} if kind in ("text", "any") else {"c": kind})


@pytest.mark.parametrize(
    ("others", "hint"),
    [
        (["n/v"], True),
        (["n/v", "?"] + ["1"] * 90, True),
        (["n/v"] * 9, False),
        (["01234"], False),
        (["+49 30 1"], False),
        (["1"], False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_few_bad_cells_in_a_column_of_numbers_are_told(
    tmp_path: Path, others: list[str], hint: bool, first: bool
) -> None:
    numbers = [str(n) for n in range(1, 61)]
    column = [*others, *numbers] if first else [*numbers, *others]
    data = "name,price\n" + "".join(f"x,{cell}\n" for cell in column)
    warnings = [x for x in rows(tmp_path, data) if isinstance(x, ReadWarning)]
    assert len(warnings) == hint
    if hint:
        assert "'n/v' is no number" in warnings[0].message
        assert "--column-types price=number" in warnings[0].message
        assert warnings[0].line == 2 + column.index("n/v")
        said = rows(tmp_path, data, column_types={"price": "number"})
        assert not any("keeps them" in x.message for x in said if isinstance(x, ReadWarning))


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("a;b\n3,50;x\n4;y\n", [3.5, 4]),
        ("a;b\n3.50;x\n4;y\n", [3.5, 4]),
        ("a;b\n3.50;x\n4,5;y\n", ["3.50", "4,5"]),
        ('a,b\n"3,50",x\n4,y\n', ["3,50", "4"]),
    ],
)
def test_decimal_commas(tmp_path: Path, data: str, values: list[Any]) -> None:
    assert [row["a"] for row in rows(tmp_path, data)] == values


def test_values_and_what_they_are_shown_as(tmp_path: Path) -> None:
    (document,) = items(tmp_path, "price,ok,none,name\n3.50,TRUE,,x\n,,,\n")
    assert isinstance(document, Document)
    assert document.meta == {"price": 3.5, "ok": True, "none": "", "name": "x"}
    assert document.text == "price: 3.50\nok: TRUE\nname: x"


def test_ids_texts_and_titles_stay_text(tmp_path: Path) -> None:
    found = items(tmp_path, "id,text,title,n\n7,1,2,3\n")
    assert found == [Document("7", "1", "2", {"n": 3}, 2)]
    found = items(tmp_path, "k,body,n\n7,1,3\n", id_field="k", text_field="body")
    assert found == [Document("7", "1", "", {"n": 3}, 2)]


def test_a_type_that_cells_do_not_have(tmp_path: Path) -> None:
    found = rows(tmp_path, "a,b\nx,1\ny,2\n", column_types={"a": "number", "b": "text"})
    (warning,) = (x for x in found if isinstance(x, ReadWarning))
    assert (warning.line, "'x' is no number" in warning.message) == (2, True)
    assert [x for x in found if isinstance(x, dict)] == [{"a": "x", "b": "1"}, {"a": "y", "b": "2"}]
    assert typed_value("1_000", "number") is None
    assert typed_value("inf", "number") is None


# ── encodings ────────────────────────────────────────────────────────────────────────────────────


def test_encodings(tmp_path: Path) -> None:
    *found, warning = rows(tmp_path, "name;preis\nÖl;3,50\n".encode("cp1252"))
    assert found == [{"name": "Öl", "preis": 3.5}]
    assert isinstance(warning, ReadWarning)
    assert rows(tmp_path, "a\tb\nü\t2\n".encode("utf-16")) == [{"a": "ü", "b": 2}]
    assert rows(tmp_path, "a,b\nжук,2\n".encode("cp866"), encoding="cp866") == [
        {"a": "жук", "b": 2}
    ]
    (skipped,) = rows(tmp_path, b"a,b\n\0\1,2\n" + bytes(64))
    assert isinstance(skipped, Unreadable)
