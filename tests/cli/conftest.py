"""Runs the real command with a fast deterministic encoder, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from qembed.cli.app import app
from tests.cli.kept_folder import KeptFolder

ROOT = Path(__file__).resolve().parents[2]
BAG = "py:tests.encoders:bag"
WORDS = [f"w{i}" for i in range(120)]
FILES = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--measures",
         "nDCG@10 RR@10"]  # fmt: skip
"""The evaluation of `collection`."""
LONG = "a-folder-with-a-long-name/another-folder-with-a-long-name/guide-to-everything.md"
SENTENCE = "zebra " + " ".join(f"word{i}" for i in range(80)) + " https://example.org/" + "x" * 120
"""The longest path and the longest sentence of `mixed`."""

GROUP = get_command(app)
"""Made once: for each call anew, a fifth of the time of tests/cli went into the options of commands."""
READ = re.compile("QEMBED_|BAG_|INSTRUCTED_")
"""Variables that decide what an index is."""
OWN = {"QEMBED_MODEL", "QEMBED_CACHE", "QEMBED_DATA"}
"""Those that a Shell sets anew."""


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Shell:
    """A folder to work in. Calling it runs `qembed` there."""

    folder: Path

    def env(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "QEMBED_MODEL": BAG,
            "QEMBED_CACHE": str(self.folder.parent / "cache"),
            "QEMBED_DATA": str(self.folder.parent / "data"),
            "QEMBED_CONFIG": os.environ.get("QEMBED_CONFIG", str(self.folder.parent / "config")),
            "HF_HUB_OFFLINE": "1",
            "PYTHONWARNINGS": "ignore",
            **more,
        }

    def __call__(self, *args: str, stdin: str | bytes = "", **env: str) -> Done:
        """Runs it in this process, through the same group that a console runs: half a second saved."""
        code: object = None
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as streams:
            patch.chdir(self.folder)
            patch.setattr(
                sys, "path", [*sys.path]
            )  # `py:` models add the folder, thousands of them
            for key, value in self.env(**env).items():
                if os.environ.get(key) != value:
                    patch.setenv(key, value)
            out, err, _ = streams.enter_context(CliRunner().isolation(stdin))
            try:
                GROUP.main(list(args), "qembed")
            except SystemExit as ended:
                code = ended.code
            sys.stdout.flush()
            sys.stderr.flush()
            said = [s.getvalue().decode().replace("\r\n", "\n") for s in (out, err)]
        assert isinstance(code, int), code
        return Done(int(code), *said)

    def process(self, *args: str, stdin: str | bytes = "", **env: str) -> Done:
        """Runs it in a process of its own."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "qembed", *args],
            cwd=self.folder,
            env=self.env(**env),
            input=data,
            capture_output=True,
            timeout=120,
            check=False,
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        return result

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def old(self, *names: str) -> None:
        """Makes files look as if they had been there for a while."""
        for name in names or [str(p) for p in self.folder.rglob("*") if p.is_file()]:
            stat = (self.folder / name).stat()
            os.utime(self.folder / name, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**11))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder)


Filled = Callable[[Callable[[Shell], None]], Shell]

_KEPT: dict[tuple[object, ...], KeptFolder] = {}


@pytest.fixture
def filled(shell: Shell) -> Filled:
    """Fills the folder by a function, called once for the variables that qembed reads."""

    def fill(build: Callable[[Shell], None]) -> Shell:
        read = ((k, v) for k, v in sorted(os.environ.items()) if READ.match(k) and k not in OWN)
        key = (build.__module__, build.__qualname__, *read)
        if key in _KEPT:
            _KEPT[key].write(shell.folder)
            return shell
        beside = set(shell.folder.parent.iterdir())
        build(shell)
        assert set(shell.folder.parent.iterdir()) == beside, "more than the folder is filled"
        _KEPT[key] = KeptFolder.of(shell.folder)
        return shell

    return fill


@pytest.fixture
def docs(filled: Filled) -> Shell:
    """A small indexed folder."""
    return filled(_index_docs)


def _index_docs(shell: Shell) -> None:
    shell.write("docs/refunds.md", "# Refunds\n\nMoney comes back within five days.\n")
    shell.write("docs/parcels.md", "# Parcels\n\nWhere the parcel is, the tracking page says.\n")
    shell.write("docs/deep/locks.txt", "A locked account opens again after an hour.\n")
    shell.old()
    done = shell("index", "docs")
    assert done.code == 0, done.err


@pytest.fixture
def collection(filled: Filled) -> Shell:
    """300 short records and 30 queries made of their words."""
    return filled(_index_collection)


def _index_collection(shell: Shell) -> None:
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=8)) for _ in range(300)]
    records = [{"_id": f"d{i}", "title": f"T{i}", "text": t} for i, t in enumerate(texts)]
    shell.write("corpus.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    chosen = rng.sample(range(300), 30)
    queries = [{"_id": f"q{i}", "text": " ".join(rng.sample(texts[d].split(), 3))}
               for i, d in enumerate(chosen)]  # fmt: skip
    shell.write("q.jsonl", "".join(json.dumps(q) + "\n" for q in queries))
    rows = "".join(f"q{i}\td{d}\t1\n" for i, d in enumerate(chosen))
    shell.write("qrels.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    shell.old()
    assert shell("index", "corpus.jsonl").code == 0


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A source of files and one of records, and a record of no file. No test changes the index."""
    shell = Shell(tmp_path_factory.mktemp("mixed") / "work")
    shell.folder.mkdir()
    shell.write(f"docs/{LONG}", f"# Guide\n\n{SENTENCE}\n")
    shell.write("docs/b.md", "# Zebra\n\nA zebra walks.\n\nThe second paragraph.\n")
    shell.write("records.jsonl", json.dumps({"_id": "r/1", "text": "zebra of a record"}) + "\n")
    shell.old()
    assert shell("index", "docs", "records.jsonl").code == 0
    done = shell("add", "--meta", "user=ann", "--meta", "n=3", "--id", "m1", "zebra I remember")
    assert done.code == 0, done.err
    return shell


def index_sixty(shell: Shell) -> None:
    """Index sixty texts, whose files are old enough to be believed by their times."""
    for i in range(60):
        shell.write(f"docs/d{i}.txt", f"text page {i} of the manual")
    shell.old()
    assert shell("index", "docs").code == 0


@pytest.fixture
def many(filled: Filled) -> Shell:
    """An index of sixty texts."""
    return filled(index_sixty)
