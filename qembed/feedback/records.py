"""Records of the feedback log: queries with what was shown, and events; the nouns of UBI 1.3.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

ClientKind = Literal["person", "agent", "test"]
CLIENT_KINDS: tuple[ClientKind, ...] = get_args(ClientKind)


@dataclass(frozen=True, slots=True)
class ShownHit:
    """Hit of an answer. `id`: of the document, which several hits of an answer may share. `rank`: from 1.

    `score`: None where it is not known.
    """

    id: str
    rank: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """Query and its answer. `text`: as it was typed, or its hash. `time`: seconds since 1970, UTC.

    `settings`: mode, reranker, filters and other choices of the answer, which say what its order was made by.
    `generation`: of the index, None for imported ones. `explored`: ranks i whose hit was exchanged with the
    one at i + 1, at random.
    """

    query_id: str
    text: str
    time: float
    shown: tuple[ShownHit, ...] = ()
    client_id: str = ""
    client_kind: ClientKind = "person"
    session_id: str = ""
    application: str = ""
    generation: int | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    explored: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something done with a hit of an answer. `action`: click, copy, open, thumbs_up, cite, dwell ….

    `position`: rank of the hit when it was acted on, from 1, None where it is not known. `seconds`: of dwell.
    `weight`: trust in it, 1 for what was seen, less for a judge's vote. `source`: who tells it, "" for a
    client itself, "judge" for a language model.
    """

    event_id: str
    query_id: str
    action: str
    time: float
    object_id: str = ""
    position: int | None = None
    seconds: float | None = None
    client_id: str = ""
    client_kind: ClientKind = "person"
    session_id: str = ""
    user_id: str = ""
    weight: float = 1.0
    source: str = ""
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
