"""`qembed status`: contents and age of an index, and the lag of its derived files."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from qembed.errors import IndexDamaged, UsageError
from qembed.pipeline.diagnostics.derived_damage import damaged_kinds
from qembed.pipeline.diagnostics.derived_lag import lagging
from qembed.pipeline.diagnostics.feedback_log import describe_log
from qembed.pipeline.diagnostics.kept_documents import kept_documents
from qembed.pipeline.diagnostics.learned import describe_learned
from qembed.pipeline.skipped_files import total_skipped
from qembed.pipeline.source_options import STDIN, source_settings
from qembed.pipeline.unfinished import writer_number
from qembed.search.dense.planner import TARGET_RECALL
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from qembed.store.damage.noticed import mend_of, noticed_damage
from qembed.store.integrity import is_wanted

_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw]?)$")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_age(text: str, option: str) -> float:
    """Seconds of a time span such as `90s`, `30m`, `24h`, `7d`; 0 needs no unit.

    Raises UsageError, which names the option.
    """
    m = _AGE.match(text)
    if m is None:
        raise UsageError(f"{option} {text!r}: no time span (such as 30m, 24h, 7d)")
    if not m.group(2) and float(text):
        raise UsageError(
            f"{option} {text!r}: a unit is wanted ({text}s, {text}m, {text}h, {text}d)"
        )
    return float(m.group(1)) * _UNITS[m.group(2)]


def describe(root: Path) -> dict[str, Any]:
    """Status of the index at `root`, as `--format json` prints it. Raises NoIndex, IndexDamaged."""
    manifests.check_is_here(root)
    manifest = manifests.read(root)
    rows = manifest.next_row - manifest.base
    living = manifest.counts.get("passages", 0)
    damaged = damaged_kinds(root, manifest)
    derived: dict[str, dict[str, Any]] = {}
    for kind in files.KINDS:
        stamp = None if kind in damaged else files.current(root, manifest, kind)
        covered = 0 if stamp is None else stamp.upto - stamp.base
        is_measured = kind in files.MEASURED
        derived[kind] = {
            "rows": covered,
            # these are measured on a sample, and again when the index has outgrown it
            "behind": rows - covered if is_wanted(root, manifest, kind) and not is_measured else 0,
            "bytes": 0 if stamp is None else stamp.bytes,
        }
        if stamp is not None and "ef" in stamp.extra:
            recall = stamp.extra["recall"]
            is_searched = recall >= TARGET_RECALL
            derived[kind] |= {"ef": stamp.extra["ef"], "recall": recall, "searched": is_searched}
    sizes = {
        "shards": sum(s.file.bytes for s in manifest.shards),
        "documents": manifest.documents.bytes if manifest.documents else 0,
        "derived": sum(d["bytes"] for d in derived.values()),
    }
    return {
        "schema": 1,
        "index": str(root),
        "generation": manifest.generation,
        "model": manifest.spec,
        "model_choice": _model_choice(manifest),
        "recipe": manifest.recipe.to_json(),
        "task": manifest.settings.get("task"),
        "pictures": manifest.settings.get("pictures", []),
        "tuned": manifest.tuned,
        "documents": manifest.counts.get("documents", 0),
        "passages": living,
        "dead_rows": rows - living,
        "passages_without_words": _without_words(root, manifest, derived[files.LEXICAL]["behind"]),
        "sources": [s.path for s in manifest.sources],
        "source_paths": {
            s.path: os.path.normpath(root.parent / s.path)
            for s in manifest.sources
            if s.path != STDIN
        },
        "source_settings": {s.path: source_settings(s) for s in manifest.sources},
        "skipped": dict(total_skipped(manifest.skipped)),
        "failed": [error for _, _, error in manifest.failed],
        "created": manifest.created,
        "committed": manifest.committed,
        "refreshed": None if manifest.is_half_made else manifest.refreshed,
        "age_seconds": round(time.time() - manifest.refreshed, 3),
        "bytes": {**sizes, "total": sum(sizes.values())},
        "derived": derived,
        "feedback": {**describe_log(root, manifest), **describe_learned(root, manifest)},
        "lagging": lagging(root, manifest, damaged),
        "kept": kept_documents(root, manifest),
        "damaged": damaged,
        "damaged_files": _damaged_files(root, manifest),
        "unfinished": manifest.unfinished,
        "half_made": manifest.is_half_made,
        "writer": writer_number(root),
        "rebuilding": (root / manifests.REBUILD).exists(),
        "versions": dict(manifest.versions),
    }


def _damaged_files(root: Path, manifest: manifests.Manifest) -> list[dict[str, str]]:
    """Damaged data files: name, why, and what mends them."""
    found = noticed_damage(root, manifest)
    mend = mend_of(root, manifest, [d.name for d in found])
    return [{**d._asdict(), "mend": mend} for d in found]


def _model_choice(manifest: manifests.Manifest) -> dict[str, Any] | None:
    """Reason for which the model was chosen; None for one that was named, also after such a choice."""
    found: dict[str, Any] | None = manifest.settings.get("model_choice")
    return found if found is not None and found.get("spec") == manifest.spec else None


def _without_words(root: Path, manifest: manifests.Manifest, behind: int) -> int:
    """Number of living passages among the last `behind` rows."""
    living = manifest.counts.get("passages", 0)
    if not behind or living in (0, manifest.next_row - manifest.base):
        return min(behind, living)
    try:
        with Snapshot.of(root, manifest) as snapshot:
            return snapshot.living_from(manifest.next_row - behind)
    except (OSError, IndexDamaged):  # verify says so
        return min(behind, living)
