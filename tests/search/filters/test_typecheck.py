"""Filters: the grammar and its errors, fields and types, times."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.search.filters.evaluate import parse
from qembed.search.filters.parser import And, Compare, Exists, Field, In, Not, Or, parse_expression
from qembed.search.filters.timespan import time_span
from tests.search.filters.expressions import documents

# ── grammar ──────────────────────────────────────────────────────────────────────────────────────


def test_the_tree_of_an_expression() -> None:
    a, b = Field("a", column=4), Field("b", column=14)
    tree = parse_expression("not a = 1 and b in ('x', 2)")
    assert tree == And((Not(Compare(a, "=", 1)), In(b, ("x", 2))))
    tree = parse_expression('a = 1 or b < 2 AND exists "c d"')
    assert isinstance(tree, Or)
    assert isinstance(tree.parts[1], And)
    assert tree.parts[1].parts[1] == Exists(Field("c d", True, 26))
    where = parse("a = 1 and b = 2", "a = 3 or c.d exists")
    assert [f.name for f in where.fields] == ["a", "b", "c.d"]


def test_several_expressions_must_all_hold() -> None:
    docs = documents([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}])
    assert parse("a = 1", "b = 1").choose(docs).mask.tolist() == [True, False, False]
    assert (parse("a = 1") & parse("b = 1")).choose(docs).mask.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("user = ", 7, "expected a value, found the end"),
        ("user = 'a", 8, "never closed"),
        ("a = 1 && b = 2", 7, "write and"),
        ("a = 1 b = 2", 7, "expected and, or, or the end"),
        ("(a = 1", 7, "expected and, or, or )"),
        ("a in ()", 7, "expected a value"),
        ("a in 1", 6, "expected ( and values"),
        ("in = 1", 1, "in double quotes"),
        ("a = b", 5, "text goes in quotes"),
        ("a = ‘b’", 5, "quotes are straight"),
        ("a < true", 5, "no order"),
        ("a glob 3", 8, "a pattern in quotes"),
        ("a not = 3", 7, "in or glob"),
        ("", 1, "empty filter"),
        ("a = 1; drop table", 6, "means nothing"),
        ("a = 1.2.3", 5, "means nothing"),
        ("(" * 60 + "a = 1" + ")" * 60, 51, "levels"),
        ("a = " + "9" * 5000, 5, "too long"),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, words: str) -> None:
    with pytest.raises(UsageError) as e:
        parse(text)
    lines = str(e.value).split("\n")
    assert lines[0].startswith(f"--where, column {column}: ")
    assert words in lines[0]
    assert lines[2].index("^") - 2 == column - 1


def test_the_caret_stands_right_below_wide_characters() -> None:
    with pytest.raises(UsageError) as e:
        parse("用户 = = 1")
    assert str(e.value).split("\n")[2] == "  " + " " * 7 + "^"


# ── what documents there are ─────────────────────────────────────────────────────────────────────


def test_unknown_fields_list_the_known_ones() -> None:
    docs = documents([{"user_id": "a"}, {"date": "2026-01-01"}])
    with pytest.raises(UsageError) as e:
        parse("usr_id = 'a'").choose(docs)
    assert "did you mean user_id?" in str(e.value)
    assert "known fields: date, user_id, id, path, suffix, title, mtime" in str(e.value)
    with pytest.raises(UsageError, match="no document has a field zzz"):
        parse("user_id = 'a' or zzz exists").choose(docs)


def test_a_field_of_some_documents_is_a_warning() -> None:
    chosen = parse("user_id = 'a'").choose(documents([{"user_id": "a"}, {}, {}]))
    assert chosen.mask.tolist() == [True, False, False]
    assert chosen.warnings == ["user_id: only 1 of 3 documents has this field"]
    assert parse("exists user_id").choose(documents([{"user_id": "a"}, {}])).warnings == []


def test_types_that_cannot_meet() -> None:
    docs = documents([{"year": 2025, "name": "x"}, {"year": 2026, "name": "y"}])
    with pytest.raises(UsageError, match="year is a number, not text: >= cannot compare them"):
        parse("year >= '2026'").choose(docs)
    with pytest.raises(UsageError, match="name is text, not a number"):
        parse("name < 5").choose(docs)
    with pytest.raises(UsageError, match="year is a number, not text: glob"):
        parse("year glob '20*'").choose(docs)
    chosen = parse("year = '2026'").choose(docs)
    assert not chosen.mask.any()
    assert chosen.warnings == ['year is a number, not text: nothing equals "2026"']
    mixed = documents([{"year": 2025}, {"year": "2026"}, {"year": True}])
    chosen = parse("year >= 1").choose(mixed)
    assert chosen.mask.tolist() == [True, False, False]
    assert chosen.warnings == ["year: 2 values are text or true or false, not a number"]
    chosen = parse("year >= 1").choose(documents([{"year": 2025}, {"year": "2026"}]))
    assert chosen.warnings == ["year: 1 value is text, not a number"]


def test_no_documents_no_complaint() -> None:
    assert parse("anything = 1").choose(documents([])).mask.tolist() == []


def test_built_in_fields_and_metadata_of_the_same_name() -> None:
    paths = ["docs/a.md", "src/b.tar.gz", "docs/deep/.hidden", "退款.md"]
    docs = documents([{"path": "x"}, {}, {}, {}], paths)
    assert parse("path glob 'docs/*'").choose(docs).mask.tolist() == [True, False, True, False]
    assert parse("suffix = '.md'").choose(docs).mask.tolist() == [True, False, False, True]
    assert parse("suffix in ('.gz', '')").choose(docs).mask.tolist() == [False, True, True, False]
    assert parse("id = '退款.md'").choose(docs).mask.tolist() == [False, False, False, True]
    assert parse("\"path\" = 'x'").choose(docs).mask.tolist() == [True, False, False, False]


def test_lists_match_by_any_element() -> None:
    docs = documents([{"tags": ["a", "b"]}, {"tags": []}, {"tags": "a"}, {"tags": [1, "c"]}])
    assert parse("tags = 'a'").choose(docs).mask.tolist() == [True, False, True, False]
    assert parse("tags != 'a'").choose(docs).mask.tolist() == [False, True, False, True]
    assert parse("tags in ('b', 1)").choose(docs).mask.tolist() == [True, False, False, True]
    assert parse("tags glob 'b*'").choose(docs).mask.tolist() == [True, False, False, False]


def test_what_is_not_among_the_documents_looked_at_is_looked_for_in_all() -> None:
    """One user of twenty is asked for: fields and types are those of the whole index all the same."""
    metas: list[dict[str, Any]] = [
        {"user": "a", "x": 1},
        *({"user": "b", "n": 1} for _ in range(19)),
    ]
    docs = documents(metas)
    chosen = parse("user = 'a' and not n = 1").choose(docs)
    assert np.flatnonzero(chosen.mask).tolist() == [0]
    assert chosen.warnings == ["n: only 19 of 20 documents have this field"]
    with pytest.raises(UsageError, match="n is a number, not text"):
        parse("user = 'a' and n < 'z'").choose(docs)
    with pytest.raises(UsageError, match="no document has a field m"):
        parse("user = 'a' and m = 1").choose(docs)
    assert not parse("user = 'nobody'").choose(docs).mask.any()
    assert parse("user = 'nobody'").choose(docs).warnings == [
        "user: no document has 'nobody'; known values: 'b', 'a'"
    ]
    nested = documents([{"o": {"user": "a"}}, *metas])
    assert np.flatnonzero(parse("o.user = 'a'").choose(nested).mask).tolist() == [0]
    assert np.flatnonzero(parse("user = 'a'").choose(nested).mask).tolist() == [1]


class TestTimes:
    at = int(datetime(2026, 3, 4, 12, 30, 15, tzinfo=UTC).timestamp()) * 10**9

    @pytest.mark.parametrize(
        ("test", "passes"),
        [
            ("= '2026-03-04T12:30:15Z'", True),
            ("= '2026-03-04T12:30Z'", True),
            ("= '2026-03-04T13:30+01:00'", True),
            ("= '2026-03-04T12:31Z'", False),
            ("<= '2026-03-04T12:30Z'", True),
            ("< '2026-03-04T12:30Z'", False),
            ("> '2026-03-04T12:30Z'", False),
            (">= '2026-03-04T12:30Z'", True),
            (">= '2026-03-04T12:31Z'", False),
            ("> '2026-03-01'", True),
            ("< '2026-03-09'", True),
            ("!= '2026-03-04T12:30Z'", False),
            ("in ('2026-01-01', '2026-03-04T12:30Z')", True),
            (f">= {at // 10**9}", True),
            (f"< {at // 10**9}", False),
            ("> 0.5", True),
            ("= null", False),
        ],
    )
    def test_a_time_stands_for_as_long_as_it_is_written(self, test: str, passes: bool) -> None:
        chosen = parse(f"mtime {test}").choose(documents([{}], mtime=self.at + 999_999_999))
        assert chosen.mask.tolist() == [passes]

    def test_a_day_is_the_local_day(self) -> None:
        first, after = time_span("2026-03-04")
        midnight = datetime(2026, 3, 4).astimezone().timestamp()
        assert first == int(midnight) * 10**9
        assert after == int(datetime(2026, 3, 5).astimezone().timestamp()) * 10**9

    def test_unknown_times_pass_no_test(self) -> None:
        docs = documents([{}], mtime=0)
        assert not parse("mtime < '2999-01-01' or mtime >= '1970-01-01'").choose(docs).mask.any()
        assert parse("not exists mtime").choose(docs).mask.all()

    @pytest.mark.parametrize("value", ["'soon'", "'2026-13-01'", "true", "''", "1e999"])
    def test_what_is_no_time(self, value: str) -> None:
        with pytest.raises(UsageError, match="mtime is a time"):
            parse(f"mtime = {value}").choose(documents([{}], mtime=self.at))
        with pytest.raises(UsageError, match="glob"):
            parse("mtime glob '2026*'").choose(documents([{}], mtime=self.at))

    @given(st.integers(1970, 2100), st.integers(1, 12))
    def test_years_and_months_are_their_days(self, year: int, month: int) -> None:
        first, after = time_span(f"{year}-{month:02}")
        assert first == time_span(f"{year}-{month:02}-01")[0]
        last = calendar.monthrange(year, month)[1]
        assert after == time_span(f"{year}-{month:02}-{last}")[1]
        whole = time_span(f"{year}-01-01")[0], time_span(f"{year}-12-31")[1]
        assert time_span(str(year)) == whole
        if year < 2100:
            assert time_span(year) == whole

    @given(st.floats(allow_nan=False) | st.integers())
    def test_any_number_is_a_time_or_none(self, number: float) -> None:
        try:
            first, after = time_span(number)
        except ValueError:
            return
        assert -(2**63) <= first < after < 2**63
