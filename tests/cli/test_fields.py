"""`status --fields` says what a filter can be written with, and a filter that meets no value says so."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.conftest import Filled, Shell

RECORDS: list[dict[str, Any]] = [
    {"_id": str(i), "text": f"text {i}", "lang": lang, "year": 2000 + i % 5, "draft": i % 2 == 0}
    for i, lang in enumerate(["en"] * 6 + ["de"] * 3 + ["it's"])
]
RECORDS[0] |= {"tags": ["red", "blue"], "author": {"name": "Ann"}, "title2": "x" * 300}
RECORDS[1] |= {"tags": ["red"], "odd key": 1, "since": "2024-05-01", "mixed": "a", "path": "mine"}
RECORDS[2] |= {"since": "2025-01-31", "mixed": 7}


@pytest.fixture
def records(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        shell.write("r.jsonl", "".join(json.dumps(r) + "\n" for r in RECORDS))
        shell.old()
        assert shell("index", "r.jsonl").code == 0

    return filled(index)


def test_fields_are_listed_as_filters_write_them(records: Shell) -> None:
    lines = {line.split("  ")[0]: line for line in records("status", "--fields").out.splitlines()}
    said = {name: line[len(name) :].strip() for name, line in lines.items()}
    assert said["lang"] == "text, in all documents: 'en' (6), 'de' (3), 'it''s'"
    assert said["year"].startswith("number, in all documents, 2000 to 2004: 2000 (2), 2001 (2)")
    assert said["draft"] == "boolean, in all documents: false (5), true (5)"
    assert said["tags"] == "lists of text, in 2 of 10 documents: 'red' (2), 'blue'"
    assert said["author.name"] == "text, in 1 of 10 documents: 'Ann'"
    assert said['"odd key"'] == "number, in 1 of 10 documents, 1 to 1: 1"
    assert said['"path"'] == "text, in 1 of 10 documents: 'mine'"
    since = "text (dates), in 2 of 10 documents, '2024-05-01' to '2025-01-31'"
    assert said["since"].startswith(since)
    assert said["mixed"].startswith(("text or number", "number or text"))
    assert said["title2"] == "text, in 1 of 10 documents: 1 text of more than 200 characters"
    assert said["suffix"] == "text, in all documents: '.jsonl' (10)"
    assert said["mtime"].startswith("date, in all documents, '")
    assert said["id"] == "text, in all documents: '0', '1', '2' and 7 more"
    assert said["path"] == "text, in all documents: 'r.jsonl' (10)"
    assert "title" not in said, "no document has one"


def test_one_list_of_fields(records: Shell) -> None:
    """What an unknown field's message names and what is listed are the same, in the same order."""
    err = records("query", "text", "--where", "nosuch = 1").err
    named = re.search("known fields: (.*)", err)
    assert named is not None
    listed = [f["name"] for f in records("status", "--fields", "--format", "json").json["fields"]]
    assert named[1].split(", ") == listed


@pytest.mark.parametrize(
    ("where", "hits"),
    [
        ("mtime >= 2020-01-01", 10),
        ("mtime >= '2020-01-01'", 10),
        ("mtime < 2020", 0),
        ("mtime >= 2020", 10),
        ("mtime >= 2020-02 and mtime >= 2020-01-01T12:00", 10),
        ("since >= 2025-01", 1),
        ("since = 2024-05-01", 1),
        ("since in (2024-05-01, '2025-01-31')", 2),
    ],
)
def test_dates_need_no_quotes(records: Shell, where: str, hits: int) -> None:
    done = records("query", "text", "--where", where, "--format", "jsonl")
    assert done.code == 0, done.err
    assert len(done.lines) == hits


def test_what_is_listed_can_be_used(records: Shell) -> None:
    for line in records("status", "--fields").out.splitlines():
        name = line.split("  ")[0].strip()
        values = line.rpartition(": ")[2] if ": " in line else ""
        if name in ("mtime", "title2") or not values:  # a time of this day, and a count
            continue
        value = values.split(", ")[0].split(" (")[0]
        done = records("query", "text", "--where", f"{name} = {value}", "-k", "99")
        assert done.code == 0
        assert "no document has" not in done.err, name
        assert done.out, name


def test_fields_in_json(records: Shell) -> None:
    body = records("status", "--fields", "--format", "json").json
    fields = {f["name"]: f for f in body["fields"]}
    assert fields["year"]["types"] == {"number": 10}
    assert (fields["year"]["min"], fields["year"]["max"], fields["year"]["distinct"]) == (
        2000, 2004, 5,
    )  # fmt: skip
    assert fields["lang"]["values"][0] == {"value": "en", "count": 6}
    assert (fields["lang"]["long"], fields["title2"]["long"]) == (0, 1)
    assert "fields" not in records("status", "--format", "json").json


def test_a_mistake_in_the_filter_of_a_line_names_the_query(records: Shell) -> None:
    line = '{"text": "a"}\n{"text": "x", "where": "bad ="}\n'
    done = records("query", "-", stdin=line)
    assert done.code == 2
    assert '"where" of query 2, column 6: ' in done.err
    assert "--where" not in done.err
    done = records("query", "-", "--where", "lang = 'en'", stdin=line.replace("bad", "year"))
    assert '"where" of query 2, column 7: ' in done.err
    done = records("query", "-", "--where", "lang =", stdin=line)
    assert "--where, column 7: " in done.err
    assert "of query" not in done.err


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("lang = 'EN'", "lang: no document has 'EN'; known values: 'en', 'de', 'it''s'"),
        ("lang in ('en', 'fr')", "lang: no document has 'fr'; known values: 'en', 'de'"),
        ("lang != 'english'", "lang: no document has 'english'; known values: 'en'"),
        ("year = 1999", "year: no document has 1999; known values: 2000, 2001, 2002, 2003, 2004"),
        ("tags = 'rad'", "tags: no document has 'rad'; known values: 'red', 'blue'"),
        ("mixed = 'b'", "mixed: no document has 'b'; known values: 7, 'a'"),
        ("author.name = 'ann'", "author.name: no document has 'ann'; known values: 'Ann'"),
        ("suffix = 'jsonl'", "suffix: no document has 'jsonl'; known values: '.jsonl'"),
        (
            "title2 = 'x'",
            "title2: no document has 'x'; known values: 1 text of more than 200 "
            "characters (glob 'begin*' finds one by a part)",
        ),
    ],
)
def test_a_value_that_no_document_has_is_told(records: Shell, where: str, said: str) -> None:
    done = records("query", "text", "--where", where)
    assert done.code == 0
    assert said in done.err


@pytest.mark.parametrize("where", ["lang = 'en'", "draft = true", "year = 2000.0", "tags = 'blue'",
                                   "lang glob 'x*'", "mixed = 7"])  # fmt: skip
def test_known_values_are_no_news(records: Shell, where: str) -> None:
    assert "known values" not in records("query", "text", "--where", where).err


@pytest.mark.slow
def test_many_values_are_cut(shell: Shell) -> None:
    rows = (json.dumps({"_id": str(i), "text": "t", "code": f"c{i:04}"}) for i in range(300))
    shell.write("r.jsonl", "\n".join(rows))
    assert shell("index", "r.jsonl").code == 0
    (line,) = (x for x in shell("status", "--fields").out.splitlines() if x.startswith("code"))
    assert line.endswith("'c0008', 'c0009' and 290 more")
    done = shell("query", "t", "--where", "code = 'c01234'")
    assert "known values: 'c0234', 'c0134', 'c0124', 'c0000', " in done.err, "similar ones first"
    assert "and 290 more" in done.err


@pytest.fixture
def pages(filled: Filled) -> Shell:
    """Two folders with a file of the same name, and a long title."""

    def index(shell: Shell) -> None:
        shell.write("docs/zh/refunds.md", f"# {TITLE}\n\nmoney back\n")
        shell.write("docs/en/refunds.md", "# Refunds\n\nmoney back\n")
        shell.write("more/zh/refunds.md", "# More\n\nmoney back\n")
        shell.write("one.md", "# One\n\nmoney back\n")
        assert shell("index", "docs", "more", "one.md").code == 0

    return filled(index)


TITLE = "All refunds of parcels that were sent back after more than thirty days"


def found(shell: Shell, where: str) -> list[str]:
    """Places of the hits, as printed."""
    done = shell("query", "money", "--where", where, "--format", "paths")
    assert done.code == 0, done.err
    return sorted(done.out.splitlines())


def test_a_path_as_printed_can_be_used(pages: Shell) -> None:
    printed = found(pages, "path exists")
    assert len(printed) == 4
    whole = pages("query", "money", "--format", "json").json["queries"][0]["hits"]
    absolute = [hit["path"] for hit in whole]
    for place in [*printed, *absolute]:
        done = pages("query", "money", "--where", f"path = '{place}'", "--format", "paths")
        (line,) = done.out.splitlines()
        assert place.endswith(line)
        assert "no document" not in done.err
    assert found(pages, "path in ('docs/en/refunds.md', 'one.md')") == [
        "docs/en/refunds.md", "one.md",
    ]  # fmt: skip
    assert "docs/en/refunds.md" not in found(pages, "path != 'docs/en/refunds.md'")
    assert found(pages, "path = './docs/en/../zh/refunds.md'") == ["docs/zh/refunds.md"]


def test_a_path_inside_the_source_goes_before_a_place(pages: Shell) -> None:
    assert found(pages, "path = 'zh/refunds.md'") == ["docs/zh/refunds.md", "more/zh/refunds.md"]
    pages.write("docs/docs/en/refunds.md", "# Inner\n\nmoney back\n")
    assert pages("index").code == 0
    assert found(pages, "path = 'docs/en/refunds.md'") == ["docs/docs/en/refunds.md"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("path = 'zh/refund.md'", "known values: 'zh/refunds.md', "),
        ("path = 'elsewhere/en/refunds.md'", "known values: 'en/refunds.md', "),
        ("path = 'refunds.md'", "known values: 'zh/refunds.md', 'en/refunds.md'"),
        ("path = 'en/refu…'", "known values: 'en/refunds.md', "),
        (f"title = '{TITLE[:30]}…'", f"known values: '{TITLE}'"),
        ("title = 'refunds'", "known values: 'Refunds', "),
        ("id = 'en/refund.md'", "known values: 'en/refunds.md'"),
        ("path glob 'docs/*'", "no document matches 'docs/*'; paths are relative to their source"),
    ],
)
def test_unknown_paths_titles_and_ids_name_the_nearest(pages: Shell, where: str, said: str) -> None:
    assert said in pages("query", "money", "--where", where).err


def test_many_unknown_values_are_told_once(pages: Shell) -> None:
    many = ", ".join(f"'x{i}'" for i in range(10))
    err = pages("query", "money", "--where", f"id in ({many})").err
    assert err.count("no document has") == 4
    assert "id: no document has 7 more of these values" in err


def test_no_listed_value_is_cut(pages: Shell) -> None:
    listed = pages("status", "--fields").out
    assert f"'{TITLE}'" in listed
    assert "…" not in listed
    assert found(pages, f"title = '{TITLE}'") == ["docs/zh/refunds.md"]


def test_a_line_of_long_values_has_fewer(shell: Shell) -> None:
    rows = [{"_id": str(i), "text": "t", "note": f"{i} " + "n" * 100} for i in range(5)]
    shell.write("r.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    assert shell("index", "r.jsonl").code == 0
    (line,) = (x for x in shell("status", "--fields").out.splitlines() if x.startswith("note"))
    assert line.endswith(f"'0 {'n' * 100}' and 4 more")


def test_records_of_no_file_have_no_path(pages: Shell) -> None:
    """One rule: null in JSON, none in filters and in the list of fields, the id where hits are shown."""
    assert pages("add", "money for tea", "--meta", "kind=note").code == 0
    (hit,) = pages("query", "tea", "--where", "kind = 'note'", "--format", "jsonl").lines
    assert (hit["path"], hit["line"]) == (None, None)
    (row,) = pages("query", "tea", "--where", "kind = 'note'", "--format", "tsv").out.splitlines()
    assert hit["document"] in row
    for where, here in (
        ("path exists", False),
        ("not path exists", True),
        ("path = null", True),
        ("path = '-'", False),
        ("path glob '*'", False),
        ("path != 'one.md'", True),
    ):
        listed = pages("query", "money tea", "--where", where, "--format", "jsonl").lines
        assert (hit["document"] in [h["document"] for h in listed]) == here, where
    fields = {f["name"]: f for f in pages("status", "--fields", "--format", "json").json["fields"]}
    assert (fields["path"]["documents"], fields["id"]["documents"]) == (4, 5)
    assert "'-'" not in pages("status", "--fields").out


def test_files_that_are_to_be_read_again_have_their_time(shell: Shell) -> None:
    """One that was written a moment ago, and one that has a bad line."""
    shell.write("docs/new.md", "a page on refunds")
    shell.write("docs/r.jsonl", '{"_id": "r1", "text": "refunds too"}\nBROKEN\n')
    assert shell("index", "docs").code == 4
    found = shell("query", "refunds", "--where", "mtime > 2020", "--format", "json")
    (query,) = found.json["queries"]
    assert {hit["document"] for hit in query["hits"]} == {"new.md", "r1"}
    assert "in all documents" in shell("status", "--fields").out
    body = shell("index", "--format", "json").json
    assert len(body["failed"]) == 1, "and is read again"
