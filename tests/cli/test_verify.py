"""qembed verify and what mends what it finds."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Filled, Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def big(filled: Filled) -> Shell:
    """Three shards: two folders indexed one after the other, and records."""

    def index(shell: Shell) -> None:
        for i in range(30):
            shell.write(f"docs/d{i}.md", f"# Doc {i}\n\nalpha {i} beta {i % 7}\n")
            shell.write(f"more/m{i}.txt", f"gamma {i} delta {i % 5}\n")
        shell.write(
            "r.jsonl", "".join(f'{{"_id": "r{i}", "text": "epsilon {i}"}}\n' for i in range(30))
        )
        shell.old()
        for path in ("docs", "more", "r.jsonl"):
            assert shell("index", path).code == 0

    return filled(index)


def flip(path: Path, at: float = 0.5) -> None:
    with path.open("r+b") as f:
        f.seek(int(path.stat().st_size * at))
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 0x10]))


Answers = list[tuple[str, float]]


def answers(shell: Shell) -> Answers:
    out = []
    for query in ("alpha 3", "gamma delta 2", "epsilon 7"):
        hits = shell("query", query, "--format", "jsonl", "--search", "exact").lines
        out += [(h["document"], round(h["score"], 5)) for h in hits]
    return out


_before: Answers = []


@pytest.fixture
def before(big: Shell) -> Answers:
    """The answers of `big`, which is the same for every test: asked for once."""
    if not _before:
        _before.extend(answers(big))
    return _before


def test_a_good_index(big: Shell) -> None:
    done = big("verify")
    assert (done.code, done.out) == (0, "ok\n")
    assert big("verify", "--format", "json").json["ok"] is True


@pytest.mark.parametrize(
    ("harm", "kind", "lost"),
    [
        (lambda p: flip(p), "shard", 30),
        (lambda p: os.truncate(p, p.stat().st_size // 2), "shard", 30),
        (lambda p: p.unlink(), "shard", 30),
    ],
)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_shard_costs_just_its_documents(
    big: Shell, before: Answers, harm: Callable[[Path], None], kind: str, lost: int, which: int
) -> None:
    harm(sorted((big.folder / ".qembed/shards").iterdir())[which])
    done = big("verify", "--format", "json")
    assert done.code == 2
    finding = done.json["findings"][0]
    assert finding["kind"] == kind
    assert len(finding["documents"]) == lost
    assert len(finding["paths"]) == (1 if which == 2 else lost)
    assert all(Path(path).is_file() for path in finding["paths"])
    assert finding["mend"] == "qembed index --repair"
    mended = big("index", "--repair", "--format", "json")
    assert mended.code == 0, mended.err
    assert mended.json["passages"]["encoded"] == lost
    assert f" … and {lost - 10} more" in mended.err or lost <= 10
    assert big("verify").code == 0
    assert answers(big) == before


def test_a_damaged_shard_of_old_passages_alone(shell: Shell) -> None:
    for i in range(4):
        shell.write(f"docs/d{i}.md", f"alpha {i}")
    assert shell("index", "docs").code == 0
    for i in range(4):
        shell.write(f"docs/d{i}.md", f"beta {i}")
    assert shell("index").code == 0
    flip(sorted((shell.folder / ".qembed/shards").iterdir())[0])
    told = shell("verify")
    assert told.code == 2
    assert "rows 0 to 3, none of them in use any more; no document is lost" in told.out
    mended = shell("index", "--repair")
    assert mended.code == 0, mended.err
    assert "damaged shards held nothing that is still in the index, and are gone" in mended.err
    assert shell("verify").code == 0
    assert len(shell("query", "beta", "--format", "jsonl").lines) == 4
    flip(sorted((shell.folder / ".qembed/shards").iterdir())[-1])
    assert "\n    docs/d0.md\n    docs/d1.md\n" in shell("verify").out


@pytest.mark.parametrize("harm", [flip, lambda p: os.truncate(p, 99), lambda p: p.unlink()])
def test_a_damaged_documents_file_costs_no_encoding(
    big: Shell, before: Answers, harm: Callable[[Path], None]
) -> None:
    harm(max((big.folder / ".qembed").glob("documents-*")))
    assert big("verify").code == 2
    mended = big("index", "--repair", "--format", "json")
    assert mended.code == 0, mended.err
    assert mended.json["passages"]["encoded"] == 0
    assert mended.json["documents"]["added"] == 90
    assert big("verify").code == 0
    # the statistics of words count the dead rows until the next compaction
    after = answers(big)
    assert [d for d, _ in after] == [d for d, _ in before]
    assert [s for _, s in after] == pytest.approx([s for _, s in before], abs=0.01)


@pytest.mark.parametrize("ending", ["idx", "term", "pos"])
def test_a_damaged_lexical_index_is_not_used_and_made_anew(
    big: Shell, before: Answers, ending: str
) -> None:
    folder = next((big.folder / ".qembed/derived").glob("lexical-*/"))
    flip(max(folder.glob(f"*.{ending}")))
    words = big("query", "alpha 3", "--format", "jsonl")
    assert words.code == 0
    assert big("query", "alpha 3", "--mode", "lexical").code == 2
    found = big("verify")
    assert found.code == 2
    assert "lexical" in found.out
    assert big("index", "--repair").code == 0
    assert big("verify").code == 0
    assert answers(big) == before


def test_a_damaged_graph_is_not_loaded_and_made_anew(big: Shell, before: Answers) -> None:
    graph = next((big.folder / ".qembed/derived").glob("graph*.bin"))
    flip(graph)
    done = big("query", "alpha 3", "--search", "graph", "--format", "jsonl", "--explain")
    assert done.code == 0
    assert "the graph is damaged" in done.err
    assert "graph" in big("verify").out
    assert big("index", "--repair").code == 0
    assert big("verify").code == 0
    assert answers(big) == before


@pytest.mark.parametrize("kind", ["graph", "vectors"])
@pytest.mark.parametrize("what", ["json", "bin"])
@pytest.mark.parametrize("harm", [flip, lambda p: os.truncate(p, 20), lambda p: p.unlink()])
def test_lost_derived_files_cost_no_answer(
    big: Shell, before: Answers, kind: str, what: str, harm: Callable[[Path], None]
) -> None:
    harm(next((big.folder / ".qembed/derived").glob(f"{kind}*.{what}")))
    if (kind, what, harm) != ("vectors", "bin", flip):
        assert answers(big) == before
    assert big("index", "--repair").code == 0
    assert big("verify").code == 0
    assert answers(big) == before


def test_a_damaged_manifest_says_what_to_do(big: Shell) -> None:
    flip(big.folder / ".qembed/manifest.json")
    for command in (["verify"], ["query", "x"], ["index"], ["status"]):
        done = big(*command)
        assert done.code == 2, command
        assert "manifest.json is damaged" in done.err


def test_a_model_that_changed_under_its_name(big: Shell) -> None:
    """Same name, version and width, other vectors: only the golden probe can tell."""
    big.write(
        "sly.py",
        "import os\nfrom tests.encoders import Bag, OtherBag\n"
        "class Sly(OtherBag if os.environ.get('SLY') else Bag):\n    name, version = 'sly', '1'\n"
        "def sly():\n    return Sly()\n",
    )
    root = ["--index", "sly.qembed"]
    assert big.process("index", "docs", "--model", "py:sly:sly", *root).code == 0
    assert big.process("verify", *root).code == 0
    done = big.process("verify", *root, SLY="1")
    assert done.code == 2
    assert "probe" in done.out
    assert "qembed index --rebuild" in done.out
    big.write("docs/new.md", "something new")
    refused = big.process("index", *root, SLY="1")
    assert refused.code == 2
    assert "other vectors" in refused.err


def test_a_source_that_no_longer_matches_its_digest(docs: Shell) -> None:
    assert docs("verify", "--no-model").out == "ok\n"
    path = docs.folder / "docs/refunds.md"
    path.write_text(path.read_text().replace("five", "nine"))
    done = docs("verify", "--no-model", "--format", "json")
    (finding,) = done.json["findings"]
    assert (finding["kind"], finding["documents"]) == ("sources", ["refunds.md"])
    assert finding["mend"] == "qembed index --verify-content"
    docs("index", "--verify-content")
    assert docs("verify", "--no-model").out == "ok\n"


def findings(shell: Shell) -> list[tuple[str, list[str], str]]:
    """What each finding says of sources, the names in it, and what mends it."""
    done = shell("verify", "--no-model", "--format", "json")
    found = done.json["findings"]
    assert done.code == (2 if found else 0)
    assert all(f["kind"] == "sources" for f in found)
    return [(f["what"], f["documents"], f["mend"]) for f in found]


def test_sources_and_files_open_from_where_one_stands(docs: Shell) -> None:
    docs.write("one.txt", "one")
    assert docs("index", "one.txt").code == 0
    (docs.folder / "docs/deep/locks.txt").unlink()
    stored, place = {"docs", "one.txt"}, str(docs.folder / "docs/deep/locks.txt")
    for folder, shown, gone in (
        (docs.folder, "docs, one.txt", "docs/deep/locks.txt"),
        (docs.folder / "docs", f"{docs.folder}/docs, {docs.folder}/one.txt", "deep/locks.txt"),
        (docs.folder.parent, "work/docs, work/one.txt", "work/docs/deep/locks.txt"),
    ):
        here = Shell(folder)
        root = str(docs.folder / ".qembed")
        status = here("status", "--index", root)
        assert f"sources     {shown}\n" in status.out
        body = here("status", "--index", root, "--format", "json").json
        assert {*body["sources"]} == stored
        assert body["source_paths"] == {name: str(docs.folder / name) for name in stored}
        config = here("config", "--index", root).out
        assert re.search(rf"^sources +{re.escape(shown)} ", config, re.M), config
        assert f"    {gone}\n" in here("verify", "--no-model", "--index", root).out
        found = here("verify", "--no-model", "--index", root, "--format", "json").json["findings"]
        assert [(f["documents"], f["paths"]) for f in found] == [(["deep/locks.txt"], [place])]
    (docs.folder / "one.txt").unlink()
    gone = Shell(docs.folder / "docs")("index").err
    assert f"qembed: {docs.folder}/one.txt: the source is gone" in gone


def test_files_and_sources_that_are_gone(docs: Shell) -> None:
    docs.write("more/a.txt", "alpha")
    docs.write("one.txt", "one")
    docs.write("bad.jsonl", '{"text": "fine"}\n{\n')
    docs.write("page.ipynb", '{"cells": [{"cell_type": "markdown", "source": "words"}]}')
    docs.old()
    assert docs("index", "more", "one.txt", "page.ipynb").code == 0
    assert docs("index", "bad.jsonl").code == 4
    assert findings(docs) == []  # the broken record was named by the run
    (docs.folder / "docs/refunds.md").unlink()
    docs.write("page.ipynb", "no JSON")
    assert findings(docs) == [
        ("1 file is gone", ["refunds.md"], "qembed index"),
        (
            "1 file is not readable any more",
            ["page.ipynb: not a notebook: not JSON (Expecting value: line 1 column 1 (char 0))"],
            "qembed index --verify-content",
        ),
    ]
    docs.write("page.ipynb", '{"cells": [{"cell_type": "markdown", "source": "words"}]}')
    assert docs("index").code == 4
    assert findings(docs) == []
    (docs.folder / "more/a.txt").unlink()
    (docs.folder / "more").rmdir()
    (docs.folder / "one.txt").unlink()
    mend = "bring it back, or qembed index --allow-missing"
    assert findings(docs) == [("2 sources are gone", ["more", "one.txt"], mend)]
    assert docs("index", "--allow-missing").code == 4
    assert findings(docs) == []


@pytest.mark.parametrize("how", ["emptied", "gone", "shorter", "changed"])
def test_the_mend_confirms_what_the_refresh_would_ask(shell: Shell, how: str) -> None:
    lines = [f'{{"_id": "m{i}", "text": "note {i}"}}\n' for i in range(30)]
    file = shell.write("d/big.jsonl", "".join(lines))
    shell.write("d/a.md", "a page")
    shell.old()
    assert shell("index", "d").code == 0
    if how == "gone":
        file.unlink()
    else:
        kept = {"emptied": [], "shorter": lines[:9], "changed": [x.upper() for x in lines]}[how]
        file.write_text("".join(kept).replace("_ID", "_id").replace("TEXT", "text"))
    ((_, _, mend),) = findings(shell)
    assert mend.endswith(" --yes") == (how != "changed")
    assert shell(*shlex.split(mend)[1:]).code == 0
    assert findings(shell) == []
