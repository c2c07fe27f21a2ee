"""Files to documents, by suffix. A new format is one function and one line in READERS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from qembed.corpus.decode import decode
from qembed.corpus.markdown import title
from qembed.corpus.records import ReadOptions, read_lines
from qembed.types import Document, SourceFile, Unreadable

Reader: TypeAlias = Callable[[SourceFile, ReadOptions], Iterator[Document | Unreadable]]

MAX_FILE = 256 * 1024 * 1024
"""Bytes of one text file; a larger one is no document anybody reads, and would be held whole."""


def read(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """The documents of a file, as its suffix says; as plain text where no reader knows the suffix."""
    name = file.name.rpartition("/")[2]
    suffix = name[name.rfind(".") :].lower() if "." in name[1:] else ""
    return READERS.get(suffix, read_plain)(file, options)


def read_plain(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """One document without a title."""
    text = _text(file)
    yield text if isinstance(text, Unreadable) else Document(file.name, text)


def read_markdown(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """One document; its title is its first heading, which stays in the text too."""
    text = _text(file)
    yield text if isinstance(text, Unreadable) else Document(file.name, text, title(text))


def read_jsonl(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """One document a line; ids of records without one are `<file name>#<line>`."""
    where = os.fspath(file.location)
    try:
        stream = file.path.open("rb")
    except OSError as e:
        yield Unreadable(where, e.strerror or str(e))
        return
    with stream:
        yield from read_lines(stream, file.name, options, where)


def _text(file: SourceFile) -> str | Unreadable:
    where = os.fspath(file.location)
    if file.size > MAX_FILE:
        limit = MAX_FILE // 1024**2
        error = f"{file.size / 1024**2:.0f} MiB is too large for one document (at most {limit})"
        return Unreadable(where, f"{error}: split it, or make it JSON lines")
    try:
        data = file.path.read_bytes()
    except OSError as e:
        return Unreadable(where, e.strerror or str(e))
    return decode(data, where)


_PROSE = ".txt .text .log .rst .adoc .org .tex"
_CODE = (
    ".py .pyi .js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .go .rs .java .kt .kts .scala .groovy "
    ".gradle .clj .c .h .cc .cpp .cxx .hh .hpp .m .mm .cs .fs .vb .swift .dart .zig .rb .php .pl .pm .lua "
    ".r .jl .hs .ml .mli .ex .exs .erl .elm .lisp .el .scm .sh .bash .zsh .fish .ps1 .bat .sql .graphql "
    ".proto .cmake .mk .tf .nix .css .scss .less"
)
_SETTINGS = ".toml .yaml .yml .ini .cfg .conf .properties"

READERS: dict[str, Reader] = {
    **dict.fromkeys(f"{_PROSE} {_CODE} {_SETTINGS}".split(), read_plain),
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
"""Suffix in lower case -> reader. HTML, tables and office formats want readers of their own."""

_NAMES = (
    "readme license licence copying notice authors contributors changelog changes news history todo "
    "install makefile dockerfile containerfile vagrantfile jenkinsfile rakefile gemfile procfile "
    "justfile codeowners"
)
PLAIN_NAMES = frozenset(_NAMES.split())
"""Names without a suffix, in lower case, that are known to be text."""
