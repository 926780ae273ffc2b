"""What stands on the masts: power, gain and beam of every sector, from its unit's row, its pattern and its own columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from siting.errors import BadInput
from siting.radio import kernels_shapes as shapes
from siting.radio.antenna import FORMS, WIDEST_DEG, Pattern
from siting.radio.decibel import power_per_re_dbm
from siting.radio.network import Equipment, Gear, Network

Floats = npt.NDArray[np.float64]
BEAM = ("peak_dbi", "hpbw_h_deg", "hpbw_v_deg", "max_loss_db", "sidelobe_db")


def filled(frame: pd.DataFrame, column: str, default: Floats | float) -> Floats:
    """A column as numbers, the default where it is empty or absent."""
    if column not in frame:
        return np.broadcast_to(np.asarray(default, float), len(frame)).copy()
    given = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(given), default, given)


def equipped(frame: pd.DataFrame, network: Network, gear: Gear) -> pd.DataFrame:
    """Power, gain and beam of each sector from its equipment row, its pattern and its own columns.

    Raises
    ------
    BadInput
        If a unit or a pattern is not there.
    """
    units = [gear.equipment.get(str(name)) for name in frame["equipment"]]
    unknown = sorted({str(n) for n, u in zip(frame["equipment"], units, strict=True) if u is None})
    if unknown:
        raise BadInput("radio.equipment.unknown", value=", ".join(unknown), known=", ".join(gear.equipment))
    found = [u for u in units if u is not None]
    names = _names(frame, found, gear.patterns)
    beam = np.array([_beam(u, gear.patterns.get(n)) for u, n in zip(found, names, strict=True)], float).reshape(-1, 5)
    power, blocks = filled(frame, "power_w", np.array([u.power_w for u in found])), filled(frame, "n_rb", network.n_rb)
    gain, level = filled(frame, "gain_dbi", beam[:, 0]), power_per_re_dbm(power, blocks)
    return frame.assign(
        power_w=power,
        gain_dbi=gain,
        n_rb=blocks,
        power_dbm=level,
        eirp_dbm=level + gain - np.array([u.feeder_db for u in found]),
        pattern=names,
        azimuth_deg=filled(frame, "azimuth_deg", 0.0),
        mechanical_tilt_deg=filled(frame, "mechanical_tilt_deg", 0.0),
        electrical_tilt_deg=filled(frame, "electrical_tilt_deg", 0.0),
        width_h_deg=beam[:, 1],
        width_v_deg=beam[:, 2],
        max_loss_db=beam[:, 3],
        sidelobe_db=beam[:, 4],
    )


def _names(frame: pd.DataFrame, units: Sequence[Equipment], patterns: Mapping[str, Pattern]) -> list[str]:
    """Pattern of each sector: its own, else its unit's, else none."""
    own = frame["pattern"] if "pattern" in frame else [""] * len(frame)
    names = [u.pattern if pd.isna(p) or str(p) in FORMS else str(p) for p, u in zip(own, units, strict=True)]
    unknown = sorted(set(names) - set(patterns) - {""})
    if unknown:
        raise BadInput("radio.pattern.unknown", value=", ".join(unknown), known=", ".join(patterns) or "-")
    return names


def _beam(unit: Equipment, pattern: Pattern | None) -> tuple[float, ...]:
    """Gain, widths and caps: the pattern's, else the unit's (no width = all round)."""
    if pattern is not None:
        return tuple(float(getattr(pattern, name)) for name in BEAM)
    widths = unit.hpbw_h_deg or WIDEST_DEG, unit.hpbw_v_deg or WIDEST_DEG
    return (unit.broadcast_gain_dbi, *widths, unit.max_loss_db, unit.sidelobe_db)


def sectors_array(frame: pd.DataFrame, patterns: Mapping[str, Pattern]) -> shapes.Sectors:
    """Sectors as the kernels read them; their numbers are the frame's index."""
    names = (
        "azimuth_deg",
        "mechanical_tilt_deg",
        "electrical_tilt_deg",
        "eirp_dbm",
        "power_dbm",
        "width_h_deg",
        "width_v_deg",
        "max_loss_db",
        "sidelobe_db",
    )
    columns = [np.ascontiguousarray(frame[name].to_numpy(np.float32)) for name in names]
    measured = sorted({n for n in frame["pattern"] if n and patterns[n].horizontal_db})
    number = {name: at for at, name in enumerate(measured)}
    cut = np.array([number.get(name, -1) for name in frame["pattern"]], np.int32)
    rest = (frame.index.to_numpy(np.int32), cut, cuts_of([patterns[n] for n in measured]))
    return shapes.Sectors._make((*columns, *rest))


def cuts_of(patterns: Sequence[Pattern]) -> npt.NDArray[np.float32]:
    """Losses of measured patterns [pattern, horizontal or vertical, 0..360 degrees]."""
    cuts = [[(*cut, cut[0]) for cut in (p.horizontal_db, p.vertical_db)] for p in patterns]
    return np.array(cuts, np.float32).reshape(len(patterns), 2, 361)
