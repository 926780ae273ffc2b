"""What could be mounted where: all options of a district with one state each and every reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting.access import Actor
from siting.actions import candidate_drawn, candidate_emf, candidate_near, plantables, radiotables, stations
from siting.actions.candidate_base import Base
from siting.actions.runs import Reporter
from siting.plan import eligibility, joint, options
from siting.radio.links import INDOOR_ONLY_GHZ
from siting.radio.network import Network
from siting.store import imports, layers
from siting.store.database import Database

ASSET_COLUMNS = ("name", "asset_no", "open_status")
TOLD = (*ASSET_COLUMNS, "structural_status", "slots_free")
EVERY = 1_000_000
LISTS = ("azimuths", "tilts", "networks", "operators")
NUMBERS = (
    "antenna_height_m", "mount_height_m", "start_deg", "weight_kg", "sail_m2", "power_kva", "cost_yuan", "own_cost_yuan",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Offer:
    """All options with their verdicts, and what these rest on.

    Parameters
    ----------
    options : DataFrame
        The columns of `siting.plan.options` at start azimuth 0, those of `eligibility`, `TOLD`, and what
        `candidate_near` and `candidate_emf` say.  Hosts without any configuration stand there with their reason.
    assets : DataFrame
        Records of the hosts.
    profile : Profile
        Figures of the eligibility.
    """

    options: pd.DataFrame
    assets: pd.DataFrame
    profile: eligibility.Profile

    def again(self, changed: pd.DataFrame) -> pd.DataFrame:
        """Options that changed, with their verdict anew."""
        own = self.assets[self.assets["asset_id"].isin(changed["candidate_id"])]
        judged = eligibility.eligibility(changed, own, None, profile=self.profile)
        names = ["state", "codes", "message"]
        return changed.assign(**{name: judged[name].to_numpy() for name in names})


def offered(db: Database, actor: Actor, base: Base, report: Reporter) -> Offer:
    """All options of all networks, each alone and together, with state, codes and sentence.

    Parameters
    ----------
    base : Base
        For which networks.
    actor : Actor
        Whose drawn points and sites count.
    """
    assets = stations.with_taken(db, layers.read(db, "assets", provenance=True))
    assets = assets.assign(slots_free=_slots_free(assets))
    carriers = {name: radiotables.networks(db)[name] for name in base.networks}
    made = _made(db, actor, assets, carriers)
    report.progress(0.2)
    made = made.assign(
        **candidate_near.placed(db, actor, made, carriers),
        **candidate_emf.screened(db, made),
        datum_suspect=made["candidate_id"].isin(_suspect(db, assets)),
        indoor_band_outdoors=[any(map(_indoor_only, (carriers[n] for n in own))) for own in made["networks"]],
        no_configuration=made["configuration"] == "",
    )
    report.progress(0.6)
    profile = eligibility.Profile(today=today(db, base))
    records = pd.DataFrame(assets.drop(columns="geometry"))
    judged = eligibility.eligibility(made, records, None, profile=profile)
    told = records[["asset_id", *TOLD]].rename(columns={"asset_id": "candidate_id"})
    both = made.merge(judged, on="option_id", validate="one_to_one").merge(told, on="candidate_id", how="left")
    return Offer(candidate_drawn.named(db, actor, both), records, profile)


def today(db: Database, base: Base) -> date:
    """The day on which terms are judged: the sample's own, else the day of the coverage run."""
    return date.fromisoformat(db.settings.text("district.as_of") or base.run.created_at[:10])


def _made(db: Database, actor: Actor, assets: gpd.GeoDataFrame, carriers: Mapping[str, Network]) -> pd.DataFrame:
    """Options of every network alone, of those that can share a host together, and hosts that can carry nothing."""
    tags: dict[tuple[str, ...], str] = {}
    edited = {"configurations": plantables.configurations(db), "costs": plantables.costs(db)}
    parts = []
    for name, carrier in carriers.items():
        tag = f"~{name}" if carrier.operators in tags else ""
        tags.setdefault(carrier.operators, name)
        parts.append(options.from_assets(assets, network=name, operators=carrier.operators, tag=tag, **edited))
        parts.append(candidate_drawn.options_of(db, actor, carrier, tag=tag))
    single = pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else parts[0]
    served = {name: carrier.operators for name, carrier in carriers.items()}
    together = joint.joint(single, served, sharing=plantables.sharing(db))
    bare = options.unserved(assets, configurations=edited["configurations"])
    rest = assets[assets["asset_id"].isin(bare["asset_id"])]
    return pd.concat([part for part in (single, together, _without(rest)) if len(part)], ignore_index=True)


def _without(assets: gpd.GeoDataFrame) -> pd.DataFrame:
    """Hosts of classes that no configuration is known for: shown with their reason, never computed."""
    place = shapely.point_on_surface(assets.geometry.array)
    blank = pd.DataFrame(index=range(len(assets)), columns=list(options.COLUMNS))
    lists: dict[str, Any] = {name: pd.Series([[] for _ in range(len(assets))], dtype=object) for name in LISTS}
    numbers = {name: pd.Series(np.nan, index=blank.index) for name in NUMBERS}
    told = {name: assets[name].to_numpy() for name in ("class", "street_office", "owner_org")}
    words = dict.fromkeys(("configuration", "equipment", "mount", "cost_mark"), "")
    return blank.assign(
        **{**lists, **numbers, **told, **words},
        option_id=assets["asset_id"].astype(str).to_numpy() + "||",
        candidate_id=assets["asset_id"].astype(str).to_numpy(),
        easting_m=shapely.get_x(place),
        northing_m=shapely.get_y(place),
        slots=0,
        parties=0,
        height_assumed=False,
        new_pole=False,
    )


def _slots_free(assets: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Slots that are neither taken nor held back; NaN where their number is unknown."""
    total, reserved, taken = (
        pd.to_numeric(assets[name], errors="coerce").to_numpy(float)
        for name in ("slots_total", "slots_reserved", "slots_taken")
    )
    return np.maximum(0.0, total - np.nan_to_num(reserved) - np.nan_to_num(taken))


def _suspect(db: Database, assets: gpd.GeoDataFrame) -> pd.Series:
    """Assets of imports whose datum was in doubt and that were brought in all the same."""
    doubted = {
        record["id"]
        for record in imports.recent(db, limit=EVERY)
        if record["layer"] == "assets" and record.get("needs_reason")
    }
    return assets.loc[assets["import_id"].isin(doubted), "asset_id"]


def _indoor_only(carrier: Network) -> bool:
    return INDOOR_ONLY_GHZ[0] < carrier.frequency_ghz < INDOOR_ONLY_GHZ[1]
