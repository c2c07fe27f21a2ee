"""Repair of an index, and the records that it cannot give back."""

from __future__ import annotations

from collections.abc import Callable

from qembed.errors import UsageError
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import STDIN
from qembed.store import Writer
from qembed.store.repair import repair

LOST = "damaged, and in no file"
"""Reason of records that came without a file, and of which the index has lost something."""


def describe_loss(number: int | None) -> str:
    """Question about the loss of records that no file has, None for an unknown number of them."""
    who = "the records that came without a file (index -, add) are"
    if number is not None:
        are = "record that came without a file (index -, add) is"
        who = (
            f"1 {are}" if number == 1 else f"{number:,} {are.replace('record', 'records')[:-2]}are"
        )
    return f"{who} damaged and would be lost: only a backup of the index has them"


def repair_index(
    writer: Writer, confirm: Callable[[str], bool], progress: Progress, stats: IndexStats
) -> None:
    """Drop what is damaged, count the records that are gone. Raises UsageError if nobody confirms that."""

    def confirm_loss(number: int | None) -> None:
        if not confirm(question := describe_loss(number)):
            raise UsageError(f"{question}; nothing was changed (--yes gives them up)")

    messages, gone = repair(writer, STDIN, confirm_loss)
    for line in messages:
        progress.say(line)
    if gone:
        stats.documents["deleted"] += gone
        stats.deleted_why[LOST] += gone
