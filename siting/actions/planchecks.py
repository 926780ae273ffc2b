"""What is looked at once more after a plan is solved: the whole network with interference, and the field at every point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from siting.access import Actor
from siting.actions import calibrations, candidate_emf, radiotables, scene
from siting.actions.candidates import Base
from siting.actions.runs import Reporter
from siting.errors import Cancelled
from siting.findings import Finding
from siting.plan import options, tables
from siting.radio import coverage as radio
from siting.radio import demand, update
from siting.radio.coverage import Coverage
from siting.store.database import Database


@dataclass(frozen=True)
class Checked:
    """People covered and added once the whole network is computed anew; `value` counts with the plan [persons]."""

    value: float
    added: float


def network(db: Database, base: Base, chosen: pd.DataFrame, report: Reporter) -> Checked | None:
    """The whole network computed anew, interference included; None where no rule of quality applies or nothing is new.

    None as well where somebody stops the run meanwhile: the plan is kept without the check.

    The network with the agreed points and the one with the plan are computed alike, without measured samples: what was
    measured says nothing of a network that does not stand.
    """
    thresholds = radiotables.thresholds(db)[base.run.params["profile"]]
    if thresholds.sinr_db is None or chosen["standing"].all() or report.cancelled():
        return None
    ground = scene.build(db, cell_m=base.run.params["cell_m"], mix=base.run.params["mix"])
    names = base.run.params.get("networks") or [base.run.params["network"]]
    try:
        both = [_before_and_after(db, name, ground, chosen, thresholds.rsrp_dbm, report) for name in names]
    except Cancelled:
        return None
    now, then = (
        float(demand.gap(ground.units, list(found), thresholds=thresholds).total["covered"])
        for found in zip(*both, strict=True)
    )
    return Checked(then, then - now)


def _before_and_after(
    db: Database, name: str, ground: scene.Scene, chosen: pd.DataFrame, level_dbm: float, report: Reporter
) -> tuple[Coverage, Coverage]:
    """One network with the agreed points, and with all of a plan's."""
    carrier, today = radiotables.networks(db)[name], scene.sectors(db, radiotables.networks(db)[name])
    held = calibrations.in_force(db, name)
    new, standing = (_sectors(rows, name) for rows in (chosen, chosen[chosen["standing"]]))
    before = radio.coverage(
        pd.concat([today, standing], ignore_index=True) if len(standing) else today,
        ground.terrain,
        ground.units,
        carrier,
        calibration=None if held is None else held.calibration,
        gear=radiotables.gear(db),
        levels_dbm=(level_dbm,),
        map=report.mapper(),
    )
    if len(new) == len(standing):
        return before, before
    after = pd.concat([today, new], ignore_index=True)
    return before, update.update(before, after, ground.terrain, map=report.mapper())


def _sectors(chosen: pd.DataFrame, network: str) -> pd.DataFrame:
    """Sectors of the options that serve a network."""
    mine = chosen[chosen["networks"].map(lambda names: network in list(names)).to_numpy(bool)]
    if mine.empty:
        return pd.DataFrame()
    return options.sectors_of(mine.assign(networks=pd.Series([[network]] * len(mine), index=mine.index, dtype=object)))


def fields(
    db: Database, actor: Actor, chosen: pd.DataFrame, report: Reporter
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """The new points with the pre-check of the fields that each makes, and a finding about those above the limit.

    A run that is stopped keeps the verdicts of the candidates.
    """
    new = chosen[~chosen["standing"]]
    if new.empty or report.cancelled():
        return chosen, ()
    found = candidate_emf.precheck(db, actor, new, progress=report.progress)
    held = chosen.reindex(columns=list(dict.fromkeys([*chosen.columns, *found.columns])))
    for name in found.columns:
        column = held[name].astype(object)
        column[found.index] = found[name]
        held[name] = column.infer_objects()
    above = new.loc[found.index[found["emf"] == candidate_emf.EXCEEDS], "name"].fillna("")
    if above.empty:
        return held, ()
    return held, (Finding(code="plan_emf_exceeds", severity="warning", value="、".join(above.astype(str))),)


def apart(checked: Checked | None, expected_added: float) -> tuple[Finding, ...]:
    """A finding if the recomputed network adds other than the plan says."""
    if checked is None or expected_added <= 0:
        return ()
    share = abs(checked.added - expected_added) / expected_added
    limit = tables.numbers()["checked_apart"]
    if share <= limit:
        return ()
    values: Mapping[str, object] = {
        "checked": round(checked.added, 1),
        "added": round(expected_added, 1),
        "limit": f"{limit:.0%}",
    }
    return (Finding(code="plan_checked_apart", severity="warning", value=f"{share:.1%}", values=values),)
