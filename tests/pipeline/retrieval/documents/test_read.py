"""A document read from the index against its file, character by character."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qembed.errors import QembedError, UnknownDocument, UsageError
from qembed.pipeline.retrieval.documents.read import (
    DocumentRequest,
    DocumentText,
    read_document,
)
from qembed.pipeline.retrieval.session import Session


def read(session: Session, document: str, **asked: int) -> DocumentText:
    return read_document(session, DocumentRequest(document, **asked))


def test_all_of_it_is_the_files_text(session: Session, folder: Path) -> None:
    text = (folder / "docs/guide.md").read_text()
    found = read(session, "guide.md")
    assert found.text == text.rstrip("\n")
    assert (found.start, found.end) == (0, len(text.rstrip("\n")))
    assert (found.line, found.end_line, found.lines) == (1, len(text.splitlines()), found.end_line)
    assert (found.file_line, found.file_end_line) == (found.line, found.end_line)
    assert (found.first_passage, found.last_passage) == (0, found.passages - 1)
    assert found.passages > 3
    assert found.path == str(folder / "docs/guide.md")
    assert found.fragment == ""
    assert found.title == "Refunds"


@pytest.mark.slow
def test_every_stretch_of_lines_is_the_files(session: Session, folder: Path) -> None:
    lines = (folder / "docs/guide.md").read_text().splitlines()
    text = "\n".join(lines)
    for first in range(1, len(lines) + 1):
        for last in {first, first + 1, first + 4, first + 30, len(lines) + 9}:
            found = read(session, "guide.md", first_line=first, last_line=last)
            assert found.text == "\n".join(lines[first - 1 : last]), (first, last)
            assert text[found.start : found.end] == found.text
            assert (found.line, found.end_line) == (first, min(last, len(lines)))


def test_a_passage_and_its_neighbours(session: Session, folder: Path) -> None:
    text = (folder / "docs/guide.md").read_text()
    whole = read(session, "guide.md")
    for number in range(whole.passages):
        for context in (0, 1, 99):
            found = read(session, "guide.md", passage=number, context=context)
            assert found.text == text[found.start : found.end]
            assert text.count("\n", 0, found.start) + 1 == found.line
            assert found.first_passage is not None
            assert found.first_passage <= max(0, number - context)
    everything = read(session, "guide.md", passage=0, context=99)
    assert (everything.text, everything.start) == (whole.text, whole.start)


def test_a_record_has_lines_of_its_own(session: Session, folder: Path) -> None:
    found = read(session, "r/1")
    assert found.text == "A record of the glacier.\n\nIts end."
    assert (found.line, found.end_line, found.file_line, found.file_end_line) == (1, 3, 1, None)
    assert (found.title, found.meta) == ("R", {"n": 1})
    assert found.path == str(folder / "rows.jsonl")
    assert found.fragment == "r/1"
    assert read(session, "r/1", first_line=3).text == "Its end."


def test_a_document_of_a_title_alone(session: Session) -> None:
    found = read(session, "r/3")
    assert (found.text, found.passages, found.first_passage, found.lines) == ("", 1, None, 1)


def test_it_goes_through_json(session: Session) -> None:
    request = DocumentRequest("guide.md", passage=1, context=2)
    assert DocumentRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    found = read(session, "r/1")
    body = json.loads(json.dumps(found.to_json()))
    assert DocumentText.from_json(body) == found
    assert (body["schema"], body["fragment"]) == (1, "r/1")


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"document": "guide"}, UnknownDocument, "no document 'guide' in the index"),
        ({"document": "else/guide.md"}, UnknownDocument, r"did you mean guide.md\?"),
        ({"document": "guidde.md"}, UnknownDocument, r"did you mean guide.md\?"),
        ({"document": "/etc/passwd"}, UnknownDocument, "no document '/etc/passwd'"),
        ({"passage": 99}, UnknownDocument, r"guide.md has no passage 99 \(the last one is \d+\)"),
        ({"first_line": 999}, UnknownDocument, r"no line 999 \(its last one is \d+\)"),
        ({"first_line": 0}, UsageError, "lines count from 1"),
        ({"first_line": 5, "last_line": 4}, UsageError, "the last one is before the first"),
        ({"passage": 1, "first_line": 2}, UsageError, "one of them"),
        ({"passage": -1}, UsageError, "count from 0"),
        ({"passage": 0, "context": -1}, UsageError, "at least 0"),
    ],
)
def test_what_is_not_there(
    session: Session, asked: dict[str, int], error: type[QembedError], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_document(session, DocumentRequest(**{"document": "guide.md", **asked}))  # type: ignore[arg-type]
