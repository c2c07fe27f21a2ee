"""Choice of the index and of the model: one rule for all commands."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from qembed.errors import NoIndex, UsageError
from qembed.inputs import absolute, is_file, is_there
from qembed.paths import INDEX_FOLDER, LOCK, MANIFEST, REMOTE

DEFAULT_MODEL = "minilm"
AUTO_MODEL = "auto"
"""Model of a first index if none is named: chosen by its documents."""


def find_index(given: Path | None = None) -> Path:
    """Find the index to read: `given`, else $QEMBED_INDEX, else the nearest .qembed here or above.

    Both may be the name of a named index, where no path of that name holds one, or the address of one on a
    server: then its folder on this machine is returned. Raises NoIndex if neither is
    given and no folder has one, UsageError for a file, InputError for a path that cannot be seen.
    """
    named = given or (Path(env) if (env := os.environ.get("QEMBED_INDEX")) else None)
    if named is not None:
        if (path := resolve_address(named)) != named:
            return path
        path = absolute(named)
        if is_there(path / MANIFEST):
            return path
        # `given` may be the folder of the index, too
        if _holds_index(path / INDEX_FOLDER):
            return path / INDEX_FOLDER
        if named.name == str(named):
            from qembed.pipeline.user_config.named_indexes import index_of_name

            if (root := index_of_name(named)) is not None:
                return root
        if is_file(path):
            raise UsageError(f"{path} is a file: an index is a folder")
        return path
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _holds_index(folder / INDEX_FOLDER):
            return folder / INDEX_FOLDER
    if (begun := _index_being_made()) is not None:
        from qembed.store.manifest import no_index

        raise no_index(begun)
    raise NoIndex(
        f"no index at ./{INDEX_FOLDER} or in a folder above (make one: qembed index PATH)"
    )


def _holds_index(root: Path) -> bool:
    """True for the folder of an index, also of one that has lost its manifest: who opens it says so."""
    if is_there(root / MANIFEST):
        return True
    if not is_there(root):
        return False
    from qembed.store.damage.lost_manifest import left_without_manifest

    return bool(left_without_manifest(root))


def has_index(root: Path) -> bool:
    """True for the folder of an index. Raises IndexDamaged for one that has lost its manifest."""
    if is_there(root / MANIFEST):
        return True
    from qembed.store.damage.lost_manifest import refuse_lost_manifest

    refuse_lost_manifest(root)
    return False


def resolve_address(named: Path) -> Path:
    """Folder that stands for the index on a server whose address is given; any other path as it is."""
    if not str(named).startswith("milvus+"):
        return named
    from qembed.pipeline.user_config.remote_indexes import remote_folder

    return remote_folder(str(named))


def _index_being_made() -> Path | None:
    """Nearest .qembed here or above in which another process makes an index, None without one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if is_there(folder / INDEX_FOLDER / LOCK):
            from qembed.store.manifest import first_writer

            if first_writer(folder / INDEX_FOLDER) is not None:
                return folder / INDEX_FOLDER
    return None


def find_optional_index(given: Path | None = None) -> Path | None:
    """The index to read, as `find_index`; None if none was given and none is there."""
    try:
        found = find_index(given)
    except NoIndex:
        return None
    return found if given is not None or has_index(found) else None


def index_to_write(given: Path | None = None) -> Path:
    """Find the index to write, as `find_index`; a new .qembed in the current folder if there is none.

    One that another process is making counts: the writer waits for it.

    Raises UsageError for a path that is not UTF-8, which the word index's library cannot open.
    """
    try:
        found = find_index(given)
    except NoIndex:
        found = _index_being_made() or Path.cwd() / INDEX_FOLDER
    if is_there(found / REMOTE):
        from qembed.store.manifest import check_is_here

        check_is_here(found)
    try:
        str(found).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{found}: the path of an index must be UTF-8") from None
    return found


def model_spec(given: str | None, remembered: str | None = None) -> str:
    """Choose a model: `given`, else `remembered` by the index, else $QEMBED_MODEL, else the built-in one."""
    if given and remembered and given != remembered:
        return own_name(given, remembered)
    return given or remembered or os.environ.get("QEMBED_MODEL") or DEFAULT_MODEL


def first_model(given: str | None) -> str:
    """Choose the model of a first index: `given`, else $QEMBED_MODEL, else `auto`."""
    return given or os.environ.get("QEMBED_MODEL") or AUTO_MODEL


def own_name(spec: str, remembered: str = "") -> str:
    """Name of a built-in model that is named as `qembed models list` does; other specs as they are.

    `remembered`: spec of an index. Where that is a built-in model, its id on the hub names it, too.
    """
    from qembed.models import spec as specs

    return specs.own_name(spec, remembered)


def unused_model(spec: str) -> str | None:
    """Model of $QEMBED_MODEL if it is another one than `spec`, an index's, for messages; None without one."""
    named = os.environ.get("QEMBED_MODEL")
    if not named or named in (spec, AUTO_MODEL):
        return None
    from qembed.models.remote.address import without_credentials
    from qembed.models.spec import parse_spec

    if spec == own_name(named, spec) or parse_spec(named).name == parse_spec(spec).name:
        return None
    return without_credentials(named)


def describe_unused_model(spec: str) -> str | None:
    """Message on the model of $QEMBED_MODEL if it is another one than `spec`; None without one."""
    if (unused := unused_model(spec)) is None:
        return None
    return (
        f"QEMBED_MODEL={unused} is not used: the index was made with {spec} "
        f"(qembed index --rebuild --model {shlex.quote(unused)} makes it anew)"
    )
