"""Files to documents, by format. A new format: a function and a line here, its suffixes in `formats`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from qembed.corpus import file_contents
from qembed.corpus.decode import EMPTY
from qembed.corpus.docinfo import docinfo
from qembed.corpus.formats import FORMATS, PICTURES, suffix
from qembed.corpus.front_matter import front_matter
from qembed.corpus.markdown import strip_inline
from qembed.corpus.markdown import title as heading
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers import html, large_text, text_formats
from qembed.corpus.readers.html import Page
from qembed.corpus.readers.mail.mailbox import messages
from qembed.corpus.readers.mail.message import mail
from qembed.corpus.readers.pictures.picture_file import read_picture
from qembed.corpus.readers.pictures.shown import page_of, without_own_files
from qembed.corpus.readers.sandbox import read_office
from qembed.corpus.readers.sequences.circuits import read_bench, read_verilog
from qembed.corpus.readers.sequences.fasta import read_fasta, read_fastq
from qembed.corpus.readers.sequences.smiles import read_smiles
from qembed.corpus.readers.subtitles import subtitles
from qembed.corpus.readers.tables.delimited import read_csv
from qembed.corpus.readers.tables.structured import read_json, read_jsonl, read_parquet
from qembed.corpus.readers.xml_file import read_svg, read_xml
from qembed.corpus.rst import bare, rst_title
from qembed.errors import refusal
from qembed.types import (
    Document,
    LeftOut,
    ReadItem,
    ReadWarning,
    Skipped,
    SourceFile,
    Unreadable,
)

Reader: TypeAlias = Callable[[SourceFile, ReadOptions], Iterator[ReadItem]]
_NOTHING_SAID = ReadOptions()


def read(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """The documents of a file, as its suffix says; as plain text where no reader knows the suffix."""
    return reader_of(file.name, options)(file, options)


def reader_of(name: str, options: ReadOptions = _NOTHING_SAID) -> Reader:
    """The reader for a file of this name. Pictures have one where the options take them."""
    ending = suffix(name)
    if ending in PICTURES and options.pictures is not None:
        return read_picture
    return READERS.get(ending, read_plain)


def of_text(make: Callable[[str], Page]) -> Reader:
    """A reader of one document, from a function of a file's text that may raise ValueError."""

    def reader(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
        found = file_contents.text(file, options.encoding)
        if isinstance(found, Unreadable):
            yield found
            return
        where = os.fspath(file.location)
        if not found.text.strip():
            yield Skipped(where, EMPTY)
            return
        try:
            page = make(found.text)
        except ValueError as e:
            yield Unreadable(where, str(e))
            return
        if page.shown and options.pictures is not None:
            start = page_of(file.name, page.base)
            left = without_own_files(page.left_out, page.shown, start, file.pictures)
            page = page._replace(left_out=left)
        yield Document(file.name, page.text, page.title, {**page.meta, **found.meta})
        yield from found.warnings
        yield from _doubts(page, where)

    reader.__name__ = f"read_{make.__name__.strip('_')}"
    return reader


def _doubts(page: Page, where: str, first: int | None = None) -> Iterator[ReadItem]:
    """A page's warnings and the parts that it leaves out. `first`: line of warnings that have none."""
    for line, message in page.warnings:
        yield ReadWarning(where, message, first if line is None else line)
    for what, count in page.left_out.items():
        yield LeftOut(where, what, count)


def markdown(text: str) -> Page:
    """Read Markdown: the first heading is the title and stays in the text; front matter is metadata."""
    front = front_matter(text)
    title = heading(text) or strip_inline(front.title)
    return Page(text, title, front.meta, warnings=front.warnings)


def rst(text: str) -> Page:
    """Read reStructuredText: the first section's title is the title and stays in the text.

    A field list at the top is metadata, and so is front matter.
    """
    front = docinfo(text)
    return Page(text, rst_title(text) or bare(front.title), front.meta, warnings=front.warnings)


def html_page(text: str) -> Page:
    """Read HTML behind its front matter, which is metadata and says the title."""
    return _behind_front(text, html.read_page)


def xhtml_page(text: str) -> Page:
    """Read XHTML behind its front matter, which is metadata and says the title."""
    return _behind_front(text, html.read_xhtml)


_EMPTY_FRONT = re.compile(r"---[ \t]*\r?\n\s*---[ \t]*(?:\r?\n|\Z)")
"""Front matter without a key, with which Jekyll marks a page that it is to process."""


def _behind_front(text: str, make: Callable[[str], Page]) -> Page:
    if empty := _EMPTY_FRONT.match(text):
        return make(text[empty.end() :])
    front = front_matter(text)
    is_front = bool(front.meta) and bool(text[front.end :].strip())
    page = make(text[front.end :] if is_front else text)
    title = strip_inline(front.title) or page.title
    meta = {**page.meta, **front.meta}
    return page._replace(title=title, meta=meta, warnings=[*front.warnings, *page.warnings])


read_markdown = of_text(markdown)
read_rst = of_text(rst)
read_html = of_text(html_page)
read_xhtml = of_text(xhtml_page)
read_notebook = of_text(text_formats.notebook)
read_subtitles = of_text(subtitles)


def read_plain(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read one document without a title, or the parts of a text of more than MAX_WHOLE_BYTES."""
    where = os.fspath(file.location)
    try:
        with file_contents.open_stream(file, options.position) as stream:
            head = stream.read(large_text.MAX_WHOLE_BYTES + 1)
            if len(head) > large_text.MAX_WHOLE_BYTES:
                yield from large_text.read_parts(head, stream, file.name, where, options)
                return
    except OSError as e:
        yield Unreadable(where, refusal(e))
        return
    found = file_contents.as_text(head, where, options.encoding)
    if not isinstance(found, file_contents.Text):
        yield found
    elif not found.text.strip():
        yield Skipped(where, EMPTY)
    else:
        yield Document(file.name, found.text, meta=found.meta)
        yield from found.warnings


def read_mail(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read one document; a message says itself in which encoding it is."""
    where = os.fspath(file.location)
    found = file_contents.data(file)
    if isinstance(found, Unreadable):
        yield found
        return
    try:
        page = mail(found, read, options)
    except ValueError as e:
        yield Unreadable(where, str(e))
        return
    yield Document(file.name, page.text, page.title, page.meta)
    yield from _doubts(page, where)


def read_mbox(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a message of a mailbox: `box.mbox#message=3`."""
    where = os.fspath(file.location)
    try:
        with file_contents.open_stream(file, options.position) as stream:
            for number, (line, data) in enumerate(messages(stream, file_contents.MAX_FILE), 1):
                try:
                    page = mail(data, read, options)
                except ValueError as e:
                    yield Unreadable(where, str(e), line)
                    continue
                name = f"{file.name}#message={number}"
                yield Document(name, page.text, page.title, page.meta, line)
                yield from _doubts(page, where, line)
    except OSError as e:
        yield Unreadable(where, refusal(e))


_READERS: dict[str, Reader] = {
    "plain": read_plain,
    "markdown": read_markdown,
    "json_lines": read_jsonl,
    "rst": read_rst,
    "html": read_html,
    "xhtml": read_xhtml,
    "xml": read_xml,
    "svg": read_svg,
    "notebook": read_notebook,
    "mail": read_mail,
    "mailbox": read_mbox,
    "subtitles": read_subtitles,
    "delimited": read_csv,
    "json": read_json,
    "parquet": read_parquet,
    "office": read_office,
    "fasta": read_fasta,
    "fastq": read_fastq,
    "annotated": read_office,
    "smiles": read_smiles,
    "bench": read_bench,
    "verilog": read_verilog,
}

READERS: dict[str, Reader] = {ending: _READERS[name] for ending, name in FORMATS.items()}
"""Suffix in lower case -> reader, of what may also be packed with gzip or zstd."""
