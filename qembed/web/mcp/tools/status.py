"""`status`: what the index holds. Answered without the model."""

from __future__ import annotations

import time

from qembed.evaluation.formats.source_file import counted
from qembed.hints import with_index
from qembed.pipeline.diagnostics.fields import VALUES_SHOWN, FieldSummary, describe_fields, literal
from qembed.pipeline.feedback.log_setting import index_log_mode, log_mode
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.store.manifest import read as read_manifest
from qembed.web.http.parameters import Parameters
from qembed.web.mcp.tools.result import Context, ToolResult

MOST_DOCUMENTS = 200_000
"""Documents of an index up to which their metadata is read for the list of fields."""
MODELS = {
    "loading": "loading; searches wait for it",
    "ready": "ready",
    "server": "ready, in the index's server",
}


def status(given: Parameters, context: Context) -> ToolResult:
    """Describe the index. Raises NoIndex, IndexDamaged, UsageError for a value of $QEMBED_LOG."""
    given.check()
    root = context.engine.root
    manifest = read_manifest(root)
    documents, passages = (manifest.counts.get(n, 0) for n in ("documents", "passages"))
    logs = log_mode(
        context.settings.log, context.settings.project_log, index_log_mode(manifest.settings)
    )
    model = context.engine.state
    refreshed = None  # no run has come to its end yet
    if not manifest.is_half_made:
        refreshed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(manifest.refreshed))
    sources = [s.path for s in manifest.sources]
    summaries = describe_fields(root) if documents <= MOST_DOCUMENTS else []
    fields = [_field_line(s) for s in summaries if s.documents]
    warnings = [with_index(w) for w in unfinished_warnings(root, manifest)]
    lines = [
        f"index: {root}, generation {manifest.generation}, refreshed {refreshed or 'never'}",
        f"holds: {counted(documents, 'document')}, {counted(passages, 'passage')}",
        *(f"note: {w}" for w in warnings),
        f"sources: {', '.join(sources) or 'none'}",
        f"model: {manifest.spec} ({MODELS.get(model, f'cannot be loaded: {model}')})",
        f"queries are {'not logged' if logs == 'off' else 'logged'}",
        *(["fields for where:"] if fields else []),
        *(f"  {line}" for line in fields),
    ]
    structured = {
        "index": str(root),
        "generation": manifest.generation,
        "refreshed": refreshed,
        "documents": documents,
        "passages": passages,
        "sources": sources,
        "model": manifest.spec,
        "model_state": model,
        "log": logs,
        "fields": [s.name for s in summaries if s.documents],
        "warnings": warnings,
    }
    return ToolResult("\n".join(lines), structured)


def _field_line(summary: FieldSummary) -> str:
    """Name, types, range or some values of a field."""
    types = " or ".join(kind for kind, _ in summary.kinds.most_common() if kind != "list")
    limits = summary.bounds()
    values = [literal(v) for v, n in summary.values()[:VALUES_SHOWN] if n > 1 and len(str(v)) <= 40]
    if limits is not None:
        shown = f", {literal(limits[0])} to {literal(limits[1])}"
    else:
        shown = f", such as {', '.join(values[:5])}" if values else ""
    return f"{summary.name} ({types}){shown}"
