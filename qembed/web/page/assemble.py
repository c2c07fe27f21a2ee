"""The page in one piece, and the policy under which a browser runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

SCRIPTS = (
    "elements", "server", "state", "filters", "feedback", "hits", "reader", "search", "main",
)  # fmt: skip
"""Scripts in the order in which they are joined: only the last one does something at once."""
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
    folder = files(__package__)
    style = folder.joinpath("style.css").read_text("utf-8")
    parts = [folder.joinpath("scripts", f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    script = '\n"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    html = folder.joinpath("index.html").read_text("utf-8")
    for tag, content in (("style", style), ("script", script)):
        html = html.replace(f"<{tag}></{tag}>", f"<{tag}>{content}</{tag}>")
    return Page(html.encode(), POLICY.format(script=_source(script), style=_source(style)))


def _source(text: str) -> str:
    """Hash of what stands between two tags, as a policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
