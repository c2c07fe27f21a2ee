"""Choices of `tune`, or of an experiment, as settings of an index: written, and taken back.

The manifest's settings get an object `tuned`:

    options      field of the query's options -> value, those that differ from the defaults
    date         seconds since 1970
    gain         what new queries can expect, as `qembed tune --format json` has it
    generation   the one that was measured
    data         files of queries and judgments: name, sha256; of an experiment, the size of the log
    earlier      of an experiment: what was chosen before, {} for nothing
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from qembed.errors import cannot_read
from qembed.pipeline.retrieval.options import TUNED, QueryOptions
from qembed.store import Writer
from qembed.store.manifest import TUNED_SETTING

LOCK_WAIT = 10.0
"""Seconds to wait for another writer, if nothing is said."""


def changed_options(options: QueryOptions) -> dict[str, Any]:
    """Fields that `tune` chooses and that differ from the defaults, as JSON values."""
    plain = QueryOptions()
    found: dict[str, Any] = {}
    for field in fields(QueryOptions):
        value = getattr(options, field.name)
        if field.name in TUNED and value != getattr(plain, field.name):
            found[field.name] = value._asdict() if hasattr(value, "_asdict") else value
    return found


def described_files(paths: Mapping[str, Path]) -> dict[str, dict[str, str | None]]:
    """Name and sha256 of each file, by its part; None for a pipe, which is read once.

    Raises InputError for a file that cannot be read.
    """
    found: dict[str, dict[str, str | None]] = {}
    for part, path in paths.items():
        if not path.is_file():
            found[part] = {"name": path.name, "sha256": None}
            continue
        try:
            with path.open("rb") as f:
                found[part] = {
                    "name": path.name,
                    "sha256": hashlib.file_digest(f, "sha256").hexdigest(),
                }
        except OSError as e:
            raise cannot_read(path, e) from e
    return found


def apply_choice(
    root: Path,
    generation: tuple[str, int],
    options: Mapping[str, Any],
    gain: Mapping[str, Any],
    data: Mapping[str, Any],
    wait: float = LOCK_WAIT,
    earlier: Mapping[str, Any] | None = None,
) -> bool:
    """Commit the chosen options as the index's defaults: a new generation, which servers notice.

    `generation`: uid and number of the one that was measured. `earlier`: see above. Returns False, with
    nothing written, if the index was rebuilt since. Raises IndexLocked, StorageError.
    """
    with Writer(root, wait=wait) as writer:
        if writer.present.uid != generation[0]:
            return False
        tuned = {
            "options": dict(options),
            "date": time.time(),
            "gain": dict(gain),
            "data": dict(data),
            "generation": generation[1],
            **({} if earlier is None else {"earlier": dict(earlier)}),
        }
        _commit(writer, {**writer.present.settings, TUNED_SETTING: tuned})
    return True


def take_back(
    root: Path, wait: float = LOCK_WAIT, promoted: bool = False
) -> Mapping[str, Any] | None:
    """Remove what was chosen; returns it, None if there was nothing. Raises NoIndex, IndexLocked.

    `promoted`: only what an experiment chose, and what was chosen before it holds again.
    """
    with Writer(root, wait=wait) as writer:
        settings = dict(writer.open_present().manifest.settings)
        found: Mapping[str, Any] | None = settings.pop(TUNED_SETTING, None)
        if promoted:
            if found is None or "earlier" not in found:
                return None
            if found["earlier"]:
                settings[TUNED_SETTING] = found["earlier"]
        if found is not None:
            _commit(writer, settings)
    return found


def _commit(writer: Writer, settings: Mapping[str, Any]) -> None:
    with writer.open_present() as snapshot:
        writer.commit(snapshot.catalog, settings=settings)
