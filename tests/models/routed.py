"""Tiny models whose queries and documents pass modules of their own, as sentence-transformers saves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models import shapes
from tests.models.tiny import WIDTH

STATIC_WIDTH = 32


def router(routes: dict[str, list[Any]], **settings: Any) -> Any:
    from sentence_transformers.sentence_transformer.modules import Router

    return Router(routes, **settings)


def dense(out: int, seed: int, inside: int = WIDTH) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    torch.manual_seed(seed)
    return Dense(inside, out, activation_function=torch.nn.Tanh())


def light_queries(bare: Path, **settings: Any) -> list[Any]:
    """Queries by a table of token vectors, documents by a transformer."""
    document = [shapes.transformer(bare), shapes.pooling("cls"), dense(STATIC_WIDTH, 5)]
    return [
        router({"query": [shapes.static(bare)], "document": document}, **settings),
        shapes.normalize(),
    ]


def two_denses(bare: Path) -> list[Any]:
    """One transformer, with a Dense layer for queries and another for documents."""
    routes = {"query": [dense(24, 5)], "document": [dense(24, 6), dense(24, 7, 24)]}
    return [shapes.transformer(bare), shapes.pooling(), router(routes), shapes.normalize()]


def shared_transformer(bare: Path) -> list[Any]:
    """One transformer that two routes begin with."""
    transformer = shapes.transformer(bare)
    return [
        router(
            {
                "query": [transformer, shapes.pooling("cls")],
                "document": [transformer, shapes.pooling("mean")],
            },
        )
    ]


def mapped(bare: Path) -> list[Any]:
    """Routes of any name, which a mapping gives to roles and modalities."""
    return [
        router(
            {
                "small": [shapes.static(bare)],
                "large": light_queries(bare)[0].sub_modules["document"],
            },
            route_mappings={("query", "text"): "small", ("document", None): "large"},
        )
    ]


ROUTED: dict[str, Callable[[Path], list[Any]]] = {
    "light queries": light_queries,
    "two denses": two_denses,
    "shared transformer": shared_transformer,
    "mapped": mapped,
}


def as_asym(folder: Path, sub: str, names: dict[str, str]) -> Path:
    """Layout from before version 5. `sub`: the router's subfolder; `names`: new names of its routes."""
    new = folder / sub / "router_config.json"
    body = json.loads(new.read_text("utf-8"))
    structure = {names[route]: modules for route, modules in body["structure"].items()}
    old = {
        "types": {m: _old_type(t) for m, t in body["types"].items()},
        "structure": structure,
        "parameters": {"allow_empty_key": True},
    }
    new.with_name("config.json").write_text(json.dumps(old), "utf-8")
    new.unlink()
    path = folder / "modules.json"
    listed = json.loads(path.read_text("utf-8"))
    for module in listed:
        module["type"] = _old_type(module["type"]).replace("Router", "Asym")
    path.write_text(json.dumps(listed), "utf-8")
    return folder


def _old_type(named: str) -> str:
    return "sentence_transformers.models." + named.rsplit(".", 1)[-1]
