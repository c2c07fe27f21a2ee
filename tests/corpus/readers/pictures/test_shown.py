"""Pictures that a page shows: what is a file of its source is not told as left out."""

from __future__ import annotations

from pathlib import Path

from qembed.corpus import ReadOptions, read
from qembed.types import LeftOut, SourceFile

PAGE = """<p>The black forest in autumn, seen from the road to the mill.</p>
<img src="../pics/a%20forest.jpg?v=2" alt="the black forest">
<img src="mill.png" alt="the mill"><img src="gone.png" alt="gone">
<img src="http://127.0.0.1:1/mill.png" alt="elsewhere"><img src="/pics/a%20forest.jpg" alt="rooted">
<img src="../../outside.png" alt="outside"><img src="words.txt" alt="words">
<img src="data:image/png;base64,AAAA" alt="inside"><img src="mill.png">
"""


def test_pictures_of_the_source_are_not_left_out(tmp_path: Path) -> None:
    root = tmp_path / "site"
    for name in ("pics/a forest.jpg", "pages/mill.png", "pages/words.txt", "../outside.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    page = root / "pages" / "page.html"
    page.write_text(PAGE)
    file = SourceFile(str(root), "pages/page.html", str(page), page.stat().st_size, 1)

    def left_out(options: ReadOptions) -> dict[str, int]:
        return {i.what: i.count for i in read(file, options) if isinstance(i, LeftOut)}

    others = ("gone", "elsewhere", "rooted", "outside", "words", "inside")
    assert left_out(ReadOptions(pictures=())) == {f"picture: {name}": 1 for name in others}
    every = (*others, "the black forest", "the mill", "mill.png")
    assert left_out(ReadOptions()) == {f"picture: {name}": 1 for name in every}
