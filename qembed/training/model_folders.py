"""Folders of models in training: found by spec, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qembed.errors import ModelUnavailable, StorageError, UsageError, refusal
from qembed.inputs import is_there
from qembed.models.layout.prompts import read_prompts
from qembed.models.model_folder import WEIGHTS, Folder
from qembed.models.profiles import Profile, profile_for
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


def keep_templates(spec: str, made: Path) -> None:
    """Write the templates of the model that `spec` names into a new folder, as its prompts.

    They are known by the model's name, which the new folder does not have. A template with words behind its
    place for the text is no prompt and is left out. Raises ModelUnavailable.
    """
    parsed = parse_spec(spec)
    profile = profile_for(parsed.name, local_folder(parsed))
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
