"""Parts of the score of every option in their natural units, over all operators of a coverage run."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from siting.actions import coverage_files as files
from siting.actions import plantables, radiotables, runs
from siting.actions.candidate_base import Base
from siting.actions.candidate_reach import Operators, Reached
from siting.fibre import network as streets
from siting.fibre import route
from siting.plan import options, quality, score, verdicts
from siting.store import artefacts, layers
from siting.store.database import Database

YUAN = "yuan"
UNITS = [
    "row", "col", "floor", "building_class", "easting_m", "northing_m", "height_m", "persons", "present", "rsrp_dbm", "sinr_db",
]  # fmt: skip
PEOPLE = ("added_persons", "added_indoor", "added_outdoor", "key_venues")


@dataclass(frozen=True)
class _Gains:
    p: sp.csc_array


def parts_of(db: Database, base: Base, found: Reached) -> pd.DataFrame:
    """Parts of the score on the index of the options.

    Returns
    -------
    DataFrame
        ``added_persons, added_indoor, added_outdoor, indoor_share, key_venues`` over operators by their share,
        ``added_joint`` (people newly covered for all operators of the run at once), ``added_OPERATORS`` of each group where
        there are several, ``cost_yuan`` (own cost after sharing), ``fibre_m, fibre_cost_yuan, structure, emf, tenants``, and ``sinr_change``
        [dB], a modelled estimate, 0 where nobody covered is within reach.
    """
    usable = found.options
    people = added(base, found, radiotables.thresholds(db)[base.run.params["profile"]].cell_probability)
    fibre_m = _fibre_m(db, usable)
    return people.assign(
        added_joint=people["added_persons"] if len(found.p) == 1 else _joint(base, found.p),
        cost_yuan=usable["own_cost_yuan"],
        fibre_m=fibre_m,
        fibre_cost_yuan=fibre_m * _metre_yuan(db),
        structure=verdicts.structure(usable["codes"].tolist(), usable["structural_status"].tolist()),
        emf=usable["emf"],
        tenants=usable["tenants"],
        sinr_change=_sinr_change(db, base, usable),
    )


def added(base: Base, found: Reached, cell_probability: float) -> pd.DataFrame:
    """People and venues that each option alone adds, weighted over the operators."""
    own = {
        group: score.added_people(
            base.units, _Gains(p), found.options, base=base.presents[group[0]], cell_probability=cell_probability
        )
        for group, p in found.p.items()
    }
    if len(own) == 1:
        return next(iter(own.values()))
    weighted = [base.share(group) * part[list(PEOPLE)] for group, part in own.items()]
    people: pd.DataFrame = reduce(operator.add, weighted)
    share = people["added_indoor"] / people["added_persons"].where(people["added_persons"] > 0)
    each = {f"added_{'+'.join(group)}": part["added_persons"] for group, part in own.items()}
    return people.assign(indoor_share=share, **each)


def _joint(base: Base, reached: Mapping[Operators, sp.csc_array]) -> npt.NDArray[np.float64]:
    """People newly covered for all operators at once, by the least of their probabilities."""
    persons = base.units["persons"].to_numpy(np.float64)
    present = {group: base.presents[group[0]].astype(np.float64) for group in reached}
    least = np.min(list(present.values()), axis=0)
    pattern = _pattern(list(reached.values()))
    after = np.full(pattern.nnz, np.inf)
    for group, p in reached.items():
        both = sp.csc_array(pattern + p)
        both.sort_indices()
        after = np.minimum(after, np.maximum(both.data - 2.0, present[group][both.indices]))
    gain = np.maximum(0.0, after - least[pattern.indices]) * persons[pattern.indices]
    column = np.repeat(np.arange(pattern.shape[1]), np.diff(pattern.indptr))
    return np.asarray(np.bincount(column, weights=gain, minlength=pattern.shape[1]), np.float64)


def _pattern(matrices: Sequence[sp.csc_array]) -> sp.csc_array:
    """2 where any of the matrices has an entry, so that no sum with one of them is 0."""
    ones = [sp.csc_array((np.ones(m.nnz), m.indices, m.indptr), shape=m.shape) for m in matrices]
    found = sp.csc_array(reduce(operator.add, ones))
    found.data = np.full(found.nnz, 2.0)
    found.sort_indices()
    return found


def _fibre_m(db: Database, usable: pd.DataFrame) -> pd.Series:
    """Metres along streets to the nearest access point, lead-ins included; NaN where none is reached."""
    net = streets.build(layers.read(db, "roads"), layers.read(db, "access"))
    hosts = usable.drop_duplicates("candidate_id")
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(hosts["easting_m"], hosts["northing_m"]),
        index=hosts["candidate_id"],
        crs=db.settings.crs,
    )
    return usable["candidate_id"].map(route.marginal_cost(net, points)["fibre_m"]).astype(float)


def _metre_yuan(db: Database) -> float:
    """Price of a metre of new route [yuan]; NaN where only relative costs are known."""
    rows = plantables.fibre(db)
    priced = rows[rows["cost_basis"] == YUAN]
    return float(priced["price_per_m"].iloc[0]) if len(priced) else np.nan


def _sinr_change(db: Database, base: Base, usable: pd.DataFrame) -> pd.Series:
    """Mean change of the SINR of covered people within reach of each option, over its networks [dB]."""
    profile = radiotables.thresholds(db)[base.run.params["profile"]]
    sums = pd.DataFrame(0.0, index=pd.Index(usable["option_id"]), columns=["persons", "person_db"])
    for name in base.networks:
        carrier = radiotables.networks(db)[name]
        end = files.suffix(base.run.params, network=name, profile=profile.name)
        units = artefacts.load_table(runs.folder(db, base.run.id), f"units{end}", columns=UNITS)
        people = quality.covered_groups(
            units, carrier, cell_m=base.run.params["cell_m"], cell_probability=profile.cell_probability
        )
        sectors = options.sectors_of(usable, network=name)
        if len(sectors):
            part = quality.change_db(sectors, people, carrier, radiotables.gear(db))
            sums = sums.add(part.reindex(sums.index).fillna(0.0))
    mean = sums["person_db"] / sums["persons"].where(sums["persons"] > 0)
    return pd.Series(mean.fillna(0.0).to_numpy(float), index=usable.index)
