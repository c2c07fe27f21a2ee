"""Packages of Office Open XML from raw XML: what no library writes, the smallest file that shows it."""

from __future__ import annotations

import io
import zipfile
from typing import NamedTuple

R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": W,
        "r": R,
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "wpg": "http://schemas.microsoft.com/office/word/2010/wordprocessingGroup",
        "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
        "w15": "http://schemas.microsoft.com/office/word/2012/wordml",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "a14": "http://schemas.microsoft.com/office/drawing/2010/main",
        "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "cx": "http://schemas.microsoft.com/office/drawing/2014/chartex",
        "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
        "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
        "s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "xdr": "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing",
        "v": "urn:schemas-microsoft-com:vml",
        "o": "urn:schemas-microsoft-com:office:office",
    }.items()
)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml."
PPTX = "application/vnd.openxmlformats-officedocument.presentationml."
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml."
DRAWING = "application/vnd.openxmlformats-officedocument.drawingml."


class Part(NamedTuple):
    """A part of a package. `type`: the last word of its relationship's; `parts`: those that it refers to."""

    name: str
    type: str
    data: str | bytes
    parts: dict[str, Part] = {}  # noqa: RUF012 - never changed
    content_type: str = "application/xml"
    external: bool = False


def rooted(tag: str, body: str, attributes: str = "") -> str:
    """An XML part with this root element, all prefixes declared."""
    return f'<?xml version="1.0"?><{tag} {NAMESPACES} {attributes}>{body}</{tag}>'


def package(*roots: Part, base: str = R) -> bytes:
    """The archive of parts that the package refers to, and of those that they refer to."""
    written: dict[str, bytes] = {}
    types: dict[str, str] = {}

    def add(part: Part) -> None:
        if part.external or part.name in written:
            return
        data = part.data.encode() if isinstance(part.data, str) else part.data
        written[part.name], types[part.name] = data, part.content_type
        if part.parts:
            folder, _, leaf = part.name.rpartition("/")
            written[f"{folder}/_rels/{leaf}.rels"] = relationships(part.parts).encode()
            for inner in part.parts.values():
                add(inner)

    def relationships(parts: dict[str, Part]) -> str:
        lines = (
            f'<Relationship Id="{key}" Type="{base}/{part.type}" '
            + (
                f'Target="{part.name}" TargetMode="External"/>'
                if part.external
                else f'Target="/{part.name}"/>'
            )
            for key, part in parts.items()
        )
        return f'<Relationships xmlns="{PACKAGE}relationships">{"".join(lines)}</Relationships>'

    for root in roots:
        add(root)
    written["_rels/.rels"] = relationships({f"r{n}": root for n, root in enumerate(roots)}).encode()
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in types.items()
    )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        )
        for name, data in written.items():
            z.writestr(name, data)
    return sink.getvalue()


# ── Word ─────────────────────────────────────────────────────────────────────────────────────────


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p>{properties}{run(text)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc><w:tcPr/>{cell}</w:tc>' for cell in cells)}</w:tr>"


def story(kind: str, tag: str, body: str, parts: dict[str, Part] | None = None) -> Part:
    """A part beside the document: `header`, `footnotes`, `comments`, `styles`, ..."""
    return Part(
        f"word/{kind}.xml", kind.rstrip("0123456789"), rooted(tag, body), parts or {},
        f"{DOCX}{kind.rstrip('0123456789')}+xml",
    )  # fmt: skip


def docx(body: str, **parts: Part) -> bytes:
    """A document of this content; it refers to each part by its keyword."""
    main = Part(
        "word/document.xml", "officeDocument", rooted("w:document", f"<w:body>{body}</w:body>"), parts,
        f"{DOCX}document.main+xml",
    )  # fmt: skip
    return package(main)


# ── PowerPoint ───────────────────────────────────────────────────────────────────────────────────


def body(*lines: str) -> str:
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return f"<p:txBody><a:bodyPr/>{paragraphs}</p:txBody>"


def sp(text: str, placeholder: str | None = None, about: str = "") -> str:
    """A shape with this text body; `placeholder`: the type of the one that it fills."""
    ph = "" if placeholder is None else f'<p:ph type="{placeholder}"/>'
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="n" {about}/><p:cNvSpPr/><p:nvPr>{ph}</p:nvPr></p:nvSpPr>'
        f"<p:spPr/>{text}</p:sp>"
    )


def frame(inner: str) -> str:
    """A frame around a table, chart, diagram or embedded object."""
    about = '<p:nvGraphicFramePr><p:cNvPr id="3" name="f"/></p:nvGraphicFramePr>'
    data = f"<a:graphic><a:graphicData>{inner}</a:graphicData></a:graphic>"
    return f"<p:graphicFrame>{about}{data}</p:graphicFrame>"


def tree(inner: str) -> str:
    return f"<p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/>{inner}</p:spTree></p:cSld>"


def slide(number: int, inner: str, attributes: str = "", **parts: Part) -> Part:
    return Part(
        f"ppt/slides/slide{number}.xml", "slide", rooted("p:sld", tree(inner), attributes), parts,
        f"{PPTX}slide+xml",
    )  # fmt: skip


def pptx(*slides: Part, **parts: Part) -> bytes:
    """A presentation of these slides."""
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="s{n}"/>' for n in range(len(slides)))
    main = Part(
        "ppt/presentation.xml", "officeDocument", rooted("p:presentation", f"<p:sldIdLst>{ids}</p:sldIdLst>"),
        {**{f"s{n}": part for n, part in enumerate(slides)}, **parts}, f"{PPTX}presentation.main+xml",
    )  # fmt: skip
    return package(main)


# ── Excel ────────────────────────────────────────────────────────────────────────────────────────


def sheet(number: int, rows: str, after: str = "", **parts: Part) -> Part:
    """A sheet of these rows; `after`: what stands behind them."""
    data = (
        f'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'{NAMESPACES}><dimension ref="A1"/><sheetData>{rows}</sheetData>{after}</worksheet>'
    )
    return Part(
        f"xl/worksheets/sheet{number}.xml", "worksheet", data, parts, f"{XLSX}worksheet+xml"
    )


def xlsx(
    *sheets: Part, states: dict[int, str] | None = None, properties: str = "", **parts: Part
) -> bytes:
    """A workbook of these sheets, named S1, S2, ...; `states`: of hidden ones by number."""
    names = "".join(
        f'<s:sheet name="S{n}" sheetId="{n}" state="{(states or {}).get(n, "visible")}" r:id="w{n}"/>'
        for n in range(1, len(sheets) + 1)
    )
    book = rooted("s:workbook", f"{properties}<s:sheets>{names}</s:sheets>")
    main = Part(
        "xl/workbook.xml", "officeDocument", book,
        {**{f"w{n}": part for n, part in enumerate(sheets, 1)}, **parts}, f"{XLSX}sheet.main+xml",
    )  # fmt: skip
    return package(main)
