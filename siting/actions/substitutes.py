"""What could stand in for a blocked point: nearby options by the people they would bring back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.access import Actor
from siting.actions import candidates, cases, effects, runs
from siting.actions.doors import require
from siting.ledger.model import Case
from siting.store import artefacts, case_values, layers
from siting.store import runs as run_rows
from siting.store.database import Database

COLUMNS = (
    "option_id", "candidate_id", "name", "class", "distance_m", "owner_org", "open_status", "added_people", "share_of_loss",
    "cost_yuan", "fibre_m", "state", "message", "in_plan", "easting_m", "northing_m",
)  # fmt: skip


def substitutes(db: Database, actor: Actor, case_id: str, *, limit: int = 5) -> pd.DataFrame:
    """Options that could stand in for the point of a case.

    First those that the plan without the point takes instead, then usable ones nearby by the people that they add to the
    plan without the point.  What any problem point forbids or locks is absent, whoever sees that problem point; so are
    points that others drew and this person does not see.

    Parameters
    ----------
    case_id : str
        Id or number of the case.
    limit : int
        Most lines.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``added_people`` beside the rest of the plan [persons or m2, as coverage counts],
        ``share_of_loss`` of what the point itself adds there (NaN where it adds nothing), ``in_plan`` where the plan
        takes it.  Empty where the case was not valued.

    Raises
    ------
    NotFound
        If there is no such case that the actor sees.
    """
    require(db, actor, runs.READING)
    case = cases.get(db, actor, case_id)
    record = case_values.listing(db, viewer=actor, case_id=case.id)[0]["record"]
    if record.get("why", "never"):
        return pd.DataFrame(columns=list(COLUMNS))
    folder = runs.folder(db, record["score"])
    offered = artefacts.load_table(folder, "scored")
    reach = artefacts.load_matrix(folder, "reach")
    base = _base(db, record["coverage"])
    own = _own(db, case, offered)
    near = _near(db, actor, offered, own, record)
    kept = np.flatnonzero(offered["option_id"].isin(record["plan_free"]) & ~own)
    level = _best(reach, kept, base["present"].to_numpy(float))
    people = base["persons"].to_numpy(float)
    added = _added(reach, near, level, people)
    loss = float(people @ (_best(reach, np.flatnonzero(own), level) - level))
    lines = offered.loc[near].assign(
        distance_m=_metres(offered, own)[near],
        added_people=added,
        share_of_loss=added / loss if loss > 0 else np.nan,
        in_plan=offered.loc[near, "option_id"].isin(record["substitutes"]),
    )
    ranked = lines.sort_values(["in_plan", "added_people"], ascending=False, kind="stable", ignore_index=True)
    return ranked[list(COLUMNS)].head(limit)


def _base(db: Database, coverage_run: str) -> pd.DataFrame:
    """People of every unit that are known to be covered or not, and how sure the present network covers them."""
    run_rows.get(db, coverage_run)
    columns = ["persons", "unknown", "present"]
    units = artefacts.load_table(runs.folder(db, coverage_run), "units", columns=columns)
    return units.assign(persons=units["persons"] - units["unknown"])


def _own(db: Database, case: Case, offered: pd.DataFrame) -> npt.NDArray[np.bool_]:
    here = effects.places(db, str(case.record["site_ref"]))
    return np.asarray(offered["candidate_id"] == here)


def _near(
    db: Database, actor: Actor, offered: pd.DataFrame, own: npt.NDArray[np.bool_], record: dict[str, Any]
) -> npt.NDArray[np.int64]:
    """Usable options near the point, and the plan's own substitutes wherever they are, without those of the plan itself."""
    far = _metres(offered, own) > db.settings.number("plan.substitute_m")
    held = offered["candidate_id"].isin(effects.current(db, None)["candidate_id"]) | _unseen(db, actor, offered)
    places = offered.loc[offered["option_id"].isin(record["plan_free"]), "candidate_id"]
    wanted = offered["option_id"].isin(record["substitutes"])
    usable = wanted | (offered["state"].isin(candidates.FREE) & ~far)
    return np.flatnonzero((usable & ~own & ~held & ~offered["candidate_id"].isin(places)).to_numpy())


def _unseen(db: Database, actor: Actor, offered: pd.DataFrame) -> pd.Series:
    """Options at points that others drew and hold back: the district's plan knows them, this person does not."""
    drawn, seen = (layers.read(db, "candidates", columns=(), viewer=one)["candidate_id"] for one in (None, actor))
    return offered["candidate_id"].isin(set(drawn) - set(seen))


def _metres(offered: pd.DataFrame, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    if not own.any():
        return np.full(len(offered), np.inf)
    east, north = offered["easting_m"].to_numpy(float), offered["northing_m"].to_numpy(float)
    at = int(np.flatnonzero(own)[0])
    return np.hypot(east - east[at], north - north[at])


def _best(
    reach: sp.csc_array, columns: npt.NDArray[np.int64], level: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    if columns.size == 0:
        return level
    return np.maximum(level, np.asarray(reach[:, columns].max(axis=1).todense(), np.float64).ravel())


def _added(
    reach: sp.csc_array,
    columns: npt.NDArray[np.int64],
    level: npt.NDArray[np.float64],
    people: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """People that each option alone adds to a level of coverage."""
    part = sp.csc_array(reach[:, columns])
    gain = people[part.indices] * np.maximum(0.0, part.data - level[part.indices])
    column = np.repeat(np.arange(len(columns)), np.diff(part.indptr))
    return np.bincount(column, weights=gain, minlength=len(columns)).astype(np.float64)
