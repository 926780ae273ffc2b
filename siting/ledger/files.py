"""What a file handed in as evidence is, by its content; where and when a photo was taken.

Nothing is expanded or drawn: of an archive the list of names is read, of a picture its head.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from siting.errors import BadInput

#: Kind of file -> media type under which it is handed out.
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "pdf": "application/pdf",
        "jpg": "image/jpeg",
        "png": "image/png",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ofd": "application/ofd",
    }
)
PHOTOS = ("jpg", "png")
_HEADS = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))
_MEMBERS = (("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"), ("ofd.xml", "ofd"))
_MACROS = "vbaproject.bin"
# Six decimals of a degree are about a decimetre.
DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Where and when a photo was taken, as its camera wrote; empty where it did not.

    Parameters
    ----------
    lon_deg, lat_deg : str
        WGS 84, as text.
    taken_at : str
        Camera time as ISO text, with its offset where the camera knew it.
    """

    lon_deg: str = ""
    lat_deg: str = ""
    taken_at: str = ""


def sniff(data: bytes, *, name: str, max_mb: int) -> str:
    """Kind of an attachment, by its content; the name is only repeated in the message.

    Returns
    -------
    str
        One of `TYPES`.

    Raises
    ------
    BadInput
        If it is empty, larger than ``max_mb``, of another kind, broken, or carries macros.
    """
    if not data:
        raise BadInput("case.file.empty", name=name)
    if len(data) > max_mb * 2**20:
        raise BadInput("case.file.size", name=name, found_mb=round(len(data) / 2**20, 1), max_mb=max_mb)
    found = next((kind for head, kind in _HEADS if data.startswith(head)), "") or _packed(data)
    if not found:
        raise BadInput("case.file.kind", name=name, known=", ".join(TYPES))
    if found in PHOTOS:
        _picture(data, name).close()
    return found


def taken(data: bytes, *, name: str) -> Taken:
    """Place and time that a photo's camera recorded; empty for a picture that says neither.

    Raises
    ------
    BadInput
        If the picture is broken.
    """
    with _picture(data, name) as picture:
        head = picture.getexif()
        place, camera = head.get_ifd(IFD.GPSInfo), head.get_ifd(IFD.Exif)
    lat = _degrees(place.get(GPS.GPSLatitude), place.get(GPS.GPSLatitudeRef), limit=90)
    lon = _degrees(place.get(GPS.GPSLongitude), place.get(GPS.GPSLongitudeRef), limit=180)
    time = _time(camera.get(Base.DateTimeOriginal) or head.get(Base.DateTime), camera.get(Base.OffsetTimeOriginal))
    return Taken(lon_deg=lon if lat else "", lat_deg=lat if lon else "", taken_at=time)


def _packed(data: bytes) -> str:
    """Kind of a packed document by the names in it; a workbook or letter with macros is none."""
    if not data.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {name.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ""
    if any(name.endswith(_MACROS) for name in names):
        return ""
    return next((kind for member, kind in _MEMBERS if member in names), "")


def _picture(data: bytes, name: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput("case.file.broken", name=name) from error


def _degrees(parts: object, side: object, *, limit: int) -> str:
    """Degrees, minutes and seconds with their side as signed decimal degrees; empty for what is no place."""
    if not isinstance(parts, Sequence) or len(parts) != 3 or side not in {"N", "S", "E", "W"}:  # noqa: PLR2004 - deg, min, s
        return ""
    try:
        whole, minutes, seconds = (Fraction(str(part)) for part in parts)
    except (ValueError, ZeroDivisionError):
        return ""
    value = whole + minutes / 60 + seconds / 3600
    if value > limit:
        return ""
    return f"{'-' if side in {'S', 'W'} else ''}{float(value):.{DECIMALS}f}"


def _time(text: object, offset: object) -> str:
    """Camera time ``2026:10:01 12:00:00`` as ISO text; empty for what is no time."""
    day, _, clock = str(text or "").partition(" ")
    try:
        return datetime.fromisoformat(f"{day.replace(':', '-')}T{clock}{offset or ''}").isoformat()
    except ValueError:
        return ""
