"""Time line of an index: what earlier checks found, and the results of judged queries, as JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.paths import DRIFT

FILE = "history.jsonl"
VERSION = 1


def read_history(root: Path) -> list[dict[str, Any]]:
    """Entries of the time line, in order; lines that are none are left out. Raises StorageError."""
    try:
        lines = (root / DRIFT / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as e:
        raise StorageError(f"cannot read {root / DRIFT / FILE}: {refusal(e)}") from e
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("v") == VERSION:
                found.append(entry)
    return found


def append_history(root: Path, entry: Mapping[str, Any]) -> None:
    """Append an entry in one write. Raises StorageError."""
    folder = root / DRIFT
    line = json.dumps({"v": VERSION, **entry}, ensure_ascii=True, separators=(",", ":")) + "\n"
    try:
        folder.mkdir(exist_ok=True)
        fd = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(fd).st_size
            whole = size == 0 or os.pread(fd, 1, size - 1) == b"\n"
            os.write(fd, (b"" if whole else b"\n") + line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as e:
        raise StorageError(f"cannot write {folder / FILE}: {refusal(e)}") from e


def entry_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a report: its verdict and the size of its signals."""
    return {
        "kind": "check",
        "time": body["time"],
        "generation": body["generation"],
        "recipe": body["recipe"],
        "what": body["what"],
        "verdict": body["verdict"],
        "reason": body["reason"],
        "enough": body["enough"],
        "new": {k: body["new"][k] for k in ("documents", "passages")},
        "signals": {
            s["name"]: {"effect": s["effect"], "p": s["adjusted_p"], "strength": s["strength"]}
            for s in body["signals"]
        },
    }


def shown_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a check as reports have it."""
    return {k: v for k, v in entry.items() if k not in ("v", "kind", "recipe")}
