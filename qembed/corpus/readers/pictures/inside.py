"""Pictures inside other files, each a document of its own that knows its place: `report.docx#image=2`.

Runs in the sandbox. A picture that a file shows several times is read once. One that cannot be opened, and
drawings of other formats (EMF, WMF, SVG), are named as left out; so is what is beyond the limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qembed.corpus.formats import PICTURES
from qembed.corpus.read_options import PAGES, PLACE
from qembed.corpus.readers.archive import Archive, resolve
from qembed.corpus.readers.converted import Converted, Image, Omitted
from qembed.corpus.readers.pictures.ocr import TextInPictures
from qembed.corpus.readers.pictures.opened import encoded, normalised, open_picture, open_pixels
from qembed.corpus.readers.pictures.shown import described
from qembed.corpus.readers.xhtml import to_html

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

    from qembed.corpus.readers.office.ooxml.package import Element, Package

MAX_PICTURES = 500
"""Pictures of one file that are read."""
MAX_ENCODED = 128 * 1024 * 1024
"""Characters of all pictures of one file."""
LEAST_SIDE = 16
"""Pixels of a side below which a picture inside a document is a bullet or a line."""
_CONTENT = ("p", "r", "body", "tc", "txbxContent", "spTree", "grpSp", "wgp")
"""Elements that hold other things beside a picture."""
_PAGES = (".xhtml", ".html", ".htm", ".xml")
PAGE_SIDE = 1024
"""Pixels of the longer side of a page that is drawn."""


class _Pictures:
    """Collects the pictures of one file, within the limits."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._with_place = PLACE in wanted
        self._reader = TextInPictures(wanted)
        self._seen: dict[str, None] = {}
        self._broken: set[str] = set()
        self._lost: list[Omitted] = []
        self._size = 0

    def add(
        self, data: bytes, name: str, caption: str, meta: dict[str, object]
    ) -> Converted | None:
        """The next picture; None for one that was there before, or is a mark rather than a picture.

        One that cannot be opened has a number, too: the others keep theirs when it is mended.
        """
        if len(self._seen) >= MAX_PICTURES or self._size > MAX_ENCODED:
            return Omitted("picture beyond the limit of one file")
        try:
            found = open_picture(data, self._with_place)
        except Exception as e:  # what Pillow raises for bad bytes is anything
            self._broken.add(name)
            return Omitted(f"picture {name}: {' '.join(str(e).split())[:200]}")
        if found.digest in self._seen:
            return None
        if min(found.meta["width"], found.meta["height"]) < LEAST_SIDE:
            return None
        self._seen[found.digest] = None
        self._lost += (Omitted(what) for what in found.lost)
        self._size += len(found.png)
        text = "\n".join(dict.fromkeys(filter(None, (caption, found.said))))
        end = f"#image={len(self._seen) + len(self._broken)}"
        written = self._reader.read(name, partial(open_pixels, data))
        return Image(end, text, "", {**found.meta, **meta}, found.png, found.digest, written)

    def left_out(self) -> Iterator[Omitted]:
        """Parts of the pictures that were not read."""
        yield from self._reader.left_out()
        yield from self._lost


def office_pictures(data: bytes, wanted: Sequence[str]) -> Iterator[Converted]:
    """Read the pictures of a Word document or a presentation, in the order of its parts."""
    from qembed.corpus.readers.office.ooxml.package import Package, attribute, descendants

    package = Package(data)
    pictures = _Pictures(wanted)
    for number, part in enumerate(_parts(package)):
        place: dict[str, object] = {"slide": number} if part != package.main and number else {}
        for e in descendants(package.xml(part), "blip", "imagedata"):
            key = attribute(e, "embed") or attribute(e, "id")
            target = package.target(part, key) if key else None
            if target is None:
                continue  # a link: nothing outside the file is read
            if not _is_picture(target):
                yield Omitted(f"picture {target}: not in a format that is read")
                continue
            found = pictures.add(package.read(target), target, _description(e), place)
            if found is not None:
                yield found
    yield from pictures.left_out()


def _parts(package: Package) -> list[str]:
    """Names of the parts that show pictures: the main one, then slides in their order."""
    from qembed.corpus.readers.office.ooxml.package import attribute, descendants

    root = package.xml(package.main)
    slides = [
        package.target(package.main, _relation(e, attribute(e, "id")))
        for e in descendants(root, "sldId")
    ]
    return [package.main, *(s for s in slides if s is not None)]


def _relation(element: Element, default: str) -> str:
    """The reference of a slide: `r:id`, beside an `id` of its own."""
    return next((str(v) for k, v in element.items() if k.endswith("}id")), default)


def _description(element: Element) -> str:
    """The text that stands for a picture: `descr` or `title` of the innermost element around it with one."""
    from qembed.corpus.readers.office.ooxml.package import attribute, descendants, name_of

    holder = element.getparent()
    while holder is not None and name_of(holder) not in _CONTENT:
        for e in descendants(holder, "docPr", "cNvPr"):
            if said := attribute(e, "descr") or attribute(e, "title"):
                return " ".join(said.split())
        holder = holder.getparent()
    return ""


def _is_picture(name: str) -> bool:
    return any(name.lower().endswith(ending) for ending in PICTURES)


def epub_pictures(data: bytes, wanted: Sequence[str]) -> Iterator[Converted]:
    """Read the pictures that the pages of a book show, in the order of the archive."""
    from selectolax.lexbor import LexborHTMLParser

    archive = Archive(data)
    pictures = _Pictures(wanted)
    for page in archive.names():
        if not page.lower().endswith(_PAGES):
            continue
        html = to_html(archive.read(page).decode("utf-8", "replace"))
        for source, caption in described(LexborHTMLParser(html)):
            name = "" if ":" in source else resolve(page, source)
            if name in archive and _is_picture(name):
                found = pictures.add(archive.read(name), name, caption, {})
                if found is not None:
                    yield found
    yield from pictures.left_out()


def pdf_pages(data: bytes, wanted: Sequence[str]) -> Iterator[Converted]:
    """Draw each page as a picture, if that is wanted."""
    if PAGES not in wanted:
        return
    import pypdfium2

    document, reader = pypdfium2.PdfDocument(data), TextInPictures(wanted)
    size = 0
    for n in range(1, len(document) + 1):
        if n > MAX_PICTURES or size > MAX_ENCODED:
            yield Omitted("page beyond the limit of pictures of one file", len(document) - n + 1)
            break
        try:
            page = document[n - 1]
            drawn = _drawn(page, PAGE_SIDE)
            words = page.get_textpage().get_text_bounded()
            # a page that has words says them itself
            written = "" if words.strip() else reader.read(f"page {n}", partial(_drawn, page))
            page.close()
        except pypdfium2.PdfiumError as e:
            yield Omitted(f"picture of page {n}: {e}")
            continue
        png, digest = encoded(normalised(drawn))
        size += len(png)
        meta = {"width": drawn.width, "height": drawn.height, "format": "PDF", "page": n}
        caption = " ".join(words.split())[:2000]
        yield Image(f"#page-image={n}", caption, "", meta, png, digest, written)
    yield from reader.left_out()


def _drawn(page: Any, side: int) -> Pixels:
    """A page as RGB, its longer side so many pixels."""
    drawn: Pixels = page.render(scale=side / max(*page.get_size(), 1)).to_pil().convert("RGB")
    return drawn
