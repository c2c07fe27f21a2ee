"""Risky parsers in a process of their own, with a limit on time and memory: a bad file costs that file.

The parent sends a file (a line of JSON, then its bytes), the worker answers with JSON behind its length. It
is started when the first file needs it and serves all others of the run; when it is slow, dies or grows
beyond its memory, it is replaced by a new one.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, BinaryIO

from qembed.corpus import file_contents
from qembed.corpus.decode import EMPTY
from qembed.corpus.formats import suffix
from qembed.corpus.read_options import OCR, ReadOptions
from qembed.corpus.readers.converted import Broken, Converted, Image, Omitted, Text
from qembed.corpus.readers.sequences.lines import has_records
from qembed.types import Document, LeftOut, Picture, ReadItem, Skipped, SourceFile, Unreadable

SECONDS, OCR_SECONDS = 60.0, 300.0
"""For one file; for one in whose pictures text is read."""
MEMORY, OCR_MEMORY = 2 * 1024**3, 4 * 1024**3
"""Address space of a worker, bytes; of one that reads text in pictures."""
RECURSION = 5000
"""Calls inside one another in a worker: elements nest as deep as their reader lets them."""
MAX_ANSWER = file_contents.MAX_FILE
_KINDS: dict[str, Callable[..., Converted]] = {
    c.__name__: c for c in (Text, Image, Omitted, Broken)
}


def needs(extra: str) -> str:
    """Reason for which a file is left out whose reader is in an extra that is not installed."""
    return f"needs qembed-search[{extra}] (pip install 'qembed-search[{extra}]')"


class ReaderFailed(ValueError):
    """Failure of the reader process on one file. `reason`: without the name of its format."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = message if reason is None else reason


class ReaderProcess:
    """One process; use `convert`. Not for several threads at once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._memory = MEMORY

    def convert(
        self,
        suffix: str,
        data: bytes,
        seconds: float | None = None,
        pictures: tuple[str, ...] | None = None,
    ) -> list[Converted]:
        """Convert a file. `pictures`: as of ReadOptions. Raises ReaderFailed."""
        reads_text = pictures is not None and OCR in pictures
        if seconds is None:
            seconds = OCR_SECONDS if reads_text else SECONDS
        until = time.monotonic() + seconds
        if reads_text and self._memory < OCR_MEMORY:
            self.close()
            self._memory = OCR_MEMORY
        process = self._process or self._start()
        try:
            ask = {"suffix": suffix, "size": len(data), "pictures": pictures}
            head = json.dumps(ask).encode() + b"\n"
            self._send(process, head + data, until)
            size = int.from_bytes(self._receive(process, 8, until), "little")
            if size > MAX_ANSWER:
                raise ReaderFailed("its text is too long for one file")
            answer = json.loads(self._receive(process, size, until))
        except TimeoutError:
            self.close()
            raise ReaderFailed(f"took longer than {seconds:g} s") from None
        except (OSError, EOFError):
            self.close()
            raise ReaderFailed("its reader crashed or ran out of memory") from None
        except BaseException:
            self.close()
            raise
        if "error" in answer:
            raise ReaderFailed(answer["error"], answer["reason"])
        return [_KINDS[kind](*values) for kind, *values in answer["items"]]

    def _start(self) -> subprocess.Popen[bytes]:
        # -P: nothing that lies in the current folder is imported
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "qembed.corpus.readers.sandbox", str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            start_new_session=True,  # a Ctrl-C is the parent's affair
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    @staticmethod
    def _send(process: subprocess.Popen[bytes], data: bytes, until: float) -> None:
        assert process.stdin is not None
        fd, rest = process.stdin.fileno(), memoryview(data)
        while rest:
            if not select.select([], [fd], [], max(0.0, until - time.monotonic()))[1]:
                raise TimeoutError
            rest = rest[os.write(fd, rest[: 1 << 16]) :]

    @staticmethod
    def _receive(process: subprocess.Popen[bytes], n: int, until: float) -> bytes:
        assert process.stdout is not None
        fd = process.stdout.fileno()
        found = bytearray()
        while len(found) < n:
            if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(fd, min(1 << 20, n - len(found)))
            if not part:
                raise EOFError
            found += part
        return bytes(found)

    def close(self) -> None:
        """Ends the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()


_WORKER = ReaderProcess()
atexit.register(_WORKER.close)


def convert(suffix: str, data: bytes, pictures: tuple[str, ...] | None) -> list[Converted]:
    """Convert a file in the process that all files of a run share. Raises ReaderFailed."""
    return _WORKER.convert(suffix, data, pictures=pictures)


def picture_document(item: Image, name: str, caption: str) -> Document:
    """Document of a converted picture: its caption, behind it the text that was read in it."""
    text = f"{caption}\n\n{item.written}" if item.written else caption
    until = len(caption) if item.written else None
    pixels = Picture(base64.b64decode(item.png), bytes.fromhex(item.digest), until)
    return Document(name, text, item.title, item.meta, picture=pixels)


def read_office(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """A document, or one a page, sheet or chapter (`report.pdf#page=3`). Skipped without the extra."""
    from qembed.corpus.readers.sandbox_formats import FORMATS

    where = os.fspath(file.location)
    kind = suffix(file.name)
    module = FORMATS[kind][1]
    if module is not None and find_spec(module) is None:
        extra = "sequences" if module == "Bio" else "office"
        yield Skipped(where, needs(extra), keep=True)
        return
    data = file_contents.data(file)
    if isinstance(data, Unreadable):
        yield data
        return
    if module == "Bio" and not has_records(data):
        yield Skipped(where, EMPTY)
        return
    try:
        items = convert(kind, data, options.pictures)
    except ReaderFailed as e:
        yield Unreadable(where, str(e))
        return
    for number, item in enumerate(items, 1):
        options.at(number, len(items))
        if isinstance(item, Text):
            yield Document(f"{file.name}{item.end}", item.text, item.title, item.meta, item.line)
        elif isinstance(item, Image):
            name = f"{file.name}{item.end}"
            yield picture_document(item, name, item.text or name)
        elif isinstance(item, Omitted):
            yield LeftOut(where, item.what, item.number)
        else:
            yield Unreadable(where, item.error, item.line)


# ── the other side ───────────────────────────────────────────────────────────────────────────────


def _serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    from qembed.corpus.readers.sandbox_formats import converted

    while head := incoming.readline():
        ask = json.loads(head)
        data = incoming.read(ask["size"])
        try:
            found = converted(ask["suffix"], data, ask["pictures"])
            items = [(type(i).__name__, *_clean(i)) for i in found]
            answer: dict[str, Any] = {"items": items}
        except (Exception, RecursionError) as e:  # what a parser raises for a bad file is anything
            reason = " ".join(str(e).split())[:200] or type(e).__name__
            kind = ask["suffix"][1:].upper()
            answer = {"error": f"not {kind} that can be read: {reason}", "reason": reason}
        body = json.dumps(answer, ensure_ascii=False, default=str).encode("utf-8", "replace")
        outgoing.write(len(body).to_bytes(8, "little") + body)
        outgoing.flush()


def _clean(item: Converted) -> Converted:
    if not isinstance(item, (Text, Image)):
        return item
    text, title = item.text.replace("\0", ""), " ".join(item.title.split())
    cleaned = item._replace(text=text, title=title)
    if isinstance(cleaned, Image):
        return cleaned._replace(written=cleaned.written.replace("\0", ""))
    return cleaned


def _main() -> None:
    import resource

    limit = int(sys.argv[1])
    sys.setrecursionlimit(RECURSION)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _serve(sys.stdin.buffer, outgoing)


if __name__ == "__main__":
    _main()
