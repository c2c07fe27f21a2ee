"""Model card of a trained model: data, settings, split, what was gained where, and how to repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.evaluation.report.markdown_text import escape
from qembed.models.checksums import file_sha256
from qembed.models.model_folder import Folder
from qembed.models.profiles.recorded import recorded_bases
from qembed.training.model_folders import CARD
from qembed.version import __version__

SHOWN = (
    "units",
    "alphabet",
    "width",
    "layers",
    "objective",
    "loss",
    "teacher",
    "temperature",
    "epochs",
    "batch",
    "learning_rate",
    "warmup",
    "seed",
    "freeze",
    "lora",
    "dims",
    "max_tokens",
    "candidates",
    "replay",
    "anchor",
    "anchor_by",
    "image_tower",
    "size",
    "train_text",
    "patience",
)
"""Settings in the card."""
EPOCHS = ("masked", "next_unit", "views")
"""Epochs of the stages of `train sequence`, in the card."""


def write_card(
    folder: Path,
    name: str,
    body: Mapping[str, Any],
    files: Sequence[Path],
    command: str = "encoder",
) -> None:
    """Write the card of a training into the model's folder. `body`: the command's JSON."""
    settings, verdict = body["settings"], body["verdict"]
    stages = settings.get("stages")
    bases = [base["model"] for base in recorded_bases(Folder(folder))]
    lines = [
        "---",
        "library_name: sentence-transformers",
        TAGS["reranker" if command == "reranker" else "encoder"],
        "---",
        "",
        f"# {escape(name)}",
        "",
        f"Made by `qembed train {command}` {__version__} from {escape(settings['model'])}, revision "
        f"{settings['revision'][:12]}.",
        *([f"Models before it: {escape(', then '.join(bases[:-1]))}."] if len(bases) > 1 else []),
        "",
        "| data | sha256 |",
        "| --- | --- |",
        *(f"| {escape(path.name)} | {file_sha256(path)} |" for path in files),
        *([_sequences(settings["sequences"])] if command == "sequence" else []),
        "",
        "| setting | value |",
        "| --- | --- |",
        *(
            f"| {key} | {escape(str(settings[key]))} |"
            for key in SHOWN
            if settings.get(key) not in (None, (), "") and (key != "epochs" or not stages)
        ),
        *([f"| epochs | {_numbers(stages, EPOCHS)} |"] if stages else []),
        *(
            [f"| views | {_numbers(views, views)} |"]
            if (views := settings.get("augmentation"))
            else []
        ),
        *([f"| rounds | {len(rounds)} |"] if (rounds := settings.get("rounds")) else []),
        f"| trained | {settings['trained']} |",
        f"| held out | {_held_out(command, settings)} |",
        "",
        "| queries | before | after | 95 % interval of the gain | p | number |",
        "| --- | --- | --- | --- | --- | --- |",
        *(verdict_row(_label(key, verdict), verdict[key]) for key in PARTS if verdict.get(key)),
        *([PROXY_NOTE] if verdict.get("proxy") else []),
        *([_search(verdict)] if verdict.get("search") is not None else []),
        "",
        f"To repeat it: the same files, and the settings above, with `--seed {settings['seed']}`.",
    ]
    (folder / CARD).write_text("\n".join(lines) + "\n", "utf-8")


PROXY_NOTE = (
    "\nThere were no judgments: the queries were made of the corpus, people's may fare otherwise."
)
TAGS = {
    "encoder": "tags: [sentence-transformers, feature-extraction, sentence-similarity]",
    "reranker": "tags: [sentence-transformers, cross-encoder, reranker]\npipeline_tag: text-ranking",
}
PARTS = ("new", "seen", "kept")


def _label(part: str, verdict: Mapping[str, Any]) -> str:
    return part if part == "kept" else f"{part} {verdict.get('of', 'documents')}"


def _sequences(counts: Mapping[str, Any]) -> str:
    """Row of what was read of files and folders."""
    total = counts["trained"] + counts["held_out"]
    return f"| {total} different sequences, a line each | {counts['sha256']} |"


def _held_out(command: str, settings: Mapping[str, Any]) -> str:
    if command == "sequence":
        count = settings["sequences"]["held_out"]
        return f"{count} sequences: a view of each is a query that is to find it"
    if command == "dual":
        return f"{settings['pairs']['test']} pairs; no pair of their groups was trained on"
    share = settings["held_out"]
    return f"{share:g} of the queries; none of their documents and near-duplicates was trained on"


def _search(verdict: Mapping[str, Any]) -> str:
    return f"\nThe search alone, not reranked, has {verdict['search']:.4f} on new documents."


def verdict_row(label: str, part: Mapping[str, Any]) -> str:
    """Row of a verdict's table."""
    if "neighbours" in part:
        whose = part.get("of", "passages")
        return f"| {label} | | {part['neighbours']:.2f} of the neighbours of {whose} | | | |"
    if "first" in part:
        return f"| {label} | | {part['first']:.2f} of each query's first ten | | | |"
    return (
        f"| {label} | {part['before']:.4f} | {part['after']:.4f} | {part['low']:+.4f} to "
        f"{part['high']:+.4f} | {part['p']:.3f} | {part['queries']} |"
    )


def _numbers(settings: Mapping[str, Any], names: Iterable[str]) -> str:
    return ", ".join(f"{name.replace('_', '-')} {settings[name]}" for name in names)
