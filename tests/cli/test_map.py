"""`qembed map` as a shell sees it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


def test_a_page_and_json(docs: Shell) -> None:
    done = docs("map", "--out", "map.html", "--query", "money", "--color", "folder")
    assert done.code == 0, done.err
    assert "wrote map.html: 3 documents, pca" in done.err
    page = (docs.folder / "map.html").read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    body = json.loads(found[1])
    assert (body["name"], body["folder"], body["whole"]) == ("work", ".", True)
    assert body["color"] == "folder"
    assert body["map"]["ids"] == ["deep/locks.txt", "parcels.md", "refunds.md"]
    assert body["queries"][0]["hits"][0]["point"] == 2
    plain = docs("map", "--format", "json", "--query", "money", "--color", "source")
    assert "--color source: no values that differ (there are cluster, folder, suffix" in plain.err
    assert plain.json["queries"][0]["hits"][0]["path"] == "docs/refunds.md"
    assert plain.json["clusters"][0]["size"] == 3
    assert docs("map", "--out", "map.json").code == 0
    assert json.loads((docs.folder / "map.json").read_text())["shown"] == 3


def test_a_map_of_passages_and_of_a_filter(docs: Shell) -> None:
    done = docs("map", "--format", "json", "--by", "passage", "--where", "suffix = '.md'", "-q")
    assert done.err == ""
    assert [p["passage"] for p in done.json["points"]] == [0, 0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "give --out map.html, or --format json for stdout"),
        (("--out", "map.txt"), "a map is written as .html or .json, not map.txt"),
        (("--out", "map.json", "--format", "html"), "one of them is meant"),
        (("--out", "none/map.html"), "cannot write none/map.html"),
        (("--out", "map.html", "--color", "nope"), "--color nope: no values that differ"),
        (("--out", "map.html", "--limit", "0"), "--limit 0: at least 1"),
        (("--out", "map.html", "--method", "umap"), "--method"),
    ],
)
def test_what_cannot_be(docs: Shell, args: tuple[str, ...], message: str) -> None:
    done = docs("map", *args)
    assert done.code == 2
    assert message in done.err
    assert not list(Path(docs.folder).glob("map.*"))
