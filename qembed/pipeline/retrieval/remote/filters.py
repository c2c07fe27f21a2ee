"""Filters of a remote index: evaluated by the server where it answers as we do, else here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.engines.fields import MetadataField
from qembed.pipeline.filters import Allowed, Filters
from qembed.pipeline.retrieval.remote.filter_expression import FilterFields, Untranslatable
from qembed.pipeline.retrieval.remote.snapshot import RemoteSnapshot
from qembed.search.filters.evaluate import parse
from qembed.search.filters.typecheck import coverage_warning, tests_of
from qembed.search.filters.values import is_built_in

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


class RemoteAllowed(Allowed):
    """Rows that a filter allows, as an expression of Milvus; read as rows only where these are wanted."""

    def __init__(self, snapshot: RemoteSnapshot, expression: str) -> None:
        self._snapshot = snapshot
        self.expression = expression
        self.warnings = ()

    @cached_property
    def size(self) -> int:
        """Number of rows."""
        return self._snapshot.collection.count(self.expression)

    @cached_property
    def documents(self) -> int:  # type: ignore[override]
        """Number of documents."""
        return self._snapshot.collection.count(f"({self.expression}) and seq == 0")

    @cached_property
    def rows(self) -> Rows:  # type: ignore[override]
        """Row ids, ascending."""
        import numpy as np

        found = self._snapshot.collection.scan(["row"], self.expression)
        return np.sort(np.array([e["row"] for some in found for e in some], dtype=np.int64))

    @cached_property
    def mask(self) -> npt.NDArray[np.bool_]:  # type: ignore[override]
        """Mask over the rows from the base on, bool."""
        import numpy as np

        manifest = self._snapshot.manifest
        mask = np.zeros(manifest.next_row - manifest.base, dtype=bool)
        mask[self.rows - manifest.base] = True
        return mask


class RemoteFilters(Filters):
    """Filters over a remote index."""

    snapshot: RemoteSnapshot

    @cached_property
    def fields(self) -> FilterFields:
        """Columns that filters may name."""
        state = self.snapshot.state
        columns = [MetadataField(*f) for f in state["fields"]]
        times = [(str(s), str(f), int(t)) for s, f, t in state["record_times"]]
        return FilterFields({c.key: c for c in columns}, times)

    def _evaluate(self, texts: tuple[str, ...]) -> Allowed:
        try:
            tests = [self.fields.translate(part) for part in parse(*texts).parts]
        except Untranslatable:
            return super()._evaluate(texts)
        allowed = RemoteAllowed(self.snapshot, " and ".join(f"({t})" for t in tests))
        if not allowed.size:  # the reason may be a mistake, which the documents tell
            return super()._evaluate(texts)
        allowed.warnings = self._warnings(texts)
        return allowed

    def _warnings(self, texts: tuple[str, ...]) -> Sequence[str]:
        """Messages on metadata that only some documents have."""
        state = self.snapshot.state
        having = {f[0]: n for f, n in zip(state["fields"], state["having"], strict=True)}
        found: dict[str, None] = {}
        for part in parse(*texts).parts:
            for f, sign, wanted in tests_of(part):
                column = self.fields.metadata.get(f.name)
                if column is None or is_built_in(f) or sign == "exists" or wanted is None:
                    continue
                told = coverage_warning(f, having[column.key], state["documents"])
                found.update(dict.fromkeys(told))
        return list(found)


def where_of(snapshot: RemoteSnapshot, allowed: Allowed | None) -> str:
    """Expression of Milvus for the rows that are allowed, "" for all."""
    if allowed is None:
        return ""
    if isinstance(allowed, RemoteAllowed):
        return allowed.expression
    import numpy as np

    rows = allowed.rows
    rest = snapshot.manifest.next_row - snapshot.manifest.base - len(rows)
    if rest < len(rows):
        others = np.flatnonzero(~allowed.mask) + snapshot.manifest.base
        return f"row not in {others.tolist()}" if len(others) else ""
    return f"row in {rows.tolist()}"
