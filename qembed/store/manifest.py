"""Manifest: one small JSON file that names all other files of a generation.

A generation is what its manifest says. The manifest is written last, in one rename, and carries the
checksum of its own content, so that a torn or edited one is rejected.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import zlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged, NoIndex, UsageError, refusal
from qembed.inputs import is_there
from qembed.paths import INDEX_FOLDER, LOCK, REMOTE
from qembed.paths import MANIFEST as MANIFEST
from qembed.store.damage.lost_manifest import refuse_lost_manifest
from qembed.store.durable_files import FileInfo, replace_file
from qembed.types import Recipe

if TYPE_CHECKING:
    from qembed.types import Vectors

FORMAT = 1
REBUILD = "rebuild.json"
"""Manifest of an unfinished rebuild; it becomes MANIFEST at the end."""


TUNED_SETTING = "tuned"
"""Name in the settings of what `tune` chose for the index's model."""


@dataclass(frozen=True, slots=True)
class Source:
    """Folder, file or stream of documents, and the options it is read with.

    `path` is relative to the folder of the index, or absolute; `-` is standard input. `hidden`: take files
    and folders whose names begin with a dot. `encoding`: codec of
    text that does not say its own; `id_prefix`: "file" or None; `column_types`: of CSV columns, by name.
    """

    path: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    use_ignore: bool = True
    id_field: str | None = None
    text_field: str | None = None
    title_field: str | None = None
    max_file_size: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    encoding: str | None = None
    id_prefix: str | None = None
    column_types: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Shard:
    """Parquet file with the rows [first, first + rows)."""

    file: FileInfo
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Generation of an index.

    `uid`: random, of this index until it is rebuilt. `base`: the first row id in use; `next_row`: the next
    one. `spec`: the model's. `unfinished`: True while an indexing run goes on, and after one that was stopped
    before its end. `failed`: source, file and message of inputs that could not be read. `skipped`: numbers of
    files left out, by reason, by source; `skipped_untold`: nobody was told of these.
    `probes`: vectors of PROBE_TEXTS. `versions`: of the libraries that encoded. `created`, `committed`,
    `refreshed`: seconds since 1970, the last one of the end of a run over files (`created` before there was
    one). `previous`: files of the generation before.
    """

    recipe: Recipe
    spec: str
    uid: str = ""
    generation: int = 0
    base: int = 0
    next_row: int = 0
    shards: tuple[Shard, ...] = ()
    documents: FileInfo | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    failed: tuple[tuple[str, str, str], ...] = ()
    skipped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    skipped_untold: bool = False
    probes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    committed: float = 0.0
    refreshed: float = 0.0
    previous: tuple[str, ...] = ()
    unfinished: bool = False

    @property
    def tuned(self) -> Mapping[str, Any] | None:
        """Choice of `tune`; None without one."""
        return self.settings.get(TUNED_SETTING)

    @property
    def is_half_made(self) -> bool:
        """True if no run has come to its end yet."""
        return self.unfinished and self.refreshed <= self.created

    def names(self) -> set[str]:
        """Names of the generation's files, without the manifest."""
        found = {s.file.name for s in self.shards}
        if self.documents:
            found.add(self.documents.name)
        return found

    def without_shards(self, first: Container[int]) -> Manifest:
        """Leave out the shards with these first rows."""
        return replace(self, shards=tuple(s for s in self.shards if s.first not in first))

    def successor(self, **changes: Any) -> Manifest:
        """Next generation, which keeps this one's files for readers that are opening it."""
        return replace(
            self, generation=self.generation + 1, previous=tuple(sorted(self.names())), **changes
        )


def new_uid() -> str:
    """Random id for a new or rebuilt index: 12 hex digits."""
    return os.urandom(6).hex()


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1)


def write(root: Path, manifest: Manifest, name: str = MANIFEST) -> None:
    """Replace the manifest: the commit point. Raises OSError; the old one then stands."""
    body = {"format": FORMAT, **asdict(manifest), "recipe": manifest.recipe.values()}
    text = _dump({**body, "crc": zlib.crc32(_dump(body).encode())})
    replace_file(root, name, text.encode())


def first_writer(root: Path) -> str | None:
    """Other process that writes to a folder without an index, as `process 4711`; None for nobody."""
    from qembed.locks import lock_holder

    try:
        process = lock_holder(root / LOCK)
    except OSError:
        return None
    if process is None or process == str(os.getpid()):
        return None
    return f"process {process or 'unknown'}"


def require_index(root: Path) -> None:
    """Raise NoIndex for a folder without an index, unless another process is making it: a writer may wait.

    Raises IndexDamaged for one that has lost its manifest.
    """
    refuse_lost_manifest(root)
    if not is_there(root / MANIFEST) and first_writer(root) is None:
        raise no_index(root)


def no_index(root: Path) -> NoIndex:
    """Error for a folder without an index; `.qembed` of the current folder needs no naming.

    A process that makes the index, and has not committed yet, is named.
    """
    import shlex

    if (maker := first_writer(root)) is not None:
        return NoIndex(f"no index at {root} yet: {maker} is making it")
    with contextlib.suppress(FileNotFoundError):  # the current folder is gone
        if root == Path.cwd() / INDEX_FOLDER:
            return NoIndex(f"no index at ./{INDEX_FOLDER} (make one: qembed index PATH)")
    option = shlex.quote(str(root))
    return NoIndex(f"no index at {root} (make one: qembed index PATH --index {option})")


def check_is_here(root: Path) -> None:
    """Raise UsageError for the folder that stands for an index on a server."""
    if (root / REMOTE).is_file():
        raise UsageError(
            "the index is on a server, where query, eval, rerank, similar and feedback read it; this "
            "wants the index that it was made of (qembed export milvus brings changes there)"
        )


def read(root: Path, name: str = MANIFEST) -> Manifest:
    """Read the manifest of the index at `root`.

    Raises NoIndex if there is none, IndexDamaged if its checksum or format is wrong, or if it is gone and
    files that it named are left.
    """
    path = root / name
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        check_is_here(root)
        if name == MANIFEST:
            refuse_lost_manifest(root)
        raise no_index(root) from None
    except OSError as e:
        raise IndexDamaged(f"cannot read {path}: {refusal(e)}") from e
    try:
        body = json.loads(raw)
        crc = body.pop("crc")
        version = body.pop("format")
        whole = zlib.crc32(_dump({"format": version, **body}).encode()) == crc
    except (ValueError, KeyError, AttributeError, TypeError):
        whole, version, body = False, FORMAT, {}
    if whole and version != FORMAT:
        raise IndexDamaged(
            f"{path} has format {version}, this qembed reads {FORMAT} (upgrade qembed, or make the "
            "index anew: qembed index --rebuild)"
        )
    if not whole and not (is_there(root / LOCK) or is_there(root / "shards")):
        raise no_index(root)  # others name their files so, too, and nobody should remove those
    if not whole:
        raise IndexDamaged(
            f"{path} is damaged: its checksum does not match (restore it from a backup, or remove "
            f"{root} and run qembed index PATH again)"
        )
    return _build(body)


def interrupted_rebuild(root: Path, recipe: Recipe) -> Manifest | None:
    """Read the manifest of an unfinished rebuild with this recipe; None if there is none to resume."""
    try:
        begun = read(root, REBUILD)
    except (NoIndex, IndexDamaged):  # damaged: only time is lost
        return None
    is_begun = begun.documents is not None and begun.recipe.fingerprint == recipe.fingerprint
    return begun if is_begun else None


def portable(manifest: Manifest) -> dict[str, Any]:
    """JSON of a manifest without its files, sources and failures: what an index elsewhere needs."""
    plain = replace(
        manifest, shards=(), documents=None, previous=(), sources=(), failed=(), skipped={}
    )
    return asdict(plain)


def from_portable(body: Mapping[str, Any]) -> Manifest:
    """Manifest of the JSON that `portable` made, also of another version's. Raises IndexDamaged."""
    names = {f.name for f in fields(Manifest)}
    try:
        return _build({name: value for name, value in body.items() if name in names})
    except (TypeError, KeyError, ValueError) as e:
        raise IndexDamaged(f"no manifest of an index: {e}") from None


def _build(body: dict[str, Any]) -> Manifest:
    body["recipe"] = Recipe(**body["recipe"])
    body["shards"] = tuple(
        Shard(FileInfo(**s["file"]), s["first"], s["rows"]) for s in body["shards"]
    )
    body["documents"] = FileInfo(**body["documents"]) if body["documents"] else None
    body["sources"] = tuple(
        Source(**{**s, "include": tuple(s["include"]), "exclude": tuple(s["exclude"])})
        for s in body["sources"]
    )
    body["failed"] = tuple(tuple(f) for f in body["failed"])
    body["previous"] = tuple(body["previous"])
    return Manifest(**body)


PROBE_TEXTS: Sequence[str] = (
    "Refunds arrive within five working days.",
    "def parse(line): return line.strip().split('\\t')",
    "今天的天气很好，我们去公园散步吧。",
)
"""Fixed texts whose vectors the manifest stores: encoded again they show a change of the model."""


def pack_vectors(vectors: Vectors) -> str:
    """Encode float32 (n, dim) as base64 of its little-endian bytes."""
    return base64.b64encode(vectors.astype("<f4").tobytes()).decode()


def unpack_vectors(text: str, dim: int) -> Vectors:
    """Decode float32 (n, dim), the inverse of `pack_vectors`."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(-1, dim)
