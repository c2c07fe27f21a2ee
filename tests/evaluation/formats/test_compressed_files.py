"""Compressed files, recognised by content under any name, in pipes and in BEIR folders."""

import bz2
import gzip
import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import InputError
from qembed.evaluation import read_beir, read_pool, read_qrels, read_queries, read_run
from qembed.evaluation.formats import source_file
from qembed.types import Query
from tests.corpus.made import zstd

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
FILES: dict[str, tuple[Callable[..., Any], bytes, Any]] = {
    "qrels": (read_qrels, b"\xef\xbb\xbfqid,did,rel\r\nq1,d1,2\r\n", {"q1": {"d1": 2}}),
    "run": (read_run, b"q1 Q0 d1 1 0.5 t\n", {"q1": {"d1": 0.5}}),
    "queries": (read_queries, b'{"_id": "q1", "text": "x"}\n', [Query("q1", "x")]),
    "pool": (read_pool, b"qid\tdid\tgrade\nq1\td1\t1\n", {"q1": {"d1": 1}}),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("suffix", PACKERS)
def test_every_reader_takes_compressed_files_under_any_name(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    read, text, wanted = FILES[kind]
    for name in (f"file.tsv.{suffix}", "file.tsv"):
        path = tmp_path / name
        path.write_bytes(PACKERS[suffix](text))
        assert read(path) == wanted
    plain = tmp_path / f"plain.{suffix}"
    plain.write_bytes(text)
    assert read(plain) == wanted


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("suffix", PACKERS)
def test_a_truncated_file_is_named(tmp_path: Path, kind: str, suffix: str) -> None:
    read, text, _ = FILES[kind]
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(PACKERS[suffix](text)[:-3])
    with pytest.raises(InputError, match=f"^cannot read {path}: cannot be unpacked: [^\n]*$"):
        read(path)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.slow
def test_a_pipe_may_be_compressed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    text = b"q 0 d 1\n" * 20_000  # more than a pipe holds
    writer = threading.Thread(target=path.write_bytes, args=(PACKERS[suffix](text),))
    writer.start()
    assert read_qrels(path) == {"q": {"d": 1}}
    writer.join()


def test_mistakes_keep_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "qrels.gz"
    path.write_bytes(gzip.compress(b"q 0 d 1\nq 0 e x\n"))
    with pytest.raises(InputError) as e:
        read_qrels(path)
    assert e.value.problems == [f"{path}:2: grade 'x' is not a whole number"]


def test_a_bomb_and_an_archive_of_several_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_file, "MAX_UNPACKED", 1_000_000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(InputError, match="unpacks to far more than its size"):
        read_run(path)
    path.write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(InputError, match="a zip archive or a workbook"):
        read_qrels(path)


def beir(folder: Path, packed: Callable[[bytes], bytes], suffix: str) -> Path:
    (folder / "qrels").mkdir()
    files = {
        "corpus.jsonl": b'{"_id": "d1", "text": "x"}\n',
        "queries.jsonl": b'{"_id": "1", "text": "a"}\n{"_id": "2", "text": "b"}\n',
        "qrels/test.tsv": b"query-id\tcorpus-id\tscore\n2\td1\t1\n",
    }
    for name, text in files.items():
        (folder / f"{name}{suffix}").write_bytes(packed(text))
    return folder


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_beir_folder_of_compressed_files(tmp_path: Path, suffix: str) -> None:
    found = read_beir(beir(tmp_path, PACKERS[suffix], f".{suffix}"))
    assert found.corpus == tmp_path / f"corpus.jsonl.{suffix}"
    assert found.queries == [Query("2", "b")]
    assert found.qrels == {"2": {"d1": 1}}
    with pytest.raises(InputError, match=r"dev\.tsv: no such file.*judgments for: test\)"):
        read_beir(tmp_path, "dev")


def test_what_a_beir_folder_lacks_is_named(tmp_path: Path) -> None:
    beir(tmp_path, gzip.compress, ".gz")
    (tmp_path / "corpus.jsonl.gz").unlink()
    with pytest.raises(InputError) as e:
        read_beir(tmp_path)
    assert e.value.problems == [f"{tmp_path}/corpus.jsonl: no such file, and no .gz or .zst"]
