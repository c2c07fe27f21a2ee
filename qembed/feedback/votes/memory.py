"""Memory of votes: for a query that was voted on before, which documents come first and which never.

The log tells all of it; the file `votes.jsonl` beside it keeps the votes by query, so that a query does not
read the log. It knows up to where it has read each segment of the log. What came after that is looked
through at each query, a millisecond for a megabyte, and a file that is missing or of another log is made
anew. Who deletes rows removes it first: a file may get the number that another one had.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.feedback.keyed_file import KeyedFile, keyed_content
from qembed.feedback.log_store import LogStore
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.votes.vectors import forget_vectors
from qembed.paths import FEEDBACK

if TYPE_CHECKING:
    from qembed.feedback.records import Event

MEMORY_FILE = "votes.jsonl"
KIND = "votes"
TAIL_BYTES = 1 << 20
"""Bytes of the log without a vote after which the file is brought up to date."""
FOR, AGAINST, NEVER, NONE = 1, -1, -2, 0
ACTIONS: Mapping[str, int] = {
    **dict.fromkeys(("thumbs_up", "like", "upvote"), FOR),
    **dict.fromkeys(("thumbs_down", "dislike", "downvote", "hide", "reject"), AGAINST),
    "never": NEVER,
    "allow": NONE,
}
"""Votes by action. `allow` takes back what the client said before."""
_EVENT = b'{"v":1,"kind":"event"'
_NAMES = tuple(b'"action":"%b"' % name.encode() for name in ACTIONS)

# an entry of the file is {"text": as it was asked first, "votes": …}, without "text" of a hash
Votes = dict[str, dict[str, list[Any]]]
"""Document -> client -> [vote, time in seconds since 1970]."""
NO_TEXTS = ""


class Remembered:
    """Verdict of the votes on a query: ids of documents that come first, in order, and that are not shown.

    `near`: by document, the near-equal query that was voted on, if it was not the query itself: its text, as
    it was asked, and the cosine of its vector with the query's.
    """

    # a dataclass takes half a millisecond to make, which each query would pay
    __slots__ = ("first", "near", "never")

    def __init__(
        self,
        first: tuple[str, ...] = (),
        never: frozenset[str] = frozenset(),
        near: Mapping[str, tuple[str, float]] | None = None,
    ) -> None:
        self.first, self.never, self.near = first, never, near or {}

    def __bool__(self) -> bool:
        return bool(self.first or self.never)


class VoteMemory:
    """Votes of the log of the index at `root`, by query."""

    def __init__(self, root: Path, content: KeyedFile) -> None:
        self._root = root
        self._content = content

    @classmethod
    def open(cls, root: Path, *, keep: bool = True, anew: bool = False) -> VoteMemory | None:
        """The memory, up to date; None without any vote. Raises OSError for a log that cannot be read.

        `keep`: bring the file up to date, too. `anew`: make it of the log alone.
        """
        store = LogStore(root)
        present = _sizes(store)
        path = store.folder / MEMORY_FILE
        if not present:
            return None
        content = KeyedFile.read(path)
        read = _read_so_far(content, present)
        if read is None or anew:
            content, read = KeyedFile(b""), {}
        unread = sum(size - read.get(n, (0, 0))[1] for n, (_, size) in present.items())
        if unread:
            found, reached = _scan(store, read, present)
            if found or unread > TAIL_BYTES or content.header is None:
                content = _updated(store, content, found, reached)
                if keep:
                    with contextlib.suppress(OSError):  # as far as this process may write
                        content.write(path)
        return cls(root, content) if content.header and content.header.get("any") else None

    def __len__(self) -> int:
        """Number of queries that were voted on."""
        return int(self._content.header["entries"]) if self._content.header else 0

    def __eq__(self, other: object) -> bool:
        """True for the same votes on the same queries."""
        if not isinstance(other, VoteMemory):
            return NotImplemented
        return dict(self._content.entries()) == dict(other._content.entries())

    __hash__ = None  # type: ignore[assignment]

    @property
    def texts_digest(self) -> str:
        """Digest of the texts that were voted on; NO_TEXTS where none is known."""
        header = self._content.header
        return NO_TEXTS if header is None else str(header.get("texts"))

    def texts(self) -> dict[str, str]:
        """Texts that were voted on, as they were asked, by normalised form."""
        found = ((key, entry.get("text")) for key, entry in self._content.entries())
        return {key: text for key, text in found if text is not None}

    def of(self, text: str, near: Mapping[str, float] | None = None) -> Remembered:
        """Verdict of the votes on a query: of each client the last one counts, contradictory ones cancel.

        `near`: normalised forms of near-equal queries, the nearest first, and their cosines. Their votes
        count for documents that no nearer one has votes on.
        """
        plain = normalise_query(text)
        keys = [plain]
        if self._content.header and self._content.header.get("hashed"):
            from qembed.feedback.text_hash import hash_text, read_key

            if (key := read_key(self._root)) is not None:
                keys += [hash_text(t, key) for t in dict.fromkeys((text, text.strip(), plain))]
        votes: Votes = {}
        for entry in filter(None, map(self._content.entry, keys)):
            _merge(votes, entry.get("votes") or {})
        of: dict[str, tuple[str, float]] = {}
        for name, cosine in (near or {}).items():
            if name == plain or (found := self._content.entry(name)) is None:
                continue
            voted: Votes = found.get("votes") or {}
            new = {d: by_client for d, by_client in voted.items() if d not in votes}
            votes |= new
            of |= dict.fromkeys(new, (str(found.get("text") or name), cosine))
        return _decide(votes, of)


def refresh_memory(root: Path) -> None:
    """Bring the memory up to date, for who adds votes; queries do it otherwise. Errors are left to them."""
    with contextlib.suppress(OSError):
        VoteMemory.open(root)


def forget_memory(root: Path) -> None:
    """Remove the memory and what was made of it, for who deletes rows of the log. Raises OSError."""
    (root / FEEDBACK / MEMORY_FILE).unlink(missing_ok=True)
    forget_vectors(root)


def _decide(votes: Votes, near: Mapping[str, tuple[str, float]]) -> Remembered:
    ranked: list[tuple[bool, int, float, str]] = []
    never: set[str] = set()
    for document, by_client in votes.items():
        said = [vote for vote, _ in by_client.values()]
        if said.count(NEVER) > said.count(FOR):
            never.add(document)
        net = sum((vote > 0) - (vote < 0) for vote in said)
        if net > 0:
            latest = max(time for _, time in by_client.values())
            ranked.append((document in near, -net, -latest, document))
    first = tuple(d for *_, d in sorted(ranked))
    acting = {*first, *never}
    return Remembered(first, frozenset(never), {d: q for d, q in near.items() if d in acting})


# ── what was read ────────────────────────────────────────────────────────────────────────────────


def _sizes(store: LogStore) -> dict[int, tuple[int, int]]:
    """(inode, size in bytes) of each segment."""
    found = {}
    for number in store.numbers():
        with contextlib.suppress(FileNotFoundError):
            s = store.path(number).stat()
            found[number] = s.st_ino, s.st_size
    return found


def _read_so_far(
    content: KeyedFile, present: Mapping[int, tuple[int, int]]
) -> dict[int, tuple[int, int]] | None:
    """(inode, bytes read) of each segment; None if the memory is of another log than is there."""
    header = content.header
    if header is None or header.get("kind") != KIND or "texts" not in header:
        return None
    try:
        read = {int(n): (int(i), int(end)) for n, (i, end) in header["segments"].items()}
    except (KeyError, AttributeError, TypeError, ValueError):
        return None
    for number, (inode, end) in read.items():
        now = present.get(number)
        if now is None or now[0] != inode or now[1] < end:  # rewritten, or removed
            return None
    return read


def _scan(
    store: LogStore, read: Mapping[int, tuple[int, int]], present: Iterable[int]
) -> tuple[list[Event], dict[int, tuple[int, int]]]:
    """(events that are votes and were not read yet, what is read now)."""
    found: list[Event] = []
    reached: dict[int, tuple[int, int]] = {}
    for number in present:
        begin = read.get(number, (0, 0))[1]
        with contextlib.suppress(FileNotFoundError), store.path(number).open("rb") as file:
            file.seek(begin)
            data = file.read()
            end = data.rfind(b"\n") + 1
            reached[number] = os.fstat(file.fileno()).st_ino, begin + end
            found += _votes_of(data[:end])
    return found, reached


def _votes_of(data: bytes) -> Iterator[Event]:
    """Votes among finished lines. Most lines are queries, and are not parsed."""
    at = data.find(_EVENT)
    while at >= 0:
        end = data.find(b"\n", at)
        line = data[at:end]
        if (at == 0 or data[at - 1] == 10) and any(name in line for name in _NAMES):
            from qembed.feedback.log_rows import RowError, parse_line
            from qembed.feedback.records import Event

            with contextlib.suppress(RowError):
                record = parse_line(line)
                # a judge and a test have no say, nor has who is not trusted
                if (
                    isinstance(record, Event)
                    and record.action in ACTIONS
                    and record.object_id
                    and not record.source
                    and record.client_kind != "test"
                    and record.weight > 0
                ):
                    yield record
        at = data.find(_EVENT, end)


def _updated(
    store: LogStore,
    content: KeyedFile,
    found: Iterable[Event],
    reached: Mapping[int, tuple[int, int]],
) -> KeyedFile:
    """The memory with more votes."""
    voted = dict(content.entries())
    hashed = bool(content.header and content.header.get("hashed"))
    new = list(found)
    texts = _texts(store, {e.query_id for e in new})
    for event in new:
        text = texts.get(event.query_id)
        if text is None:
            continue
        from qembed.feedback.text_hash import is_hashed

        is_hash = is_hashed(text)
        hashed |= is_hash
        client = f"{event.client_kind}:{event.client_id or event.session_id}"
        said = {event.object_id: {client: [ACTIONS[event.action], event.time]}}
        key, known = (text, {}) if is_hash else (normalise_query(text), {"text": text.strip()})
        _merge(voted.setdefault(key, {**known, "votes": {}})["votes"], said)
    header = {
        "kind": KIND,
        "any": bool(voted),
        "hashed": hashed,
        "texts": _digest(q["text"] for q in voted.values() if "text" in q),
        "segments": {str(n): list(where) for n, where in reached.items()},
    }
    return KeyedFile(keyed_content(header, voted.items()))


def _digest(texts: Iterable[str]) -> str:
    found = sorted(texts)
    if not found:
        return NO_TEXTS
    data = "\0".join(found).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _merge(votes: Votes, more: Mapping[str, Mapping[str, list[Any]]]) -> None:
    """Add votes; of one client on one document the later counts."""
    for document, by_client in more.items():
        known = votes.setdefault(document, {})
        for client, (vote, time) in by_client.items():
            if client not in known or time >= known[client][1]:
                known[client] = [vote, time]


def _texts(store: LogStore, ids: set[str]) -> dict[str, str]:
    """Texts of queries of the log, by id; of a query that is there twice, the first."""
    if not ids:
        return {}
    import json
    import re

    # a row begins with them: its hits are not parsed
    head = re.compile(
        rb'\{"v":1,"kind":"query","time":[^,]*,"query_id":(".*?"),"text":("(?:[^"\\]|\\.)*")'
    )
    named = {json.dumps(name).encode("ascii"): name for name in ids}
    found: dict[str, str] = {}
    for line in store.lines():
        row = head.match(line.data)
        if row is not None and (name := named.get(row[1])) is not None and name not in found:
            found[name] = json.loads(row[2])
    return found
