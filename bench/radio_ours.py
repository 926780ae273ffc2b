"""Our engine on the seeded city, one kind of work per process: its figures as JSON on the last line."""

import json
import sys

import radio_scene
from contest import timed
from radio_scene import SIZES

from siting.radio import coverage, demand, network, reach, terrain

PEERS_M, CANDIDATES = 800.0, 2000


def outdoors(scene, cell_m, repeat):
    """District raster of 10 m outdoors over obstacles of a cell size."""
    carrier = network.load_networks()["ctcu-n78-a"]
    ground, _findings = terrain.from_layers(radio_scene.grid(scene, cell_m), scene.buildings)
    units = demand.units(scene.coarse, ground, {"buildings": scene.buildings})
    cells = units[units["floor"] == 0].reset_index(drop=True)
    figures, _ = timed(lambda: coverage.coverage(scene.sites, ground, cells, carrier), repeat)
    return [(f"ours, outdoors, obstacles {cell_m:g} m", {**figures, "note": f"{len(cells)} cells"})]


def alike(scene, cell_m, repeat):
    """As the peers: map and obstacles of one cell size, outdoors, 800 m; one site turned; poles up to 300 m."""
    carrier, weak = network.load_networks()["ctcu-n78-a"], network.load_thresholds()["weak-110"]
    cells = radio_scene.grid(scene, cell_m)
    ground, _findings = terrain.from_layers(cells, scene.buildings)
    units = demand.units(cells, ground, {"buildings": scene.buildings})
    units = units[units["floor"] == 0].reset_index(drop=True).assign(persons=1.0)
    whole, found = timed(lambda: coverage.coverage(scene.sites, ground, units, carrier, radius_m=PEERS_M), repeat)
    rows = [(f"ours, as the peers: {cell_m:g} m, outdoors, 800 m", {**whole, "note": f"{len(units)} cells"})]
    turned = scene.sites.copy()
    turned.loc[0, "azimuth_deg"] = 33.0
    spent_, _ = timed(lambda: coverage.update(found, turned, ground), repeat)
    rows.append((f"ours, one site turned, {cell_m:g} m, outdoors, 800 m", spent_))
    some = scene.options.iloc[:CANDIDATES]
    spent, gain = timed(lambda: reach.reach(some, ground, units, carrier, thresholds=weak), repeat)
    rows.append(
        (f"ours, {len(some)} candidates, {cell_m:g} m, outdoors, 300 m", {**spent, "note": f"{gain.p.nnz} entries"})
    )
    return rows


def floors(scene, _cell_m, repeat):
    """Every floor, the gap, and the reach of all options."""
    carrier, weak = network.load_networks()["ctcu-n78-a"], network.load_thresholds()["weak-110"]
    ground, _findings = terrain.from_layers(scene.fine, scene.buildings)
    units = demand.units(scene.coarse, ground, {"buildings": scene.buildings})
    whole, found = timed(lambda: coverage.coverage(scene.sites, ground, units, carrier), repeat)
    rows = [("ours, outdoors and every floor", {**whole, "note": f"{len(units)} units"})]
    spent, hole = timed(lambda: demand.gap(units, found, thresholds=weak), repeat)
    rows.append(("ours, gap", {**spent, "note": f"share {hole.total['share']:.3f}"}))
    base = coverage.probability(found, weak)
    call = lambda: reach.reach(scene.options, ground, units, carrier, thresholds=weak, base=base)  # noqa: E731 - timed
    spent, gain = timed(call, repeat)
    rows.append((f"ours, reach of {gain.p.shape[1]} options", {**spent, "note": f"{gain.p.nnz} entries"}))
    return rows


def moved(scene, _cell_m, repeat):
    """One sector turned: the exact update."""
    carrier = network.load_networks()["ctcu-n78-a"]
    ground, _findings = terrain.from_layers(scene.fine, scene.buildings)
    units = demand.units(scene.coarse, ground, {"buildings": scene.buildings})
    cells = units[units["floor"] == 0].reset_index(drop=True)
    found = coverage.coverage(scene.sites, ground, cells, carrier)
    turned = scene.sites.copy()
    turned.loc[0, "azimuth_deg"] = 33.0
    figures, _ = timed(lambda: coverage.update(found, turned, ground), repeat)
    return [("ours, one sector turned, exact update", figures)]


WORK = {"outdoors": outdoors, "alike": alike, "floors": floors, "moved": moved}


def main(size, work, cell_m):
    rows = WORK[work](radio_scene.of(size), float(cell_m), SIZES[size]["long_repeat" if work == "floors" else "repeat"])
    print(json.dumps({"rows": rows}))


main(*sys.argv[1:])
