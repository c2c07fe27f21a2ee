"""The word index follows the analyzer: terms that another version made are made anew by the next writer."""

from __future__ import annotations

from pathlib import Path

from qembed.pipeline.lexical_index import open_lexical
from qembed.search import lexical
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from tests.pipeline.conftest import age, index


def test_an_older_index_answers_until_it_is_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text("refunds take five days")
    age(tmp_path / "docs")
    index(root, tmp_path / "docs")
    manifest = manifests.read(root)
    stamp = files.current(root, manifest, files.LEXICAL)
    assert stamp is not None
    assert stamp.extra == {"analyzer": lexical.VERSION}
    files.restamp(root, stamp, {})  # as version 1 left it
    made = (root / stamp.file).stat().st_ctime_ns
    assert open_lexical(root, manifest) is not None
    index(root)
    stamp = files.current(root, manifests.read(root), files.LEXICAL)
    assert stamp is not None
    assert stamp.extra == {"analyzer": lexical.VERSION}
    assert (root / stamp.file).stat().st_ctime_ns != made
    assert open_lexical(root, manifest) is not None
