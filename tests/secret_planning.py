"""What an operator keeps to itself of its planning, what the asking operator has of its own, and how others may ask."""

import dataclasses

import numpy as np
import pandas as pd

from siting.actions import (
    alternatives,
    candidate_drawn,
    candidates,
    comparing,
    comparisonfiles,
    coverage_run,
    curves,
    effects,
    permission,
    picking,
    plans,
    planstarts,
    plantables,
    proposals,
    question,
    runs,
    scenarios,
    stability,
    weights,
    worker,
)
from siting.store import artefacts, layers
from siting.store import runs as stored
from tests import secret_district
from tests.case_people import dispatched, moved
from tests.secret_radio import DISTRICT

OFTEN = {"draws": 8}
SMALLEST = {"count": 1, "within": 0.5, "min_changes": 1}


def own(db, actor, base, score, plan, now):
    """A second plan, alternatives, draws and a scenario of the asking operator; and a point that its owner never agreed to."""
    clock = lambda: now  # noqa: E731
    second = worker.run_now(db, actor, "plan", plans.params(db.settings, {"coverage": base, "count": 2}), clock=clock)
    sought = alternatives.params(db, actor, plan.id, **SMALLEST)
    other = worker.run_now(db, actor, alternatives.KIND, sought, clock=clock)
    drawn = worker.run_now(db, actor, stability.KIND, {**stability.params(score), **OFTEN}, clock=clock)
    asked = {"coverage_params": {"networks": ["cm-n41", "cm-n79"], "cell_m": 20}, "count": 2, "price_factor": 1.5}
    kept = scenarios.save(db, actor, "自有情景", given=asked, reason="比较", now=now)
    refused(db, actor, 14, now, title="自有受阻")
    return second.id, other.id, drawn.id, kept.id


def standing(db, actor, mine, now):
    """Let coverage and candidates count as of now, as if the stations had been there when they were computed."""
    score = stored.get(db, mine.score)
    stored.finish(db, score.id, status="done", result={**score.result, "revisions": candidates.revisions(db, actor)}, now=now)
    for name in (mine.coverage, DISTRICT):
        base = stored.get(db, name)
        state = coverage_run.revisions(db, base.params)
        stored.finish(db, name, status="done", result={**base.result, "revisions": state}, now=now)


def refused(db, actor, at, now, **given):
    """A closed point on a pole whose owner was asked in vain."""
    row = secret_district.lights(db).iloc[at]
    case = dispatched(db, secret_district.reported(db, actor, row, now, **given), now)
    return moved(db, actor, case, "withdraw", now, reason="不再需要")


def bare(db):
    """A place of the district far from every asset [deg]."""
    assets, district = layers.read(db, "assets", columns=()), layers.read(db, "districts").union_all()
    free = district.buffer(-100.0).difference(assets.buffer(2 * db.settings.number("proposal.snap_m")).union_all())
    point = secret_district.to_lonlat(assets.head(1).set_geometry([free.representative_point()], crs=assets.crs)).geometry.iloc[0]
    return point.x, point.y


def drawn_by(db, actor, now, **given):
    """A proposal without a host, for the asking operator's network as well."""
    lon_deg, lat_deg = bare(db)
    usual = {"operators": ["cmcc", "ctc"], "technology": "nr2600", "purpose": "weak_area", "height_m": 12.0}
    return proposals.add(db, actor, lon_deg=lon_deg, lat_deg=lat_deg, now=now, **{**usual, **given})


def secrets_of(db, actor, mine, now):
    """What a competitor plans: a drawn point, a refused one, a scenario; a third one's better plan of the same question; the scenario's id."""
    drawn_by(db, actor, now, name="机密杆位戊")
    for at in (15, 16, 17):
        refused(db, actor, at, now, title="机密诉求乙", needs=[{"need_no": "NEED-SECRET-9", "operator": "ctc"}])
    kept = scenarios.save(db, actor, "机密情景", given={"count": 3}, reason="机密备注", now=now)
    better = secret_district.copied_run(db, secret_district.CUCC, mine.plan, "plan-20261102-094000-5ec2e8", {})
    was = stored.get(db, better)
    stored.finish(db, better, status="done", result={**was.result, "value": was.result["value"] + 1.0}, now=now)
    return kept.id


# --- what strangers ask ---------------------------------------------------------------------------------------------


def asked_of(q, **given):
    """The parameters of a plan on one's own coverage."""
    return plans.params(q.db.settings, {"coverage": q.mine.coverage, **given})


def posed(q, **given):
    return question.posed(q.db, q.actor, asked_of(q, **given), q.mine.score, held=effects.current(q.db, q.actor))


def begun(q):
    """From which stored plan a larger one would start."""
    asked = asked_of(q, count=4)
    start, told = planstarts.best(q.db, q.actor, posed(q, count=4), asked, q.mine.score)
    return [start, [f.code for f in told]]


def learnt(q):
    """What closed points teach, of every class and owner."""
    assets = pd.DataFrame(layers.read(q.db, "assets", columns=["class", "owner_org"]).drop(columns="geometry"))
    return permission.learnt(q.db, q.actor, assets.drop_duplicates(["class", "owner_org"]))


def picked(q, run_id):
    """The bench and the effect of its first points under rules."""
    found = picking.bench(q.db, q.actor, run_id)
    first = found.offered["option_id"].drop_duplicates().head(12).tolist()
    told = picking.effect(found, first, {"count": 3, "rules": {"min_spacing_m": 300.0, "spacing_by": "all"}})
    return [found.offered, found.rooms, told, [broken.rule.say(lang="zh_CN") for broken in told.broken]]


def side_by_side(q, *names):
    found = comparing.compared(q.db, q.actor, list(names), draws=False)
    return [*(getattr(found, field.name) for field in dataclasses.fields(found) if field.name != "found"),
        found.found.matrix, found.found.left_out]  # fmt: skip


def as_file(q):
    found = comparing.compared(q.db, q.actor, [q.mine.plan, q.mine.second], draws=False)
    return comparisonfiles.export(q.db, q.actor, found)


LOOKS = {
    "whether one's own candidates still stand": lambda q: [
        candidates.standing(q.db, q.actor, candidates.params(q.mine.coverage, admit_unknown=False)),
        candidates.revisions(q.db, q.actor), candidate_drawn.version(q.db, q.actor),
    ],
    "one's own candidates by other weights": lambda q: weights.rescored(q.db, q.actor, q.mine.score, {"key_venues": 1.0}),
    "foreign candidates by other weights": lambda q: weights.rescored(q.db, q.actor, q.secret.run["score"]),
    "the weights of foreign candidates": lambda q: weights.of_run(q.db, q.actor, q.secret.run["score"]),
    "profiles of weights": lambda q: [weights.profiles(q.db, q.actor), weights.read(q.db, q.actor), weights.history(q.db, q.actor)],
    "what closed points teach": learnt,
    "closed points": lambda q: permission.closed(q.db, q.actor),
    "the version of what is learnt": lambda q: permission.version(q.db, q.actor),
    "how firm one's own ranks are": lambda q: stability.ranks(q.db, q.actor, q.mine.stability),
    "draws of one's own candidates": lambda q: stability.standing(q.db, q.actor, q.mine.score),
    "how firm foreign ranks are": lambda q: stability.ranks(q.db, q.actor, q.secret.run["stability"]),
    "draws of foreign candidates": lambda q: stability.standing(q.db, q.actor, q.secret.run["score"]),
    "picking among one's own candidates": lambda q: picked(q, q.mine.score),
    "picking among foreign candidates": lambda q: picked(q, q.secret.run["score"]),
    "one's own question": lambda q: [(asks := posed(q, count=4)).problem.digest(), asks.offered, asks.findings],
    "one's own question with permission and spacing": lambda q: posed(
        q, count=4, use_permission=True, rules={"min_spacing_m": 200.0, "spacing_by": "all"}
    ).problem.digest(),
    "where a larger plan would start": begun,
    "a plan that starts from a foreign one": lambda q: planstarts.best(
        q.db, q.actor, posed(q, count=4), asked_of(q, count=4, start=q.secret.run["plan"]), q.mine.score
    ),
    "a question on foreign candidates": lambda q: runs.finished(q.db, q.actor, "score", q.secret.run["score"]),
    "alternatives to one's own plan": lambda q: [
        alternatives.standing(q.db, q.actor, q.mine.plan), alternatives.found(q.db, q.actor, q.mine.alternatives),
    ],
    "alternatives to a foreign plan": lambda q: alternatives.standing(q.db, q.actor, q.secret.run["plan"]),
    "foreign alternatives": lambda q: alternatives.found(q.db, q.actor, q.secret.run["alternatives"]),
    "looking for alternatives to a foreign plan": lambda q: alternatives.params(q.db, q.actor, q.secret.run["plan"]),
    "adopting a foreign alternative": lambda q: alternatives.adoption(q.db, q.actor, q.secret.run["alternatives"], 1),
    "the course of one's own plan": lambda q: curves.curve(q.db, q.actor, q.mine.plan),
    "the course of a foreign plan": lambda q: curves.curve(q.db, q.actor, q.secret.run["plan"]),
    "plans to compare": lambda q: comparing.listing(q.db, q.actor),
    "the version of a comparison": lambda q: comparing.version(q.db, q.actor, [q.mine.plan, q.mine.second]),
    "one's own plans side by side": lambda q: side_by_side(q, q.mine.plan, q.mine.second),
    "one's own plans side by side as a file": as_file,
    "a foreign plan beside one's own": lambda q: side_by_side(q, q.mine.plan, q.secret.run["plan"]),
    "scenarios": lambda q: scenarios.listing(q.db, q.actor),
    "what a foreign plan was asked": lambda q: scenarios.asked(q.db, q.actor, q.secret.run["plan"]),
    "what one's own plan was asked": lambda q: scenarios.asked(q.db, q.actor, q.mine.plan),
    "tables of planning": lambda q: [
        *(plantables.table(q.db, q.actor, kind) for kind in plantables.TABLES), plantables.history(q.db, q.actor),
    ],
}  # fmt: skip


def scored(db, run_id):
    """The stored options of a score run, the best first."""
    return artefacts.load_table(runs.folder(db, run_id), "scored")


def offered_at(db, run_id, candidate_id):
    """All options of one host, usable or not, as a question first has them."""
    table = artefacts.load_table(runs.folder(db, run_id), "options")
    own = table[table["candidate_id"] == candidate_id].reset_index(drop=True)
    nothing = np.zeros(len(own), bool)
    return own.assign(standing=nothing, locked=nothing, forbidden=nothing)
