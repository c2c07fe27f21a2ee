"""The page in one piece, and the policy under which a browser runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

SCRIPTS = (
    "elements", "server", "state", "filters", "feedback", "pictures", "sample", "hits", "reader", "search",
    "map", "main",
)  # fmt: skip
"""Scripts in the order in which they are joined: only the last one does something at once."""
MAP_SCRIPTS = ("data", "colors", "plot", "marks", "gestures", "legend", "view")
"""Scripts of a map, on this page and on one of its own; they need `elements`."""
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Page(NamedTuple):
    """HTML in UTF-8, and its Content-Security-Policy."""

    body: bytes
    policy: str


@cache
def search_page() -> Page:
    """The page, read once."""
    own = dict(zip(SCRIPTS, read_scripts(SCRIPTS), strict=True))
    script = script_of([own.pop("elements"), *map_scripts(), *own.values()])
    style = read_style() + map_style()
    html = files(__package__).joinpath("index.html").read_text("utf-8")
    for tag, content in (("style", style), ("script", script)):
        html = html.replace(f"<{tag}></{tag}>", f"<{tag}>{content}</{tag}>")
    policy = POLICY.format(script=policy_source(script), style=policy_source(style))
    return Page(html.encode(), policy)


def read_scripts(names: Iterable[str]) -> list[str]:
    """Scripts of this page by name."""
    folder = files(__package__).joinpath("scripts")
    return [folder.joinpath(f"{name}.js").read_text("utf-8") for name in names]


def read_style() -> str:
    """Style of this page: colours of both themes, and elements."""
    return files(__package__).joinpath("style.css").read_text("utf-8")


def map_scripts() -> list[str]:
    """Scripts of a map."""
    folder = files("qembed.web.map").joinpath("scripts")
    return [folder.joinpath(f"{name}.js").read_text("utf-8") for name in MAP_SCRIPTS]


def map_style() -> str:
    """Style of a map."""
    return files("qembed.web.map").joinpath("style.css").read_text("utf-8")


def script_of(parts: Iterable[str]) -> str:
    """Script that runs parts one after the other, apart from what else there is."""
    return '\n"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def policy_source(text: str) -> str:
    """Hash of what stands between two tags, as a policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
