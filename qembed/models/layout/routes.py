"""Routers of sentence-transformers (before version 5: Asym): other modules for queries than for documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from qembed.errors import ModelUnavailable
from qembed.models.layout.modules import ROUTER_CONFIGS, Role

_SYNONYMS = {
    "query": ("question", "queries", "q"),
    "document": ("doc", "passage", "corpus", "documents", "docs", "passages", "answer", "d"),
}
"""Names of routes, for models from before the names were fixed."""
_PREFIX = "sentence_transformers."


class Router(NamedTuple):
    """Routes of a router by name, each a sequence of modules as (kind, subfolder of the model).

    `file`: where they are written. `default`: route of texts without a role. `mappings`: routes by (role or
    None for any, modality or None for any).
    """

    file: Path
    routes: Mapping[str, Sequence[tuple[str, str]]]
    default: str
    mappings: Mapping[tuple[str | None, str | None], str]

    def modules(self, role: Role) -> Sequence[tuple[str, str]]:
        """Modules for a role. Raises ModelUnavailable if it is not clear which they are.

        The route of `encode_query` and `encode_document`, else one whose name has the same meaning. A router
        that has neither for any role is no asymmetric model: it uses the route of `encode`.
        """
        named = {r: self._named(r) for r in _SYNONYMS}
        found = named[role]
        if found is None and (len(self.routes) == 1 or not any(named.values())):
            found = self.default
        if not found:
            raise ModelUnavailable(
                f"{self.file}: none of its routes ({', '.join(self.routes)}) is for a {role}: it is "
                "'query' and 'document', or a default_route, that are looked for"
            )
        return self.routes[found]

    def _named(self, role: str) -> str | None:
        """Name of the route for a text of this role, None if no mapping and no name says so."""
        for key in ((role, "text"), (role, None), (None, "text"), (None, None)):
            if key in self.mappings:
                return self.mappings[key]
        lower = {name.lower(): name for name in self.routes}
        return next((lower[n] for n in (role, *_SYNONYMS[role], "text") if n in lower), None)


def read_router(path: str, folder: Path, files: Mapping[str, Mapping[str, Any]]) -> Router:
    """Router in the subfolder `path` of a model. `files`: content of each of ROUTER_CONFIGS, empty if absent.

    Raises ModelUnavailable if its file is broken, or names code from outside sentence-transformers.
    """
    name, body = next(
        ((n, files[n]) for n in ROUTER_CONFIGS if files.get(n)),
        (ROUTER_CONFIGS[0], dict[str, Any]()),
    )
    where = folder / path / name
    try:
        types = {str(k): str(v) for k, v in body["types"].items()}
        structure = {str(k): [str(m) for m in v] for k, v in body["structure"].items()}
        settings = dict(body.get("parameters") or {})
        routes = {
            route: [(_kind(where, types[m]), _subfolder(where, path, m)) for m in modules]
            for route, modules in structure.items()
        }
        mappings = {
            key: str(route)
            for text, route in (settings.get("route_mappings") or {}).items()
            if (key := _mapping(text)) is not None
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ModelUnavailable(f"{where}: routes with types and structure are wanted") from None
    default = settings.get("default_route")
    if default is None and settings.get("allow_empty_key", True):
        default = next(iter(routes), None)
    unknown = [r for r in (default, *mappings.values()) if r and r not in routes]
    if not all(routes.values()) or not routes or unknown:
        reason = f"no route {unknown[0]!r}" if unknown else "a route without modules"
        raise ModelUnavailable(f"{where}: {reason}")
    return Router(where, routes, str(default or ""), mappings)


def _kind(where: Path, named: str) -> str:
    """Name of a module's class. Raises ModelUnavailable for one from outside sentence-transformers."""
    if not named.startswith(_PREFIX):
        raise ModelUnavailable(
            f"{where}: {named} is code that comes with the model, which is not run"
        )
    return named.rsplit(".", 1)[-1]


def _subfolder(where: Path, path: str, module: str) -> str:
    """Subfolder of a route's module, below the router's. Raises ModelUnavailable if that is elsewhere."""
    inside = PurePosixPath(path, module)
    if inside.is_absolute() or ".." in inside.parts:
        raise ModelUnavailable(f"{where}: {module} lies outside the model's folder")
    return str(inside)


def _mapping(text: str) -> tuple[str | None, str | None] | None:
    """Key of a mapping from its notation as a Python tuple; None for one that no text has."""
    import ast

    try:
        task, modality = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return None  # sentence-transformers skips it with a warning
    if not all(isinstance(x, str | None) for x in (task, modality)):
        return None
    return task, modality
