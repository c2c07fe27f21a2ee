"""Requests of `query`: their fields, their JSON, and queries on standard input.

Imports no other room: a client of the server makes its request with this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from qembed.errors import InputError
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.types import Query


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """Queries to answer from an index. `model`: names the model otherwise than the index does.

    `log`: whether the answer will be logged, None: if the index's setting says so. `client`: who asks, ""
    for nobody; both count where a server runs an experiment.
    """

    queries: Sequence[Query]
    options: QueryOptions
    model: str | None = None
    log: bool | None = False
    client: str = ""

    reads_files: ClassVar[bool] = False

    @property
    def specs(self) -> list[str | None]:
        """Specs of the models that answer."""
        return [self.model, self.options.rerank]

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        options, parameters = asdict(self.options), self.options.fusion_parameters
        if parameters is not None:
            options["fusion_parameters"] = parameters._asdict()
        return {
            "queries": [asdict(q) for q in self.queries],
            "options": options,
            "model": self.model,
            "log": self.log,
            "client": self.client,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> QueryRequest:
        """Request from JSON values. Raises KeyError, TypeError for other values than `to_json`'s."""
        given = {**body["options"], "where": tuple(body["options"]["where"])}
        if (parameters := given.get("fusion_parameters")) is not None:
            from qembed.pipeline.retrieval.fusion import FusionParameters

            given["fusion_parameters"] = FusionParameters(**parameters)
        given["seen"] = tuple(given.get("seen", ()))
        if given.get("given") is not None:
            given["given"] = tuple(given["given"])
        options = QueryOptions(**given)
        queries = [Query(**q) for q in body["queries"]]
        return cls(queries, options, body["model"], body["log"], body["client"])


def by_filter(queries: Sequence[Query]) -> dict[str | None, list[int]]:
    """Positions of the queries by their own filter."""
    groups: dict[str | None, list[int]] = {}
    for i, q in enumerate(queries):
        groups.setdefault(q.where, []).append(i)
    return groups


# ── standard input ───────────────────────────────────────────────────────────────────────────────


def parse_queries(lines: Iterable[bytes], name: str = "-") -> list[Query]:
    """Queries, one a line and numbered from 1, or JSON lines `{"_id", "text"}`; the first line decides.

    `name`: of the input, for messages. Raises InputError with all broken lines.
    """
    found: list[Query] = []
    problems: list[str] = []
    as_json: bool | None = None
    for n, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8-sig" if n == 1 else "utf-8").strip("\r\n")
        except UnicodeDecodeError as e:
            problems.append(f"{name}:{n}: not UTF-8 ({e.reason} at byte {e.start})")
            continue
        if not line.strip():
            continue
        if as_json is None:
            as_json = line.lstrip().startswith("{")
        if not as_json:
            found.append(Query(str(n), line))
            continue
        try:
            found.append(_query(json.loads(line), n))
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(
                f'{name}:{n}: not a JSON object with "text" (and "task" and "where", if there are any, '
                "as texts too)"
            )
    counts: dict[str, int] = {}
    for q in found:
        counts[q.id] = counts.get(q.id, 0) + 1
    problems += [f"{name}: query id {i!r} is given {n} times" for i, n in counts.items() if n > 1]
    if problems:
        raise InputError("queries that cannot be read:", problems)
    if not found:
        raise InputError(f"{name}: no queries there")
    return found


def _query(body: Any, line: int) -> Query:
    """Query of a JSON line. Raises KeyError, TypeError, AttributeError for another form."""
    text, task, where = body["text"], body.get("task"), body.get("where")
    if not isinstance(text, str) or not is_optional_text(task) or not is_optional_text(where):
        raise TypeError
    return Query(str(body.get("_id", body.get("id", line))), text, task, where)


def is_optional_text(value: Any) -> bool:
    """True for a text or None."""
    return value is None or isinstance(value, str)
