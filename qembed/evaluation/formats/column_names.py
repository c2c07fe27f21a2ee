"""Names of columns and JSON keys: which of them holds the query, the document, the grade, the score.

A name is compared in lower case, without separators, without `#` in front and without a remark in
brackets behind: `Query ID`, `query-id`, `queryId` and `#query_id` are one name, and so are
`relevance` and `Relevance (0-3)`. A role's spellings are given in order of preference: of `query_id`
and `query` the first is the id. Two names of equal preference for one role are an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Role:
    """A column with a meaning. `examples`: spellings shown in messages.

    `spellings`: regular expressions over normalised names, the preferred ones first.
    """

    name: str
    examples: str
    spellings: tuple[str, ...]

    def preference(self, name: str) -> int | None:
        """Position of the first spelling that matches a normalised name, None without one."""
        return next((i for i, s in enumerate(self.spellings) if re.fullmatch(s, name)), None)


_ID = "(id|ids|no|nr|num|number|key|name|identifier|uid|uuid|guid|idx|index|ref)"
_QUERY = "(queries|query|topic|question|search|request|claim|utterance|prompt|q)"
_DOCUMENT = "(corpus|document|doc)"
_PART = (
    "(passage|paragraph|para|chunk|snippet|text|item|product|article|page|file|record|entity|entry|"
    "result|hit|candidate|answer|context|listing|cand|target|p|d|c)"
)
_RELEVANCE = "(relevance|relevancy|rel)"

QUERY_ID = Role(
    "query id",
    "query-id, qid, topic",
    (
        f"(.*-)?(query|q)-?{_ID}",
        f"(.*-)?{_QUERY}-?{_ID}",
        f"(.*-)?(query|topic|question)|{_QUERY}",
    ),
)
DOCUMENT_ID = Role(
    "document id",
    "corpus-id, doc-id, docno",
    (
        "(.*-)?(doc|document)-?no",  # beside pyterrier's docid, which is a number of its own
        f"(.*-)?{_DOCUMENT}-?{_ID}",
        "document|doc",
        f"(.*-)?({_PART}-?{_ID}|did|asin)",
        "path|filename|file|url|uri|link",
        "passage|paragraph|item|product|article|page|entity|corpus|result|candidate",
        "[a-z]+-id",
        "_id|id",
    ),
)
GRADE = Role(
    "grade",
    "relevance, grade, label, score",
    (
        f"(.*-)?({_RELEVANCE}|relevant|isrel|isrelevant|qrel)s?",
        f"(.*-)?{_RELEVANCE}?-?(grade|judge?ment|rating|stars?|level|degree|assessment)s?",
        f"(.*-)?{_RELEVANCE}?-?(label|class|annotation|gain|gold|target|vote)s?",
        f"(.*-)?{_RELEVANCE}?-?(score|value|points)",
        "(is-?)?(correct|match)",
    ),
)
SCORE = Role(
    "score",
    "score, similarity",
    (
        "score",
        "(.*-)?(score|similarity)",
        "sim|rsv|cosine|probability|prob|relevance|logit|weight|value|bm25",
    ),
)
RANK = Role("rank", "rank", ("rank|ranking|rk|position|pos",))
RECORD_ID = Role(
    "query id",
    "_id, query-id, topic",
    ("_id", "id", *QUERY_ID.spellings[:2], "number|num|no|nr|key|identifier|uuid", "topic"),
)
QUERY_TEXT = Role(
    "query text",
    "text, query, question",
    (
        "text",
        "query",
        "query-?text",
        "title",
        "question",
        f"(.*-)?{_QUERY}-?(text|string|words?|terms?|title|body|content)",
        "(.*-)?(query|question|text)",
        "topic|utterance|request|claim|prompt|search|keywords?|terms?|words|sentence|content|body",
        "description",
    ),
)
TASK = Role("task", "task", ("task",))
WHERE = Role("filter", "where", ("where",))
POOL_QUERY_ID = Role("query id", "query-id, qid", (*QUERY_ID.spellings[:2], "topic"))
"""Role of the query's id in files where `query` is the query's text."""


MAX_NAME = 100
"""Characters of a column's name; longer cells are texts, which the patterns are not for."""


class AmbiguousNames(ValueError):
    """Two names of equal preference for one role."""


def normalize_name(name: str) -> str:
    """Words in lower case with dashes between them; `_id` keeps its underscore.

    "" for a text that is too long for a name.
    """
    if len(name) > MAX_NAME:
        return ""
    bare = re.sub(r"[(\[].*[)\]]\s*$", "", name.strip().strip("\"'").lstrip("#"))
    if bare.strip().lower() == "_id":
        return "_id"
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", bare)
    return re.sub(r"[\W_]+", "-", words).strip("-").lower()


@lru_cache(4096)
def find_names(names: tuple[str, ...], roles: tuple[Role, ...]) -> tuple[int | None, ...]:
    """Position of each role's name among `names`, None for a role without one.

    A name has one role, the first that takes it. Raises AmbiguousNames.
    """
    plain = [normalize_name(name) for name in names]
    taken: set[int] = set()
    places: list[int | None] = []
    for role in roles:
        found: list[tuple[int, int]] = []
        for i, name in enumerate(plain):
            preference = role.preference(name) if i not in taken else None
            if preference is not None:
                found.append((preference, i))
        best = sorted(found)[:2]
        if len(best) == 2 and best[0][0] == best[1][0]:
            one, other = (names[i] for _, i in best)
            raise AmbiguousNames(f"both {one!r} and {other!r} could be the {role.name}")
        place = best[0][1] if best else None
        if place is not None:
            taken.add(place)
        places.append(place)
    return tuple(places)


def wanted_names(roles: Sequence[Role]) -> str:
    """The roles with examples of their names, for messages."""
    return "; ".join(f"{role.name} ({role.examples}, …)" for role in roles)


def found_names(names: Sequence[str]) -> str:
    """First names of a header or keys of a record in quotes, for messages."""
    shown = [repr(name.strip()[:40]) for name in names[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
