"""Folders of models in training: found by spec, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable, StorageError, UsageError, refusal
from qembed.inputs import is_there
from qembed.models.layout.prompts import read_prompts
from qembed.models.model_folder import WEIGHTS, Folder
from qembed.models.profiles import Profile, profile_for
from qembed.models.profiles.recorded import RECORD, make_record, recorded_bases
from qembed.models.spec import local_folder, parse_spec
from qembed.models.templates import passage_text, query_text, task_template
from qembed.outputs import check_outputs

CARD = "README.md"
SETTINGS = "config_sentence_transformers.json"


def trainable_folder(spec: str) -> Folder:
    """Folder of the model that `spec` names, fetched if it is not here.

    Raises UsageError for a model without weights of its own, ModelUnavailable.
    """
    parsed = parse_spec(spec)
    if parsed.kind in ("python", "endpoint", "late"):
        raise UsageError(f"{spec}: its weights are not here, so it cannot be trained or merged")
    path = local_folder(parsed)
    if path is None:
        raise UsageError(f"{spec}: no such model folder, built-in name or hub id")
    folder = Folder(path)
    if not any(path.rglob(WEIGHTS)):
        raise ModelUnavailable(f"{path}: no weights in safetensors form")
    return folder


def check_new(out: Path) -> None:
    """Raise UsageError if `out` is there already, StorageError if it cannot be made."""
    if is_there(out) or out.is_symlink():
        raise UsageError(f"--out {out}: it is there already (another name, or remove it first)")
    check_outputs([], folders=[out])


@contextmanager
def new_model_folder(out: Path) -> Iterator[Path]:
    """Folder that is named `out` when the block ends without an error, and removed otherwise.

    Raises UsageError if `out` is there already, StorageError if the disk refuses.
    """
    check_new(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as made:
            folder = Path(made) / "model"
            folder.mkdir()
            yield folder
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    with path.open("rb") as stream:
                        os.fsync(stream.fileno())
            folder.rename(out)
    except OSError as e:
        raise StorageError(f"{out} cannot be written: {refusal(e)}") from e


def copy_without_weights(folder: Folder, to: Path) -> None:
    """Copy a model's files but its weights, its card and exports of other programs."""
    skipped = shutil.ignore_patterns(
        "*.safetensors", "*.bin", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.lock", CARD, ".*"
    )
    shutil.copytree(
        folder.path, to, ignore=skipped, dirs_exist_ok=True, copy_function=shutil.copyfile
    )


def write_json(path: Path, body: Any) -> None:
    """Write a JSON file of a model folder."""
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", "utf-8")


def keep_profile(specs: Sequence[str], made: Path, dims: Sequence[int] = ()) -> None:
    """Record in a new encoder's folder what is known of the models that it was made from, the first one's.

    It is known by a model's name, which the new folder does not have. `dims`: dimensions that were trained to
    be cut to; a merged model can be cut as far as all of `specs`. Templates are written as prompts too, which
    sentence-transformers reads, but where words stand behind the place for the text. Raises ModelUnavailable.
    """
    profiles = [profile_for((p := parse_spec(spec)).name, local_folder(p)) for spec in specs]
    smallest = [p.min_dim for p in profiles]
    min_dim = None if None in smallest else max(n for n in smallest if n is not None)
    if dims:
        min_dim = min([*dims, *([] if min_dim is None else [min_dim])])
    profile = replace(profiles[0], min_dim=min_dim)
    write_json(made / RECORD, make_record(profile, known_bases(specs)))
    _write_prompts(profile, made)


def record_profile(profile: Profile, specs: Sequence[str], made: Path) -> None:
    """Record in a new encoder's folder what is known of it, and which models it was made from, if any."""
    known = [spec for spec in specs if local_folder(parse_spec(spec)) is not None]
    write_json(made / RECORD, make_record(profile, known_bases(known)))


def keep_bases(specs: Sequence[str], made: Path) -> None:
    """Record in a new reranker's folder which models it was made from. Raises ModelUnavailable."""
    write_json(made / RECORD, make_record(None, known_bases(specs)))


def known_bases(specs: Sequence[str]) -> list[dict[str, str]]:
    """Name and revision of the models that `specs` name, each behind those that it was made from."""
    found: list[dict[str, str]] = []
    for spec in specs:
        path = local_folder(parse_spec(spec))
        if path is None:
            continue
        folder = Folder(path)
        found += [*recorded_bases(folder), {"model": spec, "revision": folder.revision()}]
    return [base for i, base in enumerate(found) if base not in found[:i]]


def _write_prompts(profile: Profile, made: Path) -> None:
    found = read_prompts(settings := Folder(made).json(SETTINGS))
    prompts = dict(settings.get("prompts") or {})
    wanted = _prefixes(profile)
    places = ((found.query_name, "query"), (found.passage_name, "document"))
    for (own, usual), text in zip(places, wanted, strict=True):
        if text is not None:
            prompts[own if own and own != found.default_name else usual] = text
    if tuple(wanted) != (found.query, found.passage):
        write_json(made / SETTINGS, {**settings, "prompts": prompts})


def _prefixes(profile: Profile) -> list[str | None]:
    """Texts before a query and before a passage, None where more stands behind it."""
    template, task = task_template(profile, None)
    empty, marked = (
        (query_text(template, text, task), passage_text(profile.passage, "none", "", text))
        for text in ("", "\0")
    )
    return [a if b == a + "\0" else None for a, b in zip(empty, marked, strict=True)]
