"""Facts beside the pixels of a picture's file: when and, if asked, where it was taken; a description."""

from __future__ import annotations

import contextlib
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

_TURNED = (5, 6, 7, 8)
"""Orientations that exchange width and height."""
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_CAMERAS_OWN = re.compile(
    r"(olympus|sony|samsung|minolta)? ?(digital camera|dsc)?\s*$", re.IGNORECASE
)
"""Descriptions that a camera writes by itself."""
MAX_SAID = 10_000
"""Characters of a description."""


class ExifFacts(NamedTuple):
    """`meta`: metadata of the document. `said`: description. `is_turned`: shown on its side.

    `is_damaged`: some of the EXIF could not be read.
    """

    meta: dict[str, Any]
    said: str
    is_turned: bool
    is_damaged: bool


def orientation(found: Image) -> int:
    """Orientation by EXIF, 1 to 8; 1 where that cannot be read."""
    from PIL import ExifTags

    try:
        value = found.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as in exif_facts
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exif_facts(found: Image, with_place: bool = False) -> ExifFacts:
    """Facts of an opened picture; those that cannot be read are left out."""
    from PIL import ExifTags
    from PIL import Image as images

    meta: dict[str, Any] = {}
    said, is_damaged = "", False
    for key in ("Description", "Title", "comment"):
        value = found.info.get(key)
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        said = said or (str(text) if isinstance(text, str) else "")
    # of a broken block anything may be raised; the picture is worth more
    try:
        exif = found.getexif()
        if not exif and (block := found.info.get("exif")):
            # Pillow has looked at it before, and is silent the second time
            images.Exif().load(block)
        own = exif.get(ExifTags.Base.ImageDescription)
        if isinstance(own, str) and not _CAMERAS_OWN.match(own.strip("\0 ")):
            said = own
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        times = inner.get(ExifTags.Base.DateTimeOriginal), exif.get(ExifTags.Base.DateTime)
        if taken := next(filter(None, map(_time, times)), None):
            meta["taken"] = taken
        if with_place and (place := _place(exif.get_ifd(ExifTags.IFD.GPSInfo))):
            meta["latitude"], meta["longitude"] = place
    except Exception:
        is_damaged = True
    said = " ".join(said.replace("\0", " ").split())[:MAX_SAID]
    return ExifFacts(meta, said, orientation(found) in _TURNED, is_damaged)


def _time(value: Any) -> str | None:
    """Time of EXIF in ISO 8601; None for what is no date, as the zeros of a clock that was not set."""
    if found := _TIME.match(str(value)):
        with contextlib.suppress(ValueError):
            return datetime(*map(int, found.groups())).isoformat()  # type: ignore[arg-type]
    return None


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    """(latitude, longitude) in degrees, south and west negative; None if the block has no valid ones."""
    from PIL import ExifTags

    tags = ExifTags.GPS
    latitude = _degrees(gps.get(tags.GPSLatitude), gps.get(tags.GPSLatitudeRef) == "S")
    longitude = _degrees(gps.get(tags.GPSLongitude), gps.get(tags.GPSLongitudeRef) == "W")
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _degrees(parts: Any, is_negative: bool) -> float:
    try:
        degrees, minutes, seconds = (float(p) for p in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return math.nan
    found = degrees + minutes / 60 + seconds / 3600
    return round(-found if is_negative else found, 6)
