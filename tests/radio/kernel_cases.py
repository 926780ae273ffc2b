"""What the kernels give for small scenes: run compiled, interpreted and with bounds checked, by the tests of the kernels."""

import json
import sys

import numpy as np
import pandas as pd

from siting.radio import antenna, coverage, demand, kernels_samples, network, rays, reach, terrain
from siting.radio.calibration import Calibration, ClassFit
from tests.radio.radio_scenes import buildings, grid, sector


def runs():
    """Levels, probabilities and summed reach of two sectors, calibrated, one of them with a measured pattern."""
    frame = buildings(3, count=4, side_m=60.0)
    ground = terrain.from_layers(grid(side_m=60.0), frame)[0]
    units = demand.units(grid(20.0, side_m=60.0), ground, {"buildings": frame})
    place = {"easting": 31.0, "northing": 29.0, "option_id": "a"}
    sites = pd.DataFrame([sector(**place), sector(number=1, mechanical_tilt_deg=4.0, pattern="cut", **place)])
    carrier, weak = network.load_networks()["cm-n41"], network.load_thresholds()["weak-110"]
    cut = tuple(10.0 + 10.0 * np.cos(np.radians(np.arange(360.0) + 180.0)))
    pattern = antenna.Pattern("cut", 17.0, horizontal_db=cut, vertical_db=cut)
    fits = tuple(
        ClassFit("cm-n41", s, "", offset_db=-3.0, pattern=0.5, beta=0.4 if s == 0 else 0.0, n=90) for s in (0, 1, 2)
    )
    given = {
        "gear": network.Gear(network.load_equipment(), {"cut": pattern}),
        "calibration": Calibration(fits, {}, pd.DataFrame(), pd.DataFrame(), True),
    }
    found = coverage.coverage(sites, ground, units, carrier, **given)
    gain = reach.reach(sites, ground, units, carrier, thresholds=weak, **given)
    levels, chances = found.rsrp_dbm.astype(float), coverage.probability(found, weak).astype(float)
    return levels.tolist(), chances.tolist(), gain.p.sum().item()


def links():
    """What single links pass under, and how deep places lie in their buildings."""
    ground = terrain.from_layers(grid(side_m=60.0), buildings(3, count=4, side_m=60.0))[0]
    row, col = np.divmod(np.arange(0, 576, 23), 24)
    frame = pd.DataFrame({"easting_m": 2.5 * col + 1.0, "northing_m": 59.0 - 2.5 * row, "z_m": 1.5})
    frame = frame.assign(antenna_easting_m=31.3, antenna_northing_m=28.7, antenna_z_m=30.0, roof=0, frequency_ghz=3.5)
    found = rays.with_rays(frame, ground)
    depth, building = np.zeros(len(row)), ground.building[row, col].astype(np.int32)
    turn = np.arange(len(row))
    field = terrain.field_of(ground, row, col)
    kernels_samples.depths(field, row, col, np.cos(turn), np.sin(turn), building, np.full(len(row), 80.0), depth)
    return found[list(rays.UNDER)].to_numpy().tolist(), depth.tolist()


if __name__ == "__main__":
    sys.stdout.write(json.dumps([runs(), links()]))
