"""Folder of a trained model: written, exported and carded, if the verdict says so."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.models import prepare_spec
from qembed.pipeline.progress import Progress
from qembed.training.card import write_card
from qembed.training.model_folders import keep_templates, new_model_folder


def write_trained(
    model: Any,
    body: Mapping[str, Any],
    files: Sequence[Path],
    command: str,
    work: Path,
    progress: Progress,
) -> None:
    """Write and export a model if its command's JSON says so; then remove the folder of checkpoints, `work`.

    `files`: data named in the card. Adds the seconds of the export to `body`. Raises StorageError.
    """
    if body["written"]:
        out = Path(body["out"])
        with new_model_folder(out) as made:
            model.save_pretrained(str(made), create_model_card=False)
            keep_templates(body["settings"]["model"], made)
            write_card(made, out.name, body, files, command)
        mark = time.perf_counter()
        _, said = prepare_spec(str(out), progress.say)
        progress.say(said)
        body["seconds"]["export"] = round(time.perf_counter() - mark, 3)
    shutil.rmtree(work, ignore_errors=True)
