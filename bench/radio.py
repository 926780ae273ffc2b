"""Coverage of a seeded city: ours against a plain numpy loop per site and a march per link.

    python bench/radio.py --size small|full

The peers compute outdoor cells only; ours is also timed on every floor.  Ratios hold inside one run.
"""

import argparse
import resource
import time

import numpy as np
import radio_scene

from siting.radio import antenna, coverage, decibel, demand, network, pathloss, reach, terrain

SIZES = {
    "small": {
        "width_m": 600.0,
        "height_m": 600.0,
        "sites": 4,
        "options": 60,
        "residents": 9e3,
        "repeat": 1,
        "links": 300,
    },
    "full": {
        "width_m": 8000.0,
        "height_m": 5200.0,
        "sites": 450,
        "options": 20000,
        "residents": 8.9e5,
        "repeat": 1,
        "links": 3000,
    },
}


def timed(call, repeat):
    """Median (wall, CPU) seconds over repeats, after one warm-up, and the last result."""
    result, spent = call(), []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        result = call()
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    return np.median(spent, axis=0), result


def numpy_loop(sites, units, carrier):
    """Best outdoor level per cell [dBm], textbook probability of line of sight, one numpy pass per sector."""
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


def agreement(ground, units, mast, links, draw):
    """Recall and precision of visible outdoor links of the sweep, judged by the exact march, and seconds per marched link."""
    radius = 300.0
    clear = terrain.clear_height_m(ground, mast, radius_m=radius)
    states = terrain.los_state(clear, 1.5)
    top, left, _rows, _cols = clear.window
    row, col = ground.grid.cells_of(units["easting_m"], units["northing_m"])
    near = np.flatnonzero(np.hypot(units["easting_m"] - mast.easting_m, units["northing_m"] - mast.northing_m) < radius)
    picked = draw.choice(near, min(links, len(near)), replace=False)
    swept = states[row[picked] - top, col[picked] - left] == 1
    start = time.process_time()
    marched = np.array(
        [
            terrain.trace(ground, mast, terrain.Receiver(u.easting_m, u.northing_m)).state == 1
            for u in units.iloc[picked].itertuples()
        ]
    )
    each = (time.process_time() - start) / len(picked)
    return (swept & marched).sum() / max(marched.sum(), 1), (swept & marched).sum() / max(swept.sum(), 1), each


def line(name, seconds, note=""):
    print(f"{name:<46}{seconds[0]:9.3f} s wall {seconds[1]:9.3f} s CPU  {note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    size = dict(SIZES[parser.parse_args().size])
    repeat, links = size.pop("repeat"), size.pop("links")
    scene = radio_scene.make(seed=1, **size)
    carrier, weak = network.load_networks()["ctcu-n78-a"], network.load_thresholds()["weak-110"]
    ground, _findings = terrain.from_layers(scene.fine, scene.buildings)
    units = demand.units(scene.coarse, ground, {"buildings": scene.buildings})
    outdoors = units[units["floor"] == 0]
    ours, _ = timed(lambda: coverage.coverage(scene.sites, ground, outdoors, carrier), repeat)
    peer, _ = timed(lambda: numpy_loop(scene.sites, outdoors, carrier), repeat)
    line(f"outdoors, {len(outdoors)} cells, {len(scene.sites)} sectors", ours)
    line("  numpy loop per sector, no line of sight", peer, f"{peer[1] / ours[1]:.1f} x ours")
    draw, first = np.random.default_rng(1), scene.sites.iloc[0]
    mast = terrain.Antenna(first.easting_m, first.northing_m, first.antenna_height_m, first["mount"])
    recall, precision, each = agreement(ground, outdoors, mast, links, draw)
    print(
        f"  line of sight: recall {recall:.3f}, precision {precision:.3f}; a march costs {each * 1e6:.0f} us per link"
    )
    whole, found = timed(lambda: coverage.coverage(scene.sites, ground, units, carrier), repeat)
    line(f"outdoors and every floor, {len(units)} units", whole)
    spent, hole = timed(lambda: demand.gap(units, found, thresholds=weak), repeat)
    line("gap", spent, f"share {hole.total['share']:.3f}")
    base = coverage.probability(found, weak)
    spent, gain = timed(lambda: reach.reach(scene.options, ground, units, carrier, thresholds=weak, base=base), repeat)
    line(f"reach of {gain.p.shape[1]} options", spent, f"{gain.p.nnz} entries")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
