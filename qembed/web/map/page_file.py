"""A map as one HTML file: all is within, nothing is fetched, and a policy lets nothing else run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from qembed.web.page.assemble import (
    map_scripts,
    map_style,
    policy_source,
    read_scripts,
    read_style,
    script_of,
)

POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Policy of the file. Style that scripts set by properties is no inline style."""


def map_html(body: Mapping[str, Any]) -> str:
    """Page of a map.

    `body`: `map`, as CorpusMap.to_compact has it; `queries`, as PlacedQuery.to_json; `name`: of the index;
    `color`: shown first; `folder`: from the file's own folder to that of the paths, None for no links;
    `whole`: documents are files.
    """
    folder = files(__package__)
    script = script_of([*read_scripts(("elements",)), *map_scripts(), _own_script()])
    style = read_style() + map_style()
    data = json.dumps(body, separators=(",", ":")).replace("<", "\\u003c")
    html = folder.joinpath("index.html").read_text("utf-8")
    policy = POLICY.format(script=policy_source(script), style=policy_source(style))
    for tag, end, content in (
        ('<meta http-equiv="Content-Security-Policy" content="', '">', policy),
        ("<style>", "</style>", style),
        ('<script type="application/json" id="data">', "</script>", data),
        ("<script>", "</script>", script),
    ):
        html = html.replace(tag + end, tag + content + end, 1)
    return html


def _own_script() -> str:
    return files(__package__).joinpath("scripts", "file.js").read_text("utf-8")
