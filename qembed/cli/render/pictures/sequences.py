"""Pictures as what a terminal draws. None of them makes a terminal answer."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

KITTY_CHUNK = 4096
"""Characters of base64 in one message of kitty's protocol."""
SIXEL_COLOURS = 64
_RUN = re.compile(r"(.)\1{3,}")


def kitty(picture: Image, columns: int, rows: int) -> str:
    """Sequence of kitty's protocol: PNG, scaled to cells, the cursor stays, no answer (q=2)."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    parts = [data[i : i + KITTY_CHUNK] for i in range(0, len(data), KITTY_CHUNK)]
    keys = f"a=T,f=100,q=2,C=1,c={columns},r={rows},"
    messages = []
    for n, part in enumerate(parts, 1):
        messages.append(f"\x1b_G{keys}m={int(n < len(parts))};{part}\x1b\\")
        keys = "q=2,"
    return "".join(messages)


def iterm2(jpeg: bytes, columns: int, rows: int) -> str:
    """Sequence of iTerm2's protocol: the file as it is, scaled to cells."""
    data = base64.b64encode(jpeg).decode("ascii")
    keys = f"inline=1;size={len(jpeg)};width={columns};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File={keys}:{data}\x07"


def sixel(picture: Image) -> str:
    """Picture as sixels: bands of six rows, in each a line of every colour, runs counted."""
    import numpy as np

    indexed = picture.quantize(SIXEL_COLOURS)
    pixels, palette = np.asarray(indexed), indexed.getpalette() or []
    height, width = pixels.shape
    parts = [f'\x1bP0;1q"1;1;{width};{height}']
    for n in np.unique(pixels).tolist():
        red, green, blue = (round(v / 255 * 100) for v in palette[3 * n : 3 * n + 3])
        parts.append(f"#{n};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        weights = (1 << np.arange(len(band)))[:, None]
        lines = []
        for n in np.unique(band).tolist():
            bits = ((band == n) * weights).sum(axis=0) + 63
            line = bits.astype(np.uint8).tobytes().decode("ascii")
            lines.append(f"#{n}" + _RUN.sub(lambda m: f"!{len(m[0])}{m[1]}", line))
        parts.append("$".join(lines) + "-")
    return "".join(parts) + "\x1b\\"
