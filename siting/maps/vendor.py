"""Leaflet's own files, read from the locked wheel that carries them; nothing third-party is kept in the repository."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib.resources import files

FILES = ("leaflet.js", "leaflet.css", "images/layers.png", "images/layers-2x.png", "images/marker-icon.png",
    "images/marker-icon-2x.png", "images/marker-shadow.png")  # fmt: skip
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
_IMAGE = re.compile(r"url\((images/[\w-]+\.png)\)")


@cache
def read(name: str) -> bytes:
    """One of Leaflet's files.

    Parameters
    ----------
    name : str
        One of `FILES`.

    Raises
    ------
    KeyError
        If it is any other name.
    """
    if name not in FILES:
        raise KeyError(name)
    path = files("js_lib_leaflet").joinpath("static", "js_lib_leaflet", *name.split("/"))
    data = path.read_bytes()
    return _SOURCE_MAP.sub("", data.decode()).encode() if name.endswith(".js") else data


@cache
def stylesheet_inline() -> str:
    """Leaflet's style sheet with its pictures inside, for a file that opens anywhere."""

    def embedded(match: re.Match[str]) -> str:
        return f"url(data:image/png;base64,{base64.b64encode(read(match[1])).decode()})"

    return _IMAGE.sub(embedded, read("leaflet.css").decode())
