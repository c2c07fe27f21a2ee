"""`qembed feedback import`: rows of UBI files into an index's log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qembed.errors import InputError, refusal
from qembed.feedback.data_file import read_data, unpacked
from qembed.feedback.records import ClientKind
from qembed.feedback.ubi.lines import UbiLine, read_lines
from qembed.feedback.ubi.to_log import OrdinalBase, UbiLog, read_ubi
from qembed.pipeline.feedback.log_setting import hashes_texts
from qembed.pipeline.feedback.take_records import Taken, take_records
from qembed.store import manifest as manifests

STDIN = Path("-")


def import_ubi(
    root: Path,
    files: Sequence[Path],
    stdin: Callable[[], bytes],
    ordinals: OrdinalBase,
    client_kind: ClientKind,
    wait: float,
) -> Taken:
    """Take the queries and events of all files together; `-` is what `stdin` returns.

    Where the log is a hashed one, attributes are left out, beside the texts. Raises InputError for a
    file that cannot be read and one that is nothing of UBI, NoIndex, IndexLocked, StorageError.
    """
    manifests.read(root)
    rows = read_ubi(_lines(files, stdin), time.time(), ordinals, client_kind)
    if not rows.queries and not rows.events:
        names = ", ".join(map(str, files))
        raise InputError(f"{names}: no rows of UBI there", [str(r) for r in rows.refused])
    bare_if_hashed(root, rows)
    taken = take_records(root, rows.queries, rows.events, wait=wait)
    taken.refused = sorted(rows.refused + taken.refused, key=_order(files))
    taken.merged = rows.merged
    taken.warnings = _warnings(rows)
    return taken


def bare_if_hashed(root: Path, rows: UbiLog) -> None:
    """Leave out what rows tell besides, which may have the words too, where the log is a hashed one."""
    if hashes_texts(manifests.read(root).settings):
        rows.queries = [replace(q, settings={}) for q in rows.queries]
        rows.events = [
            given._replace(event=replace(given.event, attributes={})) for given in rows.events
        ]


def _lines(files: Sequence[Path], stdin: Callable[[], bytes]) -> Iterator[UbiLine]:
    for path in files:
        if path == STDIN:
            try:
                data = unpacked(stdin())
            except OSError as e:
                raise InputError(f"cannot read -: {refusal(e)}") from e
        else:
            data = read_data(path)
        yield from read_lines(str(path), data)


def _order(files: Sequence[Path]) -> Callable[[Any], tuple[int, int]]:
    """Order of the input, of refused rows."""
    places = {str(path): n for n, path in enumerate(files)}

    def key(refused: Any) -> tuple[int, int]:
        name, _, line = refused.place.rpartition(":")
        return places[name], int(line)

    return key


def _warnings(rows: UbiLog) -> list[str]:
    found = []
    if rows.renamed:
        found.append(
            f"query ids under which the text changes: {rows.renamed:,} (the earliest one counts)"
        )
    if rows.untimed:
        found.append(f"queries without a timestamp: {rows.untimed:,} (their first event's counts)")
    return found
