"""Confirmation before a run loses most of an index, or of a source. A yes holds for what it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from qembed.corpus import GONE
from qembed.errors import UsageError
from qembed.pipeline.indexing.deletion.losses import (
    NO_TEXT,
    NOT_READ,
    SourceLoss,
    describe_reasons,
    option_of,
)
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.skipped_files import describe_skipped
from qembed.pipeline.source_options import source_place

GUARDED_DOCUMENTS = 10
"""Documents of an index, or of a source, from which on the loss of more than half has to be confirmed."""


def is_guarded(lost: int, total: int, agreed: int = 0) -> bool:
    """True if the loss of so many documents is confirmed by somebody first.

    `agreed`: those of the `total` whose loss is confirmed already, and which are not among the `lost`.
    """
    return total >= GUARDED_DOCUMENTS and 2 * lost > total - agreed


class LossQuestion(NamedTuple):
    """Question about a loss. `text`: its places open from the current folder; `full_text`: full paths.

    `reasons`: numbers of documents that it names. `sources`: those whose documents they are, None for all.
    `is_damage`: it names the damaged ones alone.
    """

    text: str
    full_text: str
    reasons: Mapping[str, int]
    sources: frozenset[str] | None = None
    is_damage: bool = False

    @property
    def way_out(self) -> str:
        """Options that decide on these documents: those that keep some, and --yes."""
        left_out = {why: option for why in self.reasons if (option := option_of(why)) is not None}
        keep = ""
        if left_out:
            n = sum(self.reasons[why] for why in left_out)
            stay = f"{n:,} of them {'stays' if n == 1 else 'stay'}"
            stay = "they stay" if len(left_out) == len(self.reasons) else stay
            keep = f"without {' and '.join(dict.fromkeys(left_out.values()))} {stay}, "
        does = "deletes them from the index"
        if NO_TEXT in self.reasons:
            does = "takes them as they are" if len(self.reasons) == 1 else "gives them up"
        return f"{keep}--yes {does}"


class LossGuard:
    """Confirmation asked before a run leaves an index, or a source, with less than half of its documents.

    `total`: documents before the run, without those whose deletion was asked for, which are all of the
    sources `asked`; `documents_before()`: by source; `confirm(question)`: True if they may go; `root`: of
    the index. What is agreed to is not asked about again, and counts no more.
    """

    def __init__(
        self,
        total: int,
        confirm: Callable[[str], bool],
        root: Path,
        by_source: Callable[[], Mapping[str, int]] = dict,
        asked: Collection[str] = (),
    ) -> None:
        self.total = total
        self.asked = asked
        self.documents_before = by_source
        self._root = root
        self._confirm = confirm
        self._files: dict[Key, int] = {}
        self._damaged: set[Key] = set()
        self._agreed: Counter[str] = Counter()

    def questions(
        self,
        lost: int,
        reasons: Mapping[str, int],
        sources: Mapping[str, SourceLoss],
        damaged: Mapping[tuple[str, str], int] | None = None,
        nested: Mapping[str, SourceLoss] | None = None,
    ) -> list[LossQuestion]:
        """Questions about the loss of `lost` documents, and of the sources', without what is agreed to.

        `damaged`: numbers of those that a repair cannot read again, by source and reason: whatever their
        number, the index has lost their passages, and no file has them. `nested`: see `nested_losses`.
        """
        if is_guarded(lost, self.total):
            return [self._of_index(lost, self.total, reasons, sources)]
        found = []
        named: set[str] = set()
        left, why = lost, Counter(reasons)
        agreed = sum(self._files.values())
        for path, loss in chain(sorted(sources.items()), sorted((nested or {}).items())):
            before = self._agreed[path]
            if path in named or not (before or loss.lost >= GUARDED_DOCUMENTS / 2):
                continue
            if is_guarded(loss.lost, total := self.documents_before().get(path, 0), before):
                found.append(self._of_source(path, loss, total - before, before > 0))
                named.add(path)
                left -= loss.lost
                why -= Counter(loss.reasons)
        if agreed and is_guarded(left, self.total, agreed + lost - left):
            rest = {path: loss for path, loss in sources.items() if path not in named}
            return [*found, self._of_index(left, self.total - agreed - lost + left, why, rest)]
        unread: Counter[str] = Counter()
        for (path, reason), n in (damaged or {}).items():
            unread[reason] += 0 if path in named else n
        if n := (unread := +unread).total():
            were = "1 damaged document" if n == 1 else f"{n:,} damaged documents"
            found.append(
                self._ask(f"{were} of {self.total:,} in the index", unread, is_damage=True)
            )
        return found

    def _of_index(
        self,
        lost: int,
        total: int,
        reasons: Mapping[str, int],
        sources: Mapping[str, SourceLoss],
    ) -> LossQuestion:
        if (unread := lost - sum(reasons.values())) > 0:
            reasons = {**reasons, NOT_READ: unread}
        bare = bool(sources) and all(s.is_bare for s in sources.values())
        where = sorted(sources) if bare and reasons.keys() == {GONE} else ()
        there = sum((Counter(s.left_out) for s in sources.values()), Counter[str]())
        count = f"{lost:,} of {_number_of(total, total < self.total)}"
        return self._ask(count, reasons, where=where, left_out=there)

    def _of_source(
        self, path: str, source: SourceLoss, total: int, are_others: bool
    ) -> LossQuestion:
        count = f"{source.lost:,} of {_number_of(total, are_others)}"
        if source.is_bare:
            return self._ask(count, source.reasons, path, where=[path], left_out=source.left_out)
        return self._ask(count, source.reasons, path)

    def _ask(
        self,
        count: str,
        reasons: Mapping[str, int],
        source: str | None = None,
        *,
        where: Sequence[str] = (),
        left_out: Mapping[str, int] | None = None,
        is_damage: bool = False,
    ) -> LossQuestion:
        """Question about the documents of a `source`, None for all. `where`, `left_out`: see `_question`."""

        def text(is_full: bool) -> str:
            shown = partial(source_place, self._root, is_full=is_full)
            of = f" of {shown(source)}" if source is not None and not where else ""
            folders = ", ".join(map(shown, where))
            return _question(count + of, reasons, folders, left_out, is_full=is_full)

        sources = None if source is None else frozenset([source])
        return LossQuestion(text(False), text(True), reasons, sources, is_damage)

    def check(self, questions: Sequence[LossQuestion], *, is_begun: bool = False) -> None:
        """Ask one question after another. Raises UsageError at the first no.

        `is_begun`: the run has committed something before.
        """
        for n, question in enumerate(questions):
            if not self._confirm(question.text):
                left = questions[n:]
                reasons = sum((Counter(q.reasons) for q in left), Counter[str]())
                text = "; ".join(q.text for q in left)
                kept = "what was committed before stays" if is_begun else "nothing was changed"
                raise UsageError(f"{text}; {kept} ({question._replace(reasons=reasons).way_out})")

    # ── what is agreed to ────────────────────────────────────────────────────────────────────────

    def settle(
        self,
        questions: Sequence[LossQuestion],
        files: Mapping[Key, int],
        owner: Callable[[Key], str],
        *,
        asks: bool,
    ) -> None:
        """Ask questions about `files` that are gone, and take what they name as agreed to.

        `files`: with their numbers of documents; `owner`: as of `nested_losses`. A dry run `asks` nobody.
        Raises what `check` raises.
        """
        if asks:
            self.check(questions)
        for question in questions:
            of = question.sources
            named = [k for k in files if of is None or {k[0], owner(k)} & of]
            if question.is_damage:
                self._damaged.update(named)
                continue
            for key in named:
                if key not in self._files:
                    self._files[key] = files[key]
                    self._agreed.update(dict.fromkeys({key[0], owner(key)}, files[key]))

    def agrees(self, key: Key, *, is_damaged: bool = False) -> bool:
        """True if the documents of this file may go; those that are damaged may be agreed to alone."""
        return key in self._files or (is_damaged and key in self._damaged)


def _number_of(documents: int, are_others: bool) -> str:
    return f"{'the other ' * are_others}{documents:,} documents"


def _question(
    count: str,
    reasons: Mapping[str, int],
    where: str = "",
    left_out: Mapping[str, int] | None = None,
    *,
    is_full: bool = False,
) -> str:
    """Question; `where`: folders without a file to read that the documents were in, "" for others.

    `left_out`: numbers of the files in these folders that are not read, by reason. `is_full`: with full paths
    of ignore files.
    """
    if where and left_out:
        return f"{count} are gone from {where}; there and not read: {describe_skipped(left_out)}"
    if where:
        return f"{count} are gone from {where} (an empty mount?)"
    if reasons.keys() == {NO_TEXT}:
        return f"{count} {NO_TEXT}"
    lost = "lost" if NO_TEXT in reasons else "deleted"
    return f"{count} would be {lost}: {describe_reasons(reasons, is_full=is_full)}"
