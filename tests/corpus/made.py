"""Files of binary formats, made here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def pdf(pages: list[str], title: str = "") -> bytes:
    """A PDF by hand: what a page shows is a stream of operators between two names."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids = []
    for page in pages:
        stream = f"BT /F1 12 Tf 72 700 Td ({page}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< /Title ({title}) >>")
    return pdf_file(objects, info=len(objects))


def pdf_file(objects: list[str], info: int | None = None) -> bytes:
    """A PDF of these objects; the first is its catalog, `info` the number of the one that describes it."""
    out, places = b"%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{n} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{p:010} 00000 n \n" for p in places)
    n = len(objects) + 1
    about = "" if info is None else f" /Info {info} 0 R"
    end = f"trailer << /Size {n} /Root 1 0 R{about} >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {n}\n0000000000 65535 f \n{table}{end}".encode()


def saved(thing: Any) -> bytes:
    sink = io.BytesIO()
    thing.save(sink)
    return sink.getvalue()


def docx(fill: Callable[[Any], None]) -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.author = "Ann"
    fill(document)
    return saved(document)


def pptx(slides: list[tuple[str, str]]) -> bytes:
    from pptx import Presentation

    deck = Presentation()
    for title, body in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    return saved(deck)


def xlsx(sheets: dict[str, list[list[Any]]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(book)


def epub(title: str, chapters: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as z:
        z.writestr("mimetype", "application/epub+zip")
        z.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="OPS/p.opf"/></rootfiles></container>',
        )
        items = "".join(f'<item id="{n}" href="{n}"/>' for n in chapters)
        spine = "".join(f'<itemref idref="{n}"/>' for n in chapters)
        z.writestr(
            "OPS/p.opf",
            f"<package><metadata><dc:title>{title}</dc:title></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
        )
        for name, body in chapters.items():
            if not name.startswith(".."):
                z.writestr(f"OPS/{name}", f"<html><body>{body}</body></html>")
    return sink.getvalue()
