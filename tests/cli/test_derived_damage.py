"""Derived files that are damaged or missing: what `status` and the answers say before a run mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


def derived(shell: Shell, pattern: str) -> Path:
    return sorted((shell.folder / ".qembed/derived").glob(pattern))[0]


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(body)


def swap(path: Path) -> None:
    """Another content of the same size, older than all files beside it."""
    flip(path)
    os.utime(path, ns=(0, 0))


def cut(path: Path) -> None:
    os.truncate(path, 10)


HARMS: list[tuple[str, Callable[[Path], None], str]] = [
    ("lexical-*/*.idx", cut, "lexical"),
    ("lexical-*/meta.json", cut, "lexical"),
    ("lexical-*/*.term", Path.unlink, "lexical"),
    ("lexical-*/*.idx", flip, "lexical"),
    ("lexical-*/*.pos", swap, "lexical"),
    ("lexical-*", shutil.rmtree, "lexical"),
    ("lexical.json", cut, "lexical"),
    ("vectors-*.bin", flip, "vectors"),
    ("vectors-*.bin", cut, "vectors"),
    ("graph-*.bin", flip, "graph"),
    ("graph-*.groups", Path.unlink, "graph"),
    ("background-*.bin", flip, "background"),
    ("background-*.bin", Path.unlink, "background"),
    ("profile-*.bin", cut, "profile"),
]


@pytest.mark.parametrize(("pattern", "harm", "kind"), HARMS)
@pytest.mark.slow
def test_status_names_a_damaged_derived_file(
    many: Shell, pattern: str, harm: Callable[[Path], None], kind: str
) -> None:
    before = many("status", "--format", "json").json
    assert (before["damaged"], before["lagging"]) == ([], {})
    harm(derived(many, pattern))
    assert f"{kind}: found damaged, not used (qembed index makes" in many("status", "-q").out
    found = many("status", "--format", "json").json
    assert (found["damaged"], found["lagging"]) == ([kind], {})
    assert found["derived"][kind]["rows"] == 0
    assert found["passages_without_words"] == (60 if kind == "lexical" else 0)
    assert many("index").code == 0
    assert many("status", "-q").out == ""
    after = many("status", "--format", "json").json
    assert after["derived"][kind]["rows"] == before["derived"][kind]["rows"]


def test_status_reads_no_derived_file_that_has_not_changed(many: Shell) -> None:
    path = derived(many, "lexical-*/*.idx")
    times = path.stat()
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert many("status", "-q").out == ""
    assert many("verify", "--no-model", "-q").code == 2


@pytest.mark.parametrize("state", ["missing", "damaged"])
@pytest.mark.slow
def test_answers_say_that_the_background_is_not_weighed(many: Shell, state: str) -> None:
    assert many("query", "page 7").err == ""
    for path in (many.folder / ".qembed/derived").glob("background*"):
        if state == "missing":
            path.unlink()
        elif path.suffix == ".bin":
            flip(path)
    note = (
        f"the background is {state}: words and meaning are weighed without it "
        "(qembed index makes it)"
    )
    assert note in many("query", "page 7").err
    assert note in many("query", "page 7", "--format", "json").json["warnings"]
    for mode in ("hybrid", "dense", "lexical"):
        assert many("query", "page 7", "--mode", mode).err == "", "these weigh by nothing"
    said = many("status", "-q").out
    found = many("status", "--format", "json").json
    if state == "missing":
        assert "background: words and meaning are weighed without it (qembed index" in said
        assert (found["lagging"], found["damaged"]) == ({"background": 60}, [])
    else:
        assert "background: found damaged, not used" in said
        assert (found["lagging"], found["damaged"]) == ({}, ["background"])
    assert many("index").code == 0
    assert many("status", "-q").out == ""
    assert many("query", "page 7").err == ""


def test_a_small_index_lacks_no_background_in_its_answers(docs: Shell) -> None:
    derived(docs, "background-*.bin").unlink()
    assert docs("query", "money back").err == ""
