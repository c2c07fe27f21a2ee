"""Trace of an agent: a task, and the steps that it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from qembed.feedback.records import ShownHit


@dataclass(frozen=True, slots=True)
class SearchStep:
    """Search. `query_id`: of the log, "" where the trace alone knows of it. `hits`: what came back."""

    query: str
    hits: tuple[ShownHit, ...] = ()
    query_id: str = ""
    time: float | None = None


@dataclass(frozen=True, slots=True)
class ReadStep:
    """Document that was opened."""

    id: str
    time: float | None = None


@dataclass(frozen=True, slots=True)
class CiteStep:
    """Documents that an answer names as its sources."""

    ids: tuple[str, ...]
    time: float | None = None


@dataclass(frozen=True, slots=True)
class ToolStep:
    """Call of another tool."""

    name: str
    failed: bool = False
    time: float | None = None


Step: TypeAlias = SearchStep | ReadStep | CiteStep | ToolStep


@dataclass(frozen=True, slots=True)
class AgentTrace:
    """Task and its steps, in order. `success`: None where the outcome is not known.

    `steps_taken`: steps of the task that are no search, read, citation or tool call (a model's turn) are
    counted too, so it may be more than `len(steps)`. `tokens`: read and written, None where not known.
    """

    id: str
    steps: tuple[Step, ...]
    time: float | None = None
    client: str = ""
    task: str = ""
    success: bool | None = None
    tokens: int | None = None
    steps_taken: int | None = None
