"""The first gate: how large, what it really is, and parsing where it can do no harm."""

import dataclasses
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from siting.assets import raw as raw_tables
from siting.assets.raw import Limits, Raw
from siting.errors import BadInput

KINDS = ("geojson", "gpkg", "shapefile", "csv", "xlsx")
_SQLITE = b"SQLite format 3\x00"
_ZIP = b"PK\x03\x04"
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 4096
_SMALL_BYTES = 10 * 2**20
_ENCRYPTED = 0x1
# All that the parsing process inherits; one thread, or it could not leave the network.
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.defpath,
        "PROJ_NETWORK": "OFF",
    }
)


def sniff(data: bytes, *, limits: Limits) -> str:
    """What kind of file this is, by content; the name says nothing.

    Returns
    -------
    str
        One of `KINDS`.

    Raises
    ------
    BadInput
        If it is empty, too large, or anything else: XML (VRT, WFS, KML), archives without a known
        content, binaries, lists.
    """
    if not data.strip():
        raise BadInput("assets.gate.empty")
    if len(data) > limits.max_bytes:
        raise BadInput("assets.gate.size", found_mb=round(len(data) / 2**20, 1), max_mb=limits.max_bytes // 2**20)
    if data.startswith(_SQLITE):
        return "gpkg"
    if data.startswith(_ZIP):
        return _sniff_zip(data, limits)
    return _sniff_text(data)


def _sniff_text(data: bytes) -> str:
    head = data[:_HEAD_BYTES]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\x00" in head and not wide:
        raise BadInput("assets.gate.binary", head=head[:8].hex())
    for mark in _TEXT_MARKS:
        head = head.removeprefix(mark)
    start = head.replace(b"\x00", b"").lstrip()
    if start.startswith(b"<"):
        raise BadInput("assets.gate.xml", head=start[:60].decode("ascii", "backslashreplace"))
    if start.startswith((b"[", b"%PDF")):
        raise BadInput("assets.gate.binary", head=start[:8].decode("ascii", "backslashreplace"))
    return "geojson" if start.startswith(b"{") else "csv"


def _sniff_zip(data: bytes, limits: Limits) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadInput("assets.gate.broken", kind="zip", reason=str(error)) from error
    _refuse_bomb(members, len(data), limits)
    for member in members:
        _refuse_member(member)
    names = {m.filename.lower() for m in members}
    if {"[content_types].xml", "xl/workbook.xml"} <= names:
        return "xlsx"
    if any(name.endswith(".shp") for name in names):
        return "shapefile"
    raise BadInput("assets.gate.zip_content", names=", ".join(sorted(names)[:10]))


def _refuse_bomb(members: list[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    expanded = sum(m.file_size for m in members)
    if len(members) > limits.max_entries:
        raise BadInput("assets.gate.entries", found=len(members), allowed=limits.max_entries)
    if expanded > limits.max_expanded_bytes or (expanded > _SMALL_BYTES and expanded > limits.max_ratio * packed):
        raise BadInput("assets.gate.expansion", expanded_mb=expanded // 2**20, packed_mb=round(packed / 2**20, 2))


def _refuse_member(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    linked = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or ":" in member.filename or linked or member.flag_bits & _ENCRYPTED:
        raise BadInput("assets.gate.member", name=member.filename[:200])


def open_file(data: bytes, *, sheet: str | None = None, limits: Limits | None = None) -> Raw:
    """Let a file through the gate and parse it in a process of its own.

    Parameters
    ----------
    data : bytes
        The file.
    sheet : str, optional
        Sheet of a spreadsheet, layer of a GeoPackage, member of a zip.
    limits : Limits, optional
        Caps; the process has no network where the system allows, and dies at its limits.

    Raises
    ------
    BadInput
        With what is wrong and what to do; the parent process survives whatever the file does.
    """
    caps = limits or Limits()
    request = {"kind": sniff(data, limits=caps), "sheet": sheet, "limits": dataclasses.asdict(caps)}
    command = [sys.executable, "-m", "siting.assets.child", json.dumps(request)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            command, input=data, capture_output=True, timeout=caps.max_seconds, env=dict(ENVIRONMENT), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput("assets.gate.time", seconds=caps.max_seconds) from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        raise BadInput(
            "assets.gate.died", kind=request["kind"], reason=lines[-1][:200] if lines else f"signal {-done.returncode}"
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise BadInput(answer["error"], **answer["values"])
    return raw_tables.load(answer)
