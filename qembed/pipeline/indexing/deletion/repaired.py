"""Repair of an index, and the records that it cannot give back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qembed.errors import NoIndex, UsageError
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.lexical_index import lexical_damage
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import STDIN
from qembed.store import Writer, derived_files
from qembed.store import manifest as manifests
from qembed.store.damage.noticed import refuse_damaged
from qembed.store.repair import RepairPlan, plan_repair, repair

LOST = "damaged, and in no file"
"""Reason of records that came without a file, and of which the index has lost something."""


def describe_loss(plan: RepairPlan) -> str:
    """Question about the loss of records that no file has, or of something of them."""
    if (number := plan.gone) == 0:
        what = f"{' and '.join(plan.lost_fields)} of {plan.records:,} record{'s' * (plan.records != 1)}"
        return (
            f"{what} that came without a file (index -, add) would be lost, their texts would not"
        )
    who = "the records that came without a file (index -, add) are"
    if number is not None:
        are = "record that came without a file (index -, add) is"
        who = (
            f"1 {are}" if number == 1 else f"{number:,} {are.replace('record', 'records')[:-2]}are"
        )
    return f"{who} damaged and would be lost: only a backup of the index has them"


def check_index(
    writer: Writer, options: IndexOptions, progress: Progress, stats: IndexStats
) -> None:
    """Repair the index if that is asked for. Raises IndexDamaged for one that is damaged else.

    A rebuild reads the sources, and needs none of it.
    """
    if options.repair:
        repair_index(writer, options.confirm, progress, stats)
    elif not options.rebuild:
        refuse_damaged(writer.root, writer.manifest)


def plan_check(root: Path, options: IndexOptions) -> RepairPlan:
    """Plan what `check_index` would do. Raises the same; writes nothing."""
    try:
        manifest = manifests.read(root)
    except NoIndex:
        return RepairPlan()
    if options.repair:
        plan = plan_repair(root, manifest, STDIN, join_passages)
        words = lexical_damage(root, manifest) if plan.kept is None else None
        stamp = derived_files.current(root, manifest, derived_files.LEXICAL)
        if words is None or stamp is None:
            return plan
        line = f"the lexical index is damaged, and made anew: {words}"
        return plan._replace(
            files=(*plan.files, f"{derived_files.FOLDER}/{derived_files.LEXICAL}"),
            messages=(*plan.messages, line),
        )
    if not options.rebuild:
        refuse_damaged(root, manifest, note=False)
    return RepairPlan()


def repair_index(
    writer: Writer, confirm: Callable[[str], bool], progress: Progress, stats: IndexStats
) -> None:
    """Drop what is damaged, count the records that are gone. Raises UsageError if nobody confirms that."""

    def confirm_loss(plan: RepairPlan) -> None:
        if not confirm(question := describe_loss(plan)):
            raise UsageError(f"{question}; nothing was changed (--yes gives them up)")

    messages, gone = repair(writer, STDIN, join_passages, confirm_loss)
    for line in messages:
        progress.say(line)
    if gone:
        stats.documents["deleted"] += gone
        stats.deleted_why[LOST] += gone
