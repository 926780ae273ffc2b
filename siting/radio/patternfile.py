"""Measured antenna patterns from the text files of planning tools (.msi, .pln)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from siting.errors import BadInput
from siting.findings import Finding, Findings

Floats = npt.NDArray[np.float64]

MAX_BYTES = 1_000_000
LEAST_POINTS = 36
# Gain of a half-wave dipole over an isotropic antenna, as pattern files reckon it [dB].
DIPOLE_DBI = 2.15
KEYS = (
    "NAME",
    "MAKE",
    "FREQUENCY",
    "H_WIDTH",
    "V_WIDTH",
    "FRONT_TO_BACK",
    "GAIN",
    "TILT",
    "POLARIZATION",
    "COMMENT",
)
CUTS = ("HORIZONTAL", "VERTICAL")
ENCODINGS = ("utf-8-sig", "gb18030")
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
FULL_DEG = 360.0
STEEPEST_DEG = 90.0
# A beam this far from the horizon is no matter of rounding [deg].
LEVEL_DEG = 0.5
HALF_POWER_DB = 3.0
MOST_LOSS_DB = 200.0
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class _Text:
    """What a file says: words and lines of its keys, points and their lines of its cuts."""

    words: dict[str, tuple[int, str]] = field(default_factory=dict)
    cuts: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cuts:
    """What was measured: name, highest gain [dBi], and the losses [dB] at 0 to 359 degrees of both cuts."""

    name: str
    gain_dbi: float
    horizontal_db: Floats
    vertical_db: Floats


def read(source: Path | str | bytes, *, flip: bool = False) -> tuple[Cuts, Findings]:
    """Both cuts of a file, at every degree, and what was remarkable; see `siting.radio.antenna.read_msi`."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    said = _parsed(_lines(data))
    gain_dbi = _gain_dbi(said)
    horizontal, first = _cut(said, "HORIZONTAL")
    vertical, second = _cut(said, "VERTICAL")
    turned = np.roll(vertical[::-1], 1) if flip else vertical
    name = said.words["NAME"][1] if "NAME" in said.words else ""
    return Cuts(name, gain_dbi, horizontal, turned), Findings((*first, *second, *_aim(said, horizontal, turned)))


def words_of(source: Path | str | bytes) -> dict[str, str]:
    """What a pattern file says of itself, by key in capitals: ``NAME, MAKE, FREQUENCY, TILT`` and whatever else it has."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    return {key: text for key, (_, text) in _parsed(_lines(data)).words.items()}


def beam_deg(cut_db: npt.ArrayLike) -> float:
    """Where the beam of a cut points: the middle of the half-power span around the smallest loss, in (-180, 180] [deg]."""
    loss = np.asarray(cut_db, np.float64)
    low, high = _span(loss)
    middle = int(np.argmin(loss)) + (high - low) / 2.0
    return float(middle - FULL_DEG * np.ceil((middle - FULL_DEG / 2.0) / FULL_DEG))


def width_deg(cut_db: npt.ArrayLike) -> float:
    """Half-power width of the beam of a cut [deg]; 360 where nothing is lost by half."""
    low, high = _span(np.asarray(cut_db, np.float64))
    return min(low + high, FULL_DEG)


def _span(loss: Floats) -> tuple[float, float]:
    """Degrees from the smallest loss to where 3 dB more are lost, on either side, between points by a straight line."""
    peak = int(np.argmin(loss))
    return _fall(np.roll(loss[::-1], peak + 1)), _fall(np.roll(loss, -peak))


def _fall(loss: Floats) -> float:
    over = loss - loss[0] - HALF_POWER_DB
    beyond = np.flatnonzero(over >= 0.0)
    if not len(beyond):
        return FULL_DEG / 2.0
    at = int(beyond[0])
    return at - over[at] / (over[at] - over[at - 1])


def _lines(data: bytes) -> list[str]:
    """The text of a file.

    Raises
    ------
    BadInput
        If it is empty, too large, or no text.
    """
    if len(data) > MAX_BYTES:
        raise BadInput("radio.pattern.size", found_kb=len(data) // 1000, most_kb=MAX_BYTES // 1000)
    if data.startswith(WIDE_MARKS):
        return _wide(data).splitlines()
    if b"\x00" in data or not data.strip():
        raise BadInput("radio.pattern.text", head=data[:8].hex())
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding).splitlines()
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1").splitlines()


def _wide(data: bytes) -> str:
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise BadInput("radio.pattern.text", head=data[:8].hex()) from error
    if "\x00" in text:
        raise BadInput("radio.pattern.text", head=data[:8].hex())
    return text


def _parsed(lines: list[str]) -> _Text:
    said = _Text()
    cut = ""
    for number, line in enumerate(lines, start=1):
        parts = line.replace("\x1a", "").split(None, 1)
        if not parts:
            continue
        key, rest = parts[0].rstrip(":").upper(), (parts[1] if len(parts) > 1 else "").strip()
        if key in CUTS:
            cut = key
            said.cuts[key], said.heads[key] = [], (number, rest)
        elif key in KEYS or not _NUMBER.match(parts[0]) or (not cut and not said.words):
            _note(said, key, rest, line, number)
        elif cut:
            said.cuts[cut].append(_point(line, number))
    return said


def _note(said: _Text, key: str, rest: str, line: str, number: int) -> None:
    """Keep a key with its words, the first of its kind; a first line without a known key is the name."""
    if key not in KEYS and not said.words and not said.cuts:
        said.words["NAME"] = (number, line.strip())
    elif key == "NAME" and not said.cuts:
        said.words["NAME"] = (number, rest)
    else:
        said.words.setdefault(key, (number, rest))


def _point(line: str, number: int) -> tuple[int, float, float]:
    """Line, angle [deg] and loss [dB] of a point.

    Raises
    ------
    BadInput
        If the line holds no two numbers.
    """
    found = [part for part in re.split(r"[\s;]+", line.strip()) if part]
    values = [_number(part) for part in found[:2]]
    if len(values) == 1:
        values = [_number(part) for part in line.strip().split(",")[:2]]
    known = [value for value in values if value is not None and abs(value) < math.inf]
    if len(known) < 2 or abs(known[1]) > MOST_LOSS_DB:  # noqa: PLR2004 - angle and loss
        raise BadInput("radio.pattern.point", line=number, text=line.strip()[:60])
    return number, known[0], known[1]


def _number(text: str) -> float | None:
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def _gain_dbi(said: _Text) -> float:
    line, text = said.words.get("GAIN", (0, ""))
    found = _NUMBER.search(text)
    if found is None:
        raise BadInput("radio.pattern.gain", line=line or next(iter(said.heads.values()), (1, ""))[0], text=text[:60])
    value = float(found.group().replace(",", "."))
    return value if "dbi" in text.lower() else round(value + DIPOLE_DBI, 6)


def _cut(said: _Text, name: str) -> tuple[Floats, list[Finding]]:
    """Losses at 0 to 359 degrees of one cut, and what was done to them."""
    points = said.cuts.get(name, [])
    head, stated = said.heads.get(name, (0, ""))
    if len(points) < LEAST_POINTS:
        raise BadInput("radio.pattern.points", cut=name, line=head, n=len(points), least=LEAST_POINTS)
    lines, angle, loss = (np.array(column) for column in zip(*points, strict=True))
    found = []
    if stated.isdecimal() and int(stated) != len(points):
        values = {"n": len(points), "stated": int(stated)}
        found.append(Finding(code="pattern_count", severity="warning", value=name, row=head, values=values))
    if (loss < 0.0).any():
        if (loss > 0.0).any():
            wrong = int(np.flatnonzero(np.sign(loss) == -np.sign(loss[loss != 0.0][0]))[0])
            raise BadInput("radio.pattern.signs", cut=name, line=int(lines[wrong]), value=f"{loss[wrong]:g}")
        loss = -loss
        found.append(Finding(code="pattern_sign", severity="warning", value=name, row=head))
    degrees, places = np.unique(np.mod(angle, FULL_DEG), return_index=True)
    if len(degrees) != FULL_DEG or (degrees != np.arange(FULL_DEG)).any():
        found.append(
            Finding(code="pattern_resampled", severity="info", value=name, row=head, values={"n": len(degrees)})
        )
    return np.interp(np.arange(FULL_DEG), degrees, loss[places], period=FULL_DEG), found


def _aim(said: _Text, horizontal: Floats, vertical: Floats) -> list[Finding]:
    """What is odd about where the beams point."""
    found = []
    sideways = beam_deg(horizontal)
    if abs(sideways) > width_deg(horizontal) / 2.0:
        found.append(Finding(code="pattern_offset", severity="warning", value=f"{sideways:.0f}"))
    line, text = said.words.get("TILT", (None, ""))
    down = beam_deg(vertical)
    if _states_tilt(said) and -STEEPEST_DEG < down < -LEVEL_DEG:
        values = {"beam_deg": f"{-down:.1f}"}
        found.append(Finding(code="vertical_flipped", severity="warning", row=line, value=text[:40], values=values))
    elif LEVEL_DEG < down < STEEPEST_DEG:
        found.append(Finding(code="pattern_tilt", severity="warning", row=line, value=f"{down:.1f}"))
    return found


def _states_tilt(said: _Text) -> bool:
    """Whether a file speaks of a tilt other than none: by a number, or by the word electrical alone."""
    texts = [said.words[key][1] for key in ("TILT", "ELECTRICAL_TILT") if key in said.words]
    numbers = [float(found.group().replace(",", ".")) for text in texts if (found := _NUMBER.search(text))]
    return any(numbers) if numbers else any("ELECTRICAL" in text.upper() for text in texts)
