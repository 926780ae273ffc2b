"""The path from an antenna to a place as a picture: ground, roofs, ray, and what stands in the way."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from siting import words
from siting.radio.diffraction import fresnel_radius_m
from siting.radio.path import Profile
from siting.radio.scene import LOS, NLOS, UNKNOWN

WIDTH, HEIGHT = 780.0, 400.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 50.0, 74.0
FONT = "'Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei','PingFang SC',system-ui,sans-serif"
STATES: Mapping[int, tuple[str, str]] = {
    LOS: ("los", "#1B7837"),
    NLOS: ("nlos", "#B2182B"),
    UNKNOWN: ("unknown", "#B35806"),
}
GROUND, ROOF, IN_THE_WAY, OWN, INK = "#C8B99A", "#AEB8C4", "#D6604D", "#D9E2EC", "#333333"
ZONE = "#92C5DE"
CHARACTER_PX, LABEL_PX = 12.0, 12
NAME_LENGTH = 14
TICKS = 6
ZONE_POINTS = 60
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True)
class _Frame:
    """Where distances [m] and heights [m above datum] lie in the picture [px]."""

    length_m: float
    low_m: float
    high_m: float

    def x(self, distance_m: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * distance_m / self.length_m, 2)

    def y(self, height_m: float) -> float:
        share = (height_m - self.low_m) / (self.high_m - self.low_m)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 2)


@dataclass(frozen=True)
class _Block:
    """Cells in a row with the same building and the same roof; the roof NaN where unknown."""

    building: int
    name: str
    near_m: float
    far_m: float
    ground_m: float
    surface_m: float
    tested: bool


def svg(
    profile: Profile,
    *,
    title: str = "",
    names: Mapping[str, str] | None = None,
    frequency_ghz: float | None = None,
    lang: str = words.DEFAULT_LANGUAGE,
) -> bytes:
    """A path as SVG: text and shapes only, no script and nothing from elsewhere.

    Parameters
    ----------
    profile : Profile
        From `siting.radio.terrain.trace`.
    title : str
        What the path is of.
    names : mapping, optional
        Building id -> name shown; default the ids.
    frequency_ghz : float, optional
        With it the first Fresnel zone is drawn [GHz].
    lang : str
        Language of the labels.
    """
    frame = _frame(profile)
    view = {"viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}", "width": f"{WIDTH:g}", "height": f"{HEIGHT:g}", "role": "img"}
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONT, **view})
    ET.SubElement(root, "title").text = _plain(title)
    _definitions(root)
    _shape(root, "rect", x=0, y=0, width=WIDTH, height=HEIGHT, fill="#FFFFFF")
    _axes(root, frame, lang)
    inside = ET.SubElement(root, "g", {"clip-path": "url(#inside)"})
    blocks = list(_blocks(profile))
    _ground(inside, frame, profile)
    _roofs(inside, frame, blocks, {b.building for b in profile.blockers if b.known})
    if frequency_ghz is not None:
        _zone(inside, frame, profile, frequency_ghz)
    _rays(inside, frame, profile)
    _names(root, frame, blocks, names or {}, {b.building for b in profile.blockers})
    _first(root, frame, profile, lang)
    _ends(root, frame, profile)
    _heading(root, profile, title, lang)
    _legend(root, profile, lang, zone=frequency_ghz is not None)
    return ET.tostring(root, encoding="utf-8")


def short(building_id: str) -> str:
    """A building without a name as people can read it: of a UUID the first group."""
    return building_id.partition("-")[0] if _UUID.fullmatch(building_id) else building_id


def _frame(profile: Profile) -> _Frame:
    tall = [profile.start_z_m, profile.end_z_m, *profile.surface_m[~np.isnan(profile.surface_m)].tolist()]
    low, high = float(np.min(profile.ground_m, initial=min(tall))), max(tall)
    room = max(high - low, 10.0)
    return _Frame(max(profile.length_m, 1e-6), low - 0.06 * room, high + 0.14 * room)


def _blocks(profile: Profile) -> Iterator[_Block]:
    """Runs of cells that stand on the ground as one piece."""
    keys = [
        (int(n), math.isnan(s), None if math.isnan(s) else round(s, 2), bool(ok))
        for n, s, ok in zip(profile.building, profile.surface_m, profile.tested, strict=True)
    ]
    first = 0
    for i in range(1, len(keys) + 1):
        if i < len(keys) and keys[i] == keys[first]:
            continue
        number, unknown, _, _ = keys[first]
        if number > 0 or unknown:
            low = float(np.min(profile.ground_m[first:i]))
            place = float(profile.near_m[first]), float(profile.far_m[i - 1])
            tested = bool(np.any(profile.tested[first:i]))
            yield _Block(number, profile.names[first], *place, low, float(profile.surface_m[first]), tested)
        first = i


def _definitions(root: ET.Element) -> None:
    defined = ET.SubElement(root, "defs")
    hatch = {
        "id": "hatch",
        "width": "7",
        "height": "7",
        "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    }
    pattern = ET.SubElement(defined, "pattern", hatch)
    _shape(pattern, "rect", width=7, height=7, fill="#FFFFFF")
    _shape(pattern, "line", x1=0, y1=0, x2=0, y2=7, stroke="#8C6D31", **{"stroke-width": 2})
    clip = ET.SubElement(defined, "clipPath", {"id": "inside"})
    _shape(clip, "rect", x=LEFT, y=TOP, width=WIDTH - LEFT - RIGHT, height=HEIGHT - TOP - BOTTOM)


def _axes(root: ET.Element, frame: _Frame, lang: str) -> None:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for height_m in _ticks(frame.low_m, frame.high_m):
        y = frame.y(height_m)
        _shape(root, "line", x1=LEFT, y1=y, x2=right, y2=y, stroke="#E3E3E3")
        _text(root, f"{height_m:g}", x=LEFT - 6, y=y + 4, anchor="end")
    for distance_m in _ticks(0.0, frame.length_m):
        x = frame.x(distance_m)
        _shape(root, "line", x1=x, y1=bottom, x2=x, y2=bottom + 4, stroke=INK)
        _text(root, f"{distance_m:g}", x=x, y=bottom + 16, anchor="middle")
    _shape(root, "line", x1=LEFT, y1=bottom, x2=right, y2=bottom, stroke=INK)
    _text(root, words.say("trace.picture.distance", lang=lang), x=right, y=bottom + 30, anchor="end")
    _text(root, words.say("trace.picture.height", lang=lang), x=4, y=TOP - 8)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two bounds, about `TICKS` of them."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough)
    return [round(n * step, 9) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _ground(inside: ET.Element, frame: _Frame, profile: Profile) -> None:
    bottom = HEIGHT - BOTTOM
    points = [f"{LEFT},{bottom}"]
    for near, far, height in zip(profile.near_m, profile.far_m, profile.ground_m, strict=True):
        points += [f"{frame.x(near)},{frame.y(height)}", f"{frame.x(far)},{frame.y(height)}"]
    _shape(inside, "polygon", points=" ".join([*points, f"{WIDTH - RIGHT},{bottom}"]), fill=GROUND)


def _roofs(inside: ET.Element, frame: _Frame, blocks: list[_Block], blocking: set[int]) -> None:
    for block in blocks:
        unknown = math.isnan(block.surface_m)
        top = TOP if unknown else frame.y(block.surface_m)
        fill = IN_THE_WAY if block.building in blocking else ROOF
        fill = "url(#hatch)" if unknown else fill if block.tested else OWN
        _shape(
            inside,
            "rect",
            x=frame.x(block.near_m),
            y=top,
            width=max(round(frame.x(block.far_m) - frame.x(block.near_m), 2), 0.6),
            height=max(round(frame.y(block.ground_m) - top, 2), 0.0),
            fill=fill,
            stroke="none" if unknown else fill,
            **{"fill-opacity": 0.55 if unknown else 1.0, "stroke-width": 0.6},
        )


def _zone(inside: ET.Element, frame: _Frame, profile: Profile, frequency_ghz: float) -> None:
    along = np.linspace(0.0, profile.length_m, ZONE_POINTS)
    radius = fresnel_radius_m(along, profile.length_m - along, frequency_ghz=frequency_ghz)
    ray = profile.ray_m(along)
    edge = [*zip(along, ray + radius, strict=True), *zip(along[::-1], (ray - radius)[::-1], strict=True)]
    points = " ".join(f"{frame.x(float(x))},{frame.y(float(z))}" for x, z in edge)
    _shape(inside, "polygon", points=points, fill=ZONE, stroke="#4393C3", **{"fill-opacity": 0.35, "stroke-width": 0.7})


def _rays(inside: ET.Element, frame: _Frame, profile: Profile) -> None:
    start, end = (frame.x(0.0), frame.y(profile.start_z_m)), frame.x(profile.length_m)
    if math.isfinite(profile.clear_m):
        _line(inside, start, (end, frame.y(profile.clear_m)), "#555555", dashes="6 4")
    _line(inside, start, (end, frame.y(profile.end_z_m)), STATES[profile.state][1], width=2)


def _first(root: ET.Element, frame: _Frame, profile: Profile, lang: str) -> None:
    """A mark where the path is hidden first, with how far the roof rises over the ray there."""
    if profile.first < 0:
        return
    at = 0.5 * (profile.near_m[profile.first] + profile.far_m[profile.first])
    roof, ray = float(profile.surface_m[profile.first]), float(profile.ray_m(at))
    x, y = frame.x(float(at)), frame.y(roof)
    _line(root, (x, y), (x, frame.y(ray)), STATES[NLOS][1], width=2)
    _shape(root, "circle", cx=x, cy=y, r=4, fill=STATES[NLOS][1])
    said = words.say("trace.picture.first", lang=lang, distance_m=f"{at:.0f}", over_m=f"{roof - ray:.1f}")
    left = x > WIDTH / 2
    _text(
        root,
        said,
        x=x - 8 if left else x + 8,
        y=max(y - 8, TOP + 10),
        anchor="end" if left else "start",
        fill=STATES[NLOS][1],
        halo=True,
    )


def _ends(root: ET.Element, frame: _Frame, profile: Profile) -> None:
    ground = profile.ground_m if profile.ground_m.size else np.array([frame.low_m])
    for distance_m, low, height in (
        (0.0, float(ground[0]), profile.start_z_m),
        (profile.length_m, float(ground[-1]), profile.end_z_m),
    ):
        x, y = frame.x(distance_m), frame.y(height)
        _line(root, (x, frame.y(low)), (x, y), INK, width=2)
        _shape(root, "circle", cx=x, cy=y, r=4, fill=INK)


def _names(root: ET.Element, frame: _Frame, blocks: list[_Block], names: Mapping[str, str], wanted: set[int]) -> None:
    """Names of buildings over their roofs where there is room; what stands in the way is named first."""
    taken: list[tuple[float, float]] = []
    highest: dict[int, _Block] = {}
    for block in blocks:
        known = highest.get(block.building)
        if block.building > 0 and (known is None or not block.surface_m <= known.surface_m):
            highest[block.building] = block
    for block in sorted(highest.values(), key=lambda b: (b.building not in wanted, b.near_m - b.far_m)):
        text = _plain(names.get(block.name) or short(block.name))[:NAME_LENGTH]
        x = 0.5 * (frame.x(block.near_m) + frame.x(block.far_m))
        half = 0.5 * CHARACTER_PX * sum(1.0 if ord(c) > 0xFF else 0.6 for c in text)  # noqa: PLR2004 - wide characters
        x = min(max(x, LEFT + half), WIDTH - RIGHT - half)
        if any(x - half < right and x + half > left for left, right in taken):
            continue
        taken.append((x - half, x + half))
        top = TOP + 24 if math.isnan(block.surface_m) else frame.y(block.surface_m) + 13
        _text(root, text, x=x, y=min(top, HEIGHT - BOTTOM - 4), anchor="middle", halo=True)


def _heading(root: ET.Element, profile: Profile, title: str, lang: str) -> None:
    state, colour = STATES[profile.state]
    _text(root, _plain(title), x=LEFT, y=18, size=14)
    said = words.say(f"trace.state.{state}", lang=lang)
    if math.isfinite(profile.clearance_m):
        key = "over" if profile.clearance_m >= 0 else "under"
        said += words.say(f"trace.picture.{key}", lang=lang, clearance_m=f"{abs(profile.clearance_m):.1f}")
    _text(root, said, x=LEFT + 60, y=TOP - 10, fill=colour, size=12)


def _legend(root: ET.Element, profile: Profile, lang: str, *, zone: bool) -> None:
    marks = [("ray", STATES[profile.state][1]), ("clear", "#555555"), ("ground", GROUND), ("roof", ROOF)]
    marks += [("blocking", IN_THE_WAY)] if any(b.known for b in profile.blockers) else []
    marks += [("unknown", "url(#hatch)")] if np.isnan(profile.surface_m).any() else []
    marks += [("zone", ZONE)] if zone else []
    x, y = LEFT, HEIGHT - 20.0
    for name, colour in marks:
        text = words.say(f"trace.picture.{name}", lang=lang)
        if name in {"ray", "clear"}:
            _line(root, (x, y - 4), (x + 18, y - 4), colour, width=2, dashes="6 4" if name == "clear" else "")
        else:
            _shape(root, "rect", x=x, y=y - 10, width=18, height=11, fill=colour, stroke="#888888")
        _text(root, text, x=x + 23, y=y)
        x += 38 + CHARACTER_PX * sum(1.0 if ord(c) > 0xFF else 0.55 for c in text)  # noqa: PLR2004 - wide characters


def _line(
    parent: ET.Element,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    *,
    width: float = 1.4,
    dashes: str = "",
) -> None:
    place = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    _shape(
        parent,
        "line",
        stroke=colour,
        **place,
        **{"stroke-width": width},
        **({"stroke-dasharray": dashes} if dashes else {}),
    )


def _shape(parent: ET.Element, tag: str, **attributes: float | str) -> None:
    ET.SubElement(parent, tag, {name: f"{v:g}" if isinstance(v, float | int) else v for name, v in attributes.items()})


def _text(
    parent: ET.Element,
    text: str,
    *,
    x: float,
    y: float,
    anchor: str = "start",
    fill: str = INK,
    size: int = LABEL_PX,
    halo: bool = False,
) -> None:
    look = {"stroke": "#FFFFFF", "stroke-width": "3", "paint-order": "stroke"} if halo else {}
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": fill, "font-size": str(size)}
    ET.SubElement(parent, "text", {**place, **look}).text = text


def _plain(text: str) -> str:
    """Text without what XML cannot hold."""
    return _UNPRINTABLE.sub(" ", text)
