"""Layer `assets`: everything that might carry a station, with owners, strength, power, slots and opening status."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.sample.tables import CRS, draw, ids, rng, source, table

HEIGHTS_FROM_BUILDING = "public_roof"
LIST_AGE, LIST_DOC = timedelta(days=244), "南开资源开放〔{year}〕1号"
JUNE = 6
OPEN = ("conditional", "open_free", "open_paid")
COLUMNS = [
    "asset_id",
    "asset_no",
    "class",
    "name",
    "geom_accuracy_m",
    "source",
    "survey_date",
    "street_office",
    "road_name",
    "owner_org",
    "manager_org",
    "maintainer_org",
    "contact",
    "phone",
    "height_m",
    "mount_height_m",
    "arm_m",
    "material",
    "section",
    "foundation",
    "year",
    "visual_class",
    "advisories",
    "design_wind_kpa",
    "spare_moment_knm",
    "spare_weight_kg",
    "spare_sail_m2",
    "structural_status",
    "test_doc",
    "test_on",
    "test_valid_to",
    "power",
    "power_kva_spare",
    "power_distance_m",
    "fibre_pairs_spare",
    "nearest_handhole_m",
    "duct_available",
    "slots_total",
    "slots_reserved",
    "reserved_for",
    "slots_taken",
    "open_status",
    "open_list_version",
    "open_doc_no",
    "conditions",
    "fee_yuan_year",
    "valid_from",
    "valid_to",
    "data_level",
    "geometry",
]


def describe(places: gpd.GeoDataFrame, *, seed: int, as_of: date) -> gpd.GeoDataFrame:
    """Give bare places the record of a shareable asset.

    Parameters
    ----------
    places : geopandas.GeoDataFrame
        class, name, road_name, street_office, geometry; roofs also height_m.
    seed : int
        Same seed, same records.
    as_of : datetime.date
        Nothing is dated later.

    Returns
    -------
    geopandas.GeoDataFrame
        `COLUMNS`; what is unknown is None or NaN.
    """
    recipes = table("asset_classes").set_index("class", drop=False)
    parts = []
    for name in recipes.index:
        own = places[places["class"] == name]
        if len(own):
            parts.append(_describe_class(own, recipes.loc[name].to_dict(), rng(seed, f"assets/{name}"), as_of))
    both = pd.concat(parts, ignore_index=True)
    both["asset_id"] = ids(seed, "assets", len(both))
    both["source"] = source(seed)
    return gpd.GeoDataFrame(both[COLUMNS], geometry="geometry", crs=CRS)


def _describe_class(own: gpd.GeoDataFrame, recipe: dict, generator: np.random.Generator, as_of: date) -> pd.DataFrame:
    count = len(own)
    code = "".join(part[0] for part in recipe["class"].split("_")).upper()
    number = [f"{code}-{i + 1:05d}" for i in range(count)]
    road = own["road_name"].where(own["road_name"].notna(), None).to_numpy(object)
    named = [
        name if isinstance(name, str) else f"{way or office}{recipe['label']}{i + 1:05d}"
        for i, (name, way, office) in enumerate(zip(own["name"], road, own["street_office"], strict=True))
    ]
    frame = pd.DataFrame(
        {"asset_no": number, "class": recipe["class"], "name": named, "geometry": own.geometry.to_numpy()}
    )
    frame["road_name"], frame["street_office"] = road, own["street_office"].to_numpy(object)
    for column in (
        "owner_org",
        "manager_org",
        "maintainer_org",
        "contact",
        "material",
        "section",
        "foundation",
        "visual_class",
    ):
        frame[column] = draw(generator, recipe[column], count)
    frame["phone"] = [f"022-0000{n:04d}" for n in generator.integers(1000, 9999, count)]
    frame["geom_accuracy_m"] = float(recipe["accuracy_m"])
    frame["survey_date"] = [as_of - timedelta(days=int(n)) for n in generator.integers(30, 1900, count)]
    frame["data_level"] = recipe["data_level"]
    frame["advisories"] = [[] if value is None else [value] for value in draw(generator, recipe["advisories"], count)]
    return frame.assign(
        **_body(own, recipe, generator, as_of),
        **_strength(recipe, generator, count, as_of),
        **_supply(recipe, generator, count),
        **_opening(recipe, frame["owner_org"], generator, as_of - LIST_AGE),
    )


def _body(own: gpd.GeoDataFrame, recipe: dict, generator: np.random.Generator, as_of: date) -> dict:
    count = len(own)
    low, high = recipe["height_low_m"], recipe["height_high_m"]
    height = np.round(generator.uniform(low, high, count) * 2) / 2
    if recipe["class"] == HEIGHTS_FROM_BUILDING:
        height = own["height_m"].to_numpy(float)
    height = np.where(height > 0, height, np.nan)
    mount = np.round(height * recipe["mount_share"], 1)
    year = np.round(generator.uniform(recipe["year_low"], recipe["year_high"], count))
    return {
        "height_m": height,
        "mount_height_m": _forget(mount, recipe["unknown_share"] / 2, generator),
        "arm_m": _numbers(recipe["arm_m"], generator, count),
        "year": _forget(np.minimum(year, as_of.year), recipe["unknown_share"] / 2, generator),
    }


def _strength(recipe: dict, generator: np.random.Generator, count: int, as_of: date) -> dict:
    status = draw(generator, recipe["structural_status"], count)
    tested = np.array([value in ("tested_ok", "tested_fail") for value in status])
    on = [as_of - timedelta(days=int(n)) for n in generator.integers(60, 1300, count)]
    lost = generator.random(count) < recipe["unknown_share"]
    wind = pd.to_numeric(recipe["wind_kpa"], errors="coerce")
    spare = {
        f"spare_{name}": np.round(
            np.where(lost & ~tested, np.nan, generator.uniform(recipe[low], recipe[high], count)), 2
        )
        for name, low, high in (
            ("moment_knm", "moment_low_knm", "moment_high_knm"),
            ("weight_kg", "weight_low_kg", "weight_high_kg"),
            ("sail_m2", "sail_low_m2", "sail_high_m2"),
        )
    }
    none = recipe["moment_high_knm"] == 0
    return {
        "structural_status": status,
        "design_wind_kpa": np.where(lost, np.nan, wind),
        **{name: np.full(count, np.nan) if none else values for name, values in spare.items()},
        "test_doc": [
            f"检字{day:%Y}-{i + 1:04d}" if yes else None for i, (yes, day) in enumerate(zip(tested, on, strict=True))
        ],
        "test_on": [day if yes else None for yes, day in zip(tested, on, strict=True)],
        "test_valid_to": [day + timedelta(days=1095) if yes else None for yes, day in zip(tested, on, strict=True)],
    }


def _supply(recipe: dict, generator: np.random.Generator, count: int) -> dict:
    return {
        "power": draw(generator, recipe["power"], count),
        "power_kva_spare": _numbers(recipe["kva"], generator, count),
        "power_distance_m": _numbers(recipe["power_distance_m"], generator, count),
        "fibre_pairs_spare": _numbers(recipe["fibre_pairs"], generator, count),
        "nearest_handhole_m": _numbers(recipe["handhole_m"], generator, count),
        "duct_available": draw(generator, recipe["duct"], count),
    }


def _opening(recipe: dict, owner: pd.Series, generator: np.random.Generator, since: date) -> dict:
    count = len(owner)
    total, reserved = (
        _numbers(recipe["slots_total"], generator, count),
        _numbers(recipe["slots_reserved"], generator, count),
    )
    reserved = np.minimum(reserved, total)
    status = np.array(draw(generator, recipe["open_status"], count), dtype=object)
    status[owner.isna().to_numpy()] = "not_surveyed"
    listed = np.isin(status, OPEN)
    fee = _numbers(recipe["fee_yuan_year"], generator, count)
    version = f"{since.year}H{1 if since.month <= JUNE else 2}"
    holder, asked = draw(generator, recipe["reserved_for"], count), draw(generator, recipe["conditions"], count)
    return {
        "slots_total": total,
        "slots_reserved": reserved,
        "reserved_for": [who if held > 0 else None for who, held in zip(holder, reserved, strict=True)],
        "slots_taken": np.zeros(count),
        "open_status": status,
        "open_list_version": [version if yes else None for yes in listed],
        "open_doc_no": [LIST_DOC.format(year=since.year) if yes else None for yes in listed],
        "conditions": [
            [value] if state == "conditional" and value else [] for state, value in zip(status, asked, strict=True)
        ],
        "fee_yuan_year": np.where(status == "open_paid", fee, np.where(status == "open_free", 0.0, np.nan)),
        "valid_from": [since if yes else None for yes in listed],
        "valid_to": None,
    }


def _numbers(text: str, generator: np.random.Generator, count: int) -> np.ndarray:
    return np.array([np.nan if value is None else float(value) for value in draw(generator, text, count)])


def _forget(values: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Lose a share of known values, as real lists do."""
    return np.where(generator.random(len(values)) < share, np.nan, values)


def roofs(buildings: gpd.GeoDataFrame, count: int, *, seed: int) -> gpd.GeoDataFrame:
    """Roofs of public buildings, schools and hospitals: class, name, road_name, height_m, geometry (footprint)."""
    fit = buildings[buildings["use"].isin(["public", "school", "hospital"]) & (buildings["floors"] > 1)]
    fit = fit.iloc[np.sort(rng(seed, "public_roof").permutation(len(fit))[:count])]
    name = [
        f"{office}{USE_WORD[use]}楼顶{i + 1:03d}"
        for i, (office, use) in enumerate(zip(fit["street_office"], fit["use"], strict=True))
    ]
    columns = {"class": "public_roof", "name": name, "road_name": None, "height_m": fit["height_m"].to_numpy()}
    return gpd.GeoDataFrame(columns, geometry=fit.geometry.to_numpy(), crs=CRS)


USE_WORD = {"public": "公共建筑", "school": "学校", "hospital": "医院"}


def anchor(geometry: np.ndarray) -> np.ndarray:
    """One point of each asset: itself, or a point on its line or area."""
    return shapely.point_on_surface(geometry)
