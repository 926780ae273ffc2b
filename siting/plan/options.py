"""From shareable assets to options: what could be mounted where, at which height and cost."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.errors import BadInput
from siting.plan import tables

COLUMNS = (
    "option_id", "candidate_id", "class", "configuration", "equipment", "mount", "easting_m", "northing_m",
    "antenna_height_m", "mount_height_m", "height_assumed",
    "new_pole", "azimuths", "tilts", "start_deg", "weight_kg", "sail_m2", "power_kva",
    "slots", "networks", "operators", "parties", "cost_yuan", "own_cost_yuan", "cost_mark", "street_office", "owner_org",
)  # fmt: skip


def from_assets(
    assets: gpd.GeoDataFrame,
    *,
    network: str,
    operators: Sequence[str],
    configurations: pd.DataFrame | None = None,
    costs: pd.DataFrame | None = None,
    tag: str = "",
) -> pd.DataFrame:
    """One option per asset and configuration of its class, three-sector ones at start azimuth 0 (see `turned`).

    Parameters
    ----------
    assets : GeoDataFrame
        The asset layer in the project CRS; lines and areas are used at a point on them.
    network : str
        Network profile the option transmits.
    operators : sequence of str
        Operators it serves.
    configurations, costs : DataFrame or None
        Edited tables; None takes the shipped ones.
    tag : str
        Added to the configuration in the id, where another network of the same operators has the plain one.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``cost_yuan`` of all ``parties`` together and ``own_cost_yuan`` of each; heights above ground [m]; ``height_assumed`` where the asset's own height is unknown and the
        configuration's default stands in (NaN where there is none).  Assets of a class without configuration have no
        option, see `unserved`.

    Raises
    ------
    BadInput
        If a configuration has no cost row.
    """
    table = tables.configurations() if configurations is None else configurations
    place = shapely.point_on_surface(assets.geometry.array)
    frame = pd.DataFrame(
        {
            "candidate_id": assets["asset_id"].astype(str).to_numpy(),
            "class": assets["class"].to_numpy(),
            "easting_m": shapely.get_x(place),
            "northing_m": shapely.get_y(place),
            **{name: _column(assets, name).to_numpy() for name in ("street_office", "owner_org")},
            **{
                name: pd.to_numeric(_column(assets, name), errors="coerce").to_numpy()
                for name in ("height_m", "mount_height_m")
            },
        }
    )
    options = frame.merge(table.drop(columns=["source", "mark"]), on="class", how="inner", validate="many_to_many")
    options = _priced(options, tables.costs() if costs is None else costs)
    options = _with_heights(options)
    names = "+".join(sorted(operators))
    options["option_id"] = options["candidate_id"] + "|" + options["configuration"] + tag + "|" + names
    for column in ("azimuths", "tilts"):
        options[column] = [[float(part) for part in str(text).split()] for text in options[column]]
    options["networks"] = [[network] for _ in range(len(options))]
    options["operators"] = [sorted(operators) for _ in range(len(options))]
    options = options.assign(start_deg=0.0, parties=1, own_cost_yuan=options["cost_yuan"])
    return options[list(COLUMNS)].sort_values("option_id", kind="stable").reset_index(drop=True)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)


def _priced(options: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    rows = costs[["host_class", "equipment", "site_cost_yuan", "mark"]]
    rows = rows.rename(columns={"host_class": "class", "site_cost_yuan": "cost_yuan", "mark": "cost_mark"})
    joined = options.merge(rows, on=["class", "equipment"], how="left", validate="many_to_one")
    missing = joined.loc[joined["cost_yuan"].isna(), ["class", "equipment"]].drop_duplicates()
    if len(missing):
        pairs = ", ".join(f"{host} / {equipment}" for host, equipment in missing.itertuples(index=False))
        raise BadInput("plan.options.cost", pairs=pairs)
    return joined


def _with_heights(options: pd.DataFrame) -> pd.DataFrame:
    """Height of the host's mount and of the antenna: the mount's, else the host's own, else the default."""
    own = options["mount_height_m"].where(options["height_from"] == "mount")
    own = own.fillna(options["height_m"]).where(options["height_from"] != "new")
    known = own.notna() & (own > 0)
    mount = own.where(known, options["default_height_m"])
    assumed = ~known & (options["height_from"] != "new")
    heights = {"mount_height_m": mount, "antenna_height_m": mount + options["offset_m"], "height_assumed": assumed}
    return options.assign(**heights, new_pole=options["height_from"] == "new")


def unserved(assets: pd.DataFrame, *, configurations: pd.DataFrame | None = None) -> pd.DataFrame:
    """Assets whose class has no configuration, so that none is left out in silence.

    Returns
    -------
    DataFrame
        ``asset_id``, ``class``.
    """
    table = tables.configurations() if configurations is None else configurations
    rest = assets.loc[~assets["class"].isin(table["class"]), ["asset_id", "class"]]
    return pd.DataFrame(rest).reset_index(drop=True)


def turned(options: pd.DataFrame) -> pd.DataFrame:
    """Options at every start azimuth that makes a difference; all-round ones as they are.

    Returns
    -------
    DataFrame
        Ordered by id; ``start_deg`` is part of the configuration in the id, where it is not 0.
    """
    step_deg, tries = tables.numbers()["azimuth_step_deg"], int(tables.numbers()["azimuth_tries"])
    several = options["azimuths"].map(len) > 1
    parts = [options]
    for start_deg in (step_deg * at for at in range(1, tries)):
        fresh = [not _repeats(row, start_deg, step_deg) for row in options.loc[several, "azimuths"]]
        part = options[several][np.array(fresh, dtype=np.bool_)]
        ways = [[(azimuth + start_deg) % 360.0 for azimuth in row] for row in part["azimuths"]]
        parts.append(
            part.assign(
                option_id=[_turned(name, start_deg) for name in part["option_id"]],
                azimuths=pd.Series(ways, index=part.index, dtype=object),
                start_deg=start_deg,
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values("option_id", kind="stable", ignore_index=True)


def _repeats(azimuths: Sequence[float], start_deg: float, step_deg: float) -> bool:
    """Whether the same directions came up at a smaller start."""
    own = {(azimuth + start_deg) % 360.0 for azimuth in azimuths}
    earlier = np.arange(0.0, start_deg, step_deg)
    return any(own == {(azimuth + start) % 360.0 for azimuth in azimuths} for start in earlier)


def _turned(option_id: str, start_deg: float) -> str:
    head, _, operators = option_id.rpartition("|")
    return f"{head}@{start_deg:g}|{operators}"


def best_turns(options: pd.DataFrame, value: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which options stay: of each host, configuration and networks the two start azimuths of highest value.

    Parameters
    ----------
    options : DataFrame
        From `turned`.
    value : array_like
        Single value of each option; ties go to the smaller start.
    """
    kept = int(tables.numbers()["azimuths_kept"])
    frame = pd.DataFrame(
        {
            "host": options["candidate_id"] + "|" + options["configuration"],
            "networks": options["networks"].map("+".join),
            "start_deg": options["start_deg"],
            "value": np.asarray(value, np.float64),
        }
    )
    ranked = frame.sort_values(["value", "start_deg"], ascending=[False, True], kind="stable")
    place = ranked.groupby(["host", "networks"], sort=False).cumcount().reindex(frame.index)
    return np.asarray(place < kept)


def sectors_of(options: pd.DataFrame, *, network: str | None = None) -> pd.DataFrame:
    """One line per sector in the columns `radio` reads, ``option_id`` beside them; order of options kept.

    Parameters
    ----------
    options : DataFrame
        Columns `COLUMNS`.
    network : str or None
        Only options that transmit this network, with its sectors; None takes each option's first network.

    Notes
    -----
    Options without a height are left out: they cannot transmit from nowhere (their reason is in `eligibility`).
    """
    real = options[options["antenna_height_m"].notna()]
    if network is not None:
        real = real[[network in row for row in real["networks"]]]
    counts = real["azimuths"].map(len).to_numpy()
    part = np.concatenate([np.arange(count) for count in counts]) if len(counts) else np.zeros(0, dtype=np.int64)
    lines = real.loc[real.index.repeat(counts)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "option_id": lines["option_id"],
            "site_id": lines["option_id"],
            "sector_id": [f"{name}/{at + 1}" for name, at in zip(lines["option_id"], part, strict=True)],
            "easting_m": lines["easting_m"],
            "northing_m": lines["northing_m"],
            "antenna_height_m": lines["antenna_height_m"],
            "mount": lines["mount"],
            "azimuth_deg": [row[at] for row, at in zip(lines["azimuths"], part, strict=True)],
            "mechanical_tilt_deg": 0.0,
            "electrical_tilt_deg": [row[at] for row, at in zip(lines["tilts"], part, strict=True)],
            "equipment": lines["equipment"],
            "network": [row[0] for row in lines["networks"]] if network is None else network,
        }
    )
