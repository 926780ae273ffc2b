"""Plain Python ways to the same map: a numpy pass per sector, and an exact march per link."""

import json
import sys
import time

import numpy as np
import radio_scene
from contest import timed
from radio_scene import SIZES

from siting.radio import antenna, decibel, demand, network, pathloss, terrain


def loop(sites, units, carrier):
    """Best outdoor level per cell [dBm] and power of all, textbook probability of line of sight."""
    east, north = units["easting_m"].to_numpy(), units["northing_m"].to_numpy()
    best, total = np.full(len(units), -np.inf), np.zeros(len(units))
    pattern, power = antenna.sector(17.0), float(decibel.power_per_re_dbm(240.0, carrier.n_rb))
    for s in sites.itertuples():
        d = np.hypot(east - s.easting_m, north - s.northing_m)
        near = np.flatnonzero(d <= network.defaults()["max_range_m"])
        bearing = np.degrees(np.arctan2(east[near] - s.easting_m, north[near] - s.northing_m))
        down = np.degrees(np.arctan2(s.antenna_height_m - 1.5, d[near]))
        gain = antenna.gain_dbi(pattern, bearing - s.azimuth_deg, down, electrical_tilt_deg=6.0)
        p = pathloss.uma_los_probability(d[near])
        link = {"bs_height_m": s.antenna_height_m, "out_of_range": "clamp"}
        los = pathloss.uma_los_db(d[near], carrier.frequency_ghz, **link)
        loss = p * los + (1 - p) * pathloss.uma_nlos_db(d[near], carrier.frequency_ghz, **link)
        level = power + gain - loss
        best[near] = np.maximum(best[near], level)
        total[near] += decibel.dbm_to_mw(level)
    return best, total


def march(scene, ground, cells, links):
    """Seconds to march links drawn at random, scaled to all links within range of all masts."""
    masts = scene.sites.drop_duplicates("site_id")
    draw, place = np.random.default_rng(1), cells[["easting_m", "northing_m"]].to_numpy()
    reach = network.defaults()["max_range_m"]
    near = [np.hypot(*(place - m).T) <= reach for m in masts[["easting_m", "northing_m"]].to_numpy()]
    wall, cpu = time.perf_counter(), time.process_time()
    for number in draw.integers(0, len(masts), links):
        mast = masts.iloc[number]
        spot = place[draw.choice(np.flatnonzero(near[number]))]
        at = terrain.Antenna(mast["easting_m"], mast["northing_m"], mast["antenna_height_m"], mast["mount"])
        terrain.trace(ground, at, terrain.Receiver(*spot))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    scale = sum(int(n.sum()) for n in near) / links
    note = f"scaled from {links} links of {cpu / links * 1e6:.0f} us, line of sight alone"
    return {"wall_s": wall * scale, "cpu_s": cpu * scale, "note": note}


def main(size, work):
    scene, carrier = radio_scene.of(size), network.load_networks()["ctcu-n78-a"]
    ground, _findings = terrain.from_layers(scene.fine, scene.buildings)
    units = demand.units(scene.coarse, ground, {"buildings": scene.buildings})
    cells = units[units["floor"] == 0].reset_index(drop=True)
    if work == "march":
        return print(json.dumps(march(scene, ground, cells, SIZES[size]["links"])))
    figures, _ = timed(lambda: loop(scene.sites, cells, carrier), SIZES[size]["peer_repeat"])
    return print(json.dumps({**figures, "note": "no line of sight"}))


main(*sys.argv[1:])
