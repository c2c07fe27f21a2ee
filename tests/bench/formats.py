"""Reading and cutting by format: CPU seconds, alone or in turns with another checkout.

python -m tests.bench.formats [--against FOLDER] [FORMAT ...]

FOLDER is a checkout with its own `.venv`. Files are made of random sentences, so that both read the same;
passages are the built-in model's. A ratio is the median of the pairs', below 1 where this checkout is faster.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.table import fact
from tests.corpus.counts import prose
from tests.corpus.languages import LANGUAGES, unmarked

ROUNDS = 5
SIGNS = [*"中文句子你好真的吗没有标点很长一段文字火星是红色行星", "。", "，", "！", "？"]
FILES = 20
WORKER = r"""
import json, sys, time
from pathlib import Path
from qembed.corpus import Chunker, ReadOptions, read, walk
from qembed.models import open_model
from qembed.types import Document, SourceFile

model = open_model("minilm")
for folder in sys.stdin:
    chunker = Chunker(kind="auto", max_tokens=model.max_tokens, overlap=model.max_tokens // 8,
                      tokenizer=model.tokenizer())
    files = [f for f in walk(Path(folder.strip())) if isinstance(f, SourceFile)]
    began = time.process_time()
    documents = [d for f in files for d in read(f, ReadOptions()) if isinstance(d, Document)]
    has_read = time.process_time()
    passages = sum(len(chunker.split(d)) for d in documents)
    print(json.dumps([passages, has_read - began, time.process_time() - has_read]), flush=True)
"""
"""Reads and cuts the folders that stdin names: passages, CPU seconds of reading and of cutting a line."""


def _rows(n: int, words: int, delimiter: str = ",") -> str:
    out = io.StringIO()
    rng = random.Random(n)
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "title", "text", "year", "price", "sold"])
    for i in range(words):
        text = prose(60_000 // words, n * words + i)
        price = f"{rng.random() * 99:.2f}"
        writer.writerow([f"{n}-{i}", f"row {i}", text, 2000 + i % 26, price, i % 2 == 0])
    return out.getvalue()


def _markdown(n: int) -> str:
    parts = [
        f"## Part {i}\n\n{prose(900, n * 50 + i)}\n\n- an *item*\n- a [link](http://x.y/z)\n"
        for i in range(50)
    ]
    return f"# Guide {n}\n\n" + "\n".join(parts)


def _html(n: int) -> str:
    parts = [f"<h2>Part {i}</h2><p>{p}</p>" for i, p in enumerate(prose(40_000, n).split("\n\n"))]
    return f"<html><head><title>Page {n}</title></head><body><main>{''.join(parts)}</main></body></html>"


def _mail(n: int) -> str:
    head = "From: a@b.c\nTo: d@e.f\nSubject: words\nContent-Type: text/plain; charset=utf-8\n"
    return f"{head}Message-ID: <{n}@b.c>\n\n{prose(20_000, n)}"


def _subtitles(n: int) -> str:
    words = prose(20_000, n).split()
    cues = [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
    stamp = "{0:02d}:{1:02d}:{2:02d}.000".format
    times = [(stamp(*divmod(t // 60, 60), t % 60)) for t in range(0, 2 * len(cues) + 2, 2)]
    body = [f"{times[i]} --> {times[i + 1]}\n{cue}\n" for i, cue in enumerate(cues)]
    return "WEBVTT\n\n" + "\n".join(body)


def _records(n: int) -> list[dict[str, Any]]:
    texts = [prose(600, n * 80 + i) for i in range(80)]
    return [{"_id": f"{n}-{i}", "title": f"{i}", "text": t, "year": i} for i, t in enumerate(texts)]


def _code(suffix: str, n: int) -> str:
    """Eight times a program of a language, each with names of its own."""
    text = unmarked(LANGUAGES[suffix]).text
    return "".join(re.sub(r"[A-Za-z]{6,}", rf"\g<0>{n}{i}", text) for i in range(8))


FORMATS: dict[str, Callable[[int], str]] = {
    "text.txt": lambda n: prose(60_000, n),
    "chinese.txt": lambda n: "".join(random.Random(n).choices(SIGNS, k=6000)),
    "markdown.md": _markdown,
    "structured.rst": lambda n: "\n\n".join(
        f"Part {i}\n-------\n\n{prose(900, n * 50 + i)}" for i in range(50)
    ),
    "code.py": lambda n: _code(".py", n),
    "code.ts": lambda n: _code(".ts", n),
    "code.java": lambda n: _code(".java", n),
    "long-rows.csv": lambda n: _rows(n, 80),
    "short-rows.csv": lambda n: _rows(n, 2000),
    "rows.tsv": lambda n: _rows(n, 80, "\t"),
    "lines.jsonl": lambda n: "".join(json.dumps(r) + "\n" for r in _records(n)),
    "array.json": lambda n: json.dumps(_records(n)),
    "page.html": _html,
    "mail.eml": _mail,
    "subtitles.vtt": _subtitles,
}
"""Name of a format -> content of its n-th file."""


class Checkout:
    """Worker process in a checkout, with its own interpreter."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, "-c", WORKER],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, folder: Path) -> tuple[int, float, float]:
        """Passages of the files in a folder, CPU seconds of reading and of cutting them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(folder, file=self._process.stdin, flush=True)
        passages, reading, cutting = json.loads(self._process.stdout.readline())
        return passages, reading, cutting

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def compare(checkouts: Sequence[Checkout], folder: Path, name: str) -> None:
    """Print a line on a format: seconds of the first checkout, and its ratio to the second, if any."""
    found: list[list[tuple[int, float, float]]] = [[] for _ in checkouts]
    for i in range(ROUNDS + 1):
        turn = list(zip(checkouts, found, strict=True))
        for checkout, measured in turn if i % 2 else turn[::-1]:
            measured.append(checkout.measure(folder))
    ours = found[0][1:]  # the first round loads what is loaded once
    passages, reading, cutting = (statistics.median(column) for column in zip(*ours, strict=True))
    line = f"{passages:,.0f} passages, reading {reading:.3f} s, cutting {cutting:.3f} s"
    if len(found) > 1:
        pairs = zip(ours, found[1][1:], strict=True)
        ratio = statistics.median((a[1] + a[2]) / (b[1] + b[2]) for a, b in pairs)
        line += f", ratio {ratio:.2f}"
    fact(name, line)


def main(arguments: list[str]) -> None:
    """Print a line for each format, of those that are named or all."""
    here = Path(__file__).resolve().parents[2]
    checkouts = [Checkout(here, Path(sys.executable))]
    if arguments[:1] == ["--against"]:
        other = Path(arguments[1]).resolve()
        checkouts.append(Checkout(other, other / ".venv" / "bin" / "python"))
        arguments = arguments[2:]
    with tempfile.TemporaryDirectory() as top:
        for name in arguments or FORMATS:
            folder = Path(top, name.replace(".", "-"))
            folder.mkdir()
            for n in range(FILES):
                content = FORMATS[name](n)
                (folder / f"{n}-{name}").write_text(content, "utf-8", newline="")
            compare(checkouts, folder, name)
    for checkout in checkouts:
        checkout.close()


if __name__ == "__main__":
    main(sys.argv[1:])
