"""Preferences of an index's log as a file that trains a reranker."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.feedback.preferences import PreferenceOptions
from qembed.outputs import check_outputs
from qembed.pipeline.feedback.log_pairs import PositionRule, find_pairs


def write_pairs(
    root: Path,
    out: Path,
    options: PreferenceOptions,
    *,
    position: PositionRule = "corrected",
    least: float = 0.0,
) -> dict[str, Any]:
    """Write the pairs that `find_pairs` finds to `out`; nothing is written if there are none.

    Returns the command's JSON. Raises UsageError, InputError, NoIndex, IndexDamaged, StorageError.
    """
    options.check()
    check_outputs([out])
    found = find_pairs(root, options, position=position, least=least)
    if found.lines:
        _write(out, found.lines)
    return {
        "schema": 1,
        "out": str(out),
        "written": bool(found.lines),
        **found.to_json(),
        "settings": {"position": position, "least": least, **asdict(options)},
    }


def _write(out: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write lines, in one rename where `out` is a file. Raises StorageError."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    data = text.encode("utf-8", "backslashreplace")
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.exists() and not out.is_file():  # a pipe, /dev/stdout
            out.write_bytes(data)
            return
        partial.write_bytes(data)
        os.replace(partial, out.resolve())  # noqa: PTH105 - as everywhere where files are replaced
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise StorageError(f"cannot write {out}: {refusal(e)}") from e
