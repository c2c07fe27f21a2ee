"""Repair of an index, and the records that it cannot give back."""

from __future__ import annotations

from pathlib import Path

from qembed.errors import NoIndex, UsageError
from qembed.pipeline.indexing.deletion.losses import describe_reasons
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexStats
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.lexical_index import lexical_damage
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import STDIN
from qembed.store import Writer, derived_files
from qembed.store import manifest as manifests
from qembed.store.damage.noticed import refuse_damaged
from qembed.store.repair import RepairPlan, finish_repair, plan_repair

GIVES_UP = "--yes gives them up"
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


def describe_lost(plan: RepairPlan) -> str | None:
    """Message on records that no file has: which are lost is not known, or what of them is; None: neither."""
    if plan.gone is None:
        return "the records that came without a file (index -, add) were damaged, and are lost"
    if not plan.records or not plan.lost_fields:
        return None
    records = "1 record" if plan.records == 1 else f"{plan.records:,} records"
    texts = "text" if plan.records == 1 else "texts"
    return (
        f"{' and '.join(plan.lost_fields)} of {records} that came without a file (index -, add) are lost, "
        f"the {texts} not"
    )


def check_index(writer: Writer, options: IndexOptions, stats: IndexStats) -> RepairPlan:
    """Plan the repair if that is asked for, and count the records that it gives up. Changes nothing.

    Raises UsageError if nobody confirms their loss, or for a rebuild of what is to be repaired; IndexDamaged
    for an index that is damaged, without a repair. A rebuild reads the sources, and needs none of it.
    """
    if not options.repair:
        if not options.rebuild:
            refuse_damaged(writer.root, writer.manifest)
        return RepairPlan()
    plan = plan_repair(writer.root, writer.manifest, STDIN, join_passages)
    if plan.kept is not None and options.rebuild:
        raise UsageError(
            "the index is damaged: run qembed index --repair first, then --rebuild; nothing was changed"
        )
    if plan.loses and not options.confirm(question := describe_loss(plan)):
        raise UsageError(f"{question}; nothing was changed ({GIVES_UP})")
    if plan.gone:
        stats.documents["deleted"] += plan.gone
        stats.deleted_why[LOST] += plan.gone
    writer.lost = plan.shards
    return plan


def end_repair(
    writer: Writer,
    options: IndexOptions,
    plan: RepairPlan,
    stats: IndexStats,
    progress: Progress,
) -> None:
    """Drop what is damaged, and tell what could not be read again, however quiet the run is."""
    for line in finish_repair(writer, plan):
        progress.say(line)
    if (lost := describe_lost(plan)) is not None:
        progress.warn(lost)
    if options.repair and (why := +stats.deleted_why):
        what = "1 document was" if (n := why.total()) == 1 else f"{n:,} documents were"
        progress.warn(f"{what} deleted from the index: {describe_reasons(why)}")


def plan_check(root: Path, options: IndexOptions) -> RepairPlan:
    """Plan what `check_index` would do. Raises the same, but for losses; writes nothing."""
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
            files=(*plan.files, stamp.file),
            messages=(*plan.messages, line),
        )
    if not options.rebuild:
        refuse_damaged(root, manifest, note=False)
    return RepairPlan()


def refuse_cut(plan: RepairPlan, is_cut: bool) -> None:
    """Raise UsageError for vectors that are to be cut in a run that repairs shards."""
    if is_cut and plan.kept is not None:
        raise UsageError(
            "the index is damaged: run qembed index --repair first, then --dim; nothing was changed"
        )
