import dataclasses
import json
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest

from siting.errors import BadInput, TooFewSamples
from siting.radio import (
    antenna,
    calibrate,
    coverage,
    diffraction,
    heldout,
    network,
    o2i,
    pathloss,
    rays,
    regression,
    samplechecks,
    samplelinks,
    samples,
    terrain,
)
from siting.radio.calibration import ANY, ClassFit
from siting.radio.classes import predict, train
from tests.radio.radio_scenes import buildings, grid, sector

NETWORK = network.load_networks()["ctcu-n78-a"]
NETWORKS = {NETWORK.name: NETWORK}
SIDE_M = 2000.0
OPEN = terrain.from_layers(grid(10.0, SIDE_M), buildings(0, count=0, side_m=SIDE_M))[0]
PLACES = ((500.0, 500.0), (1500.0, 600.0), (900.0, 1500.0), (1600.0, 1600.0))
SITES = pd.DataFrame(
    [
        sector(f"s{i}", k, easting=east, northing=north, height=30.0, azimuth=120.0 * k, model="uma", power_w=watts)
        for i, ((east, north), watts) in enumerate(zip(PLACES, (80.0, 320.0, 200.0, 120.0), strict=True))
        for k in range(3)
    ]
)
told_of = attrgetter("values")


def textbook(rows):
    """Level on open ground by the published formulas: every path is in line of sight."""
    unit, out = network.load_equipment()["aau64-200w"], np.empty(len(rows))
    beam = antenna.sector(unit.broadcast_gain_dbi)
    for s in SITES.itertuples():
        mine = (rows["sector_id"] == s.sector_id).to_numpy()
        east, north = rows["easting_m"][mine] - s.easting_m, rows["northing_m"][mine] - s.northing_m
        d = np.hypot(east, north)
        phi, delta = np.degrees(np.arctan2(east, north)) - s.azimuth_deg, np.degrees(np.arctan2(28.5, d))
        gain = antenna.gain_dbi(beam, phi, delta, electrical_tilt_deg=6.0)
        power = 10 * np.log10(s.power_w * 1000 / (12 * NETWORK.n_rb)) - unit.feeder_db
        loss = pathloss.uma_los_db(d, NETWORK.frequency_ghz, bs_height_m=30.0, out_of_range="clamp")
        out[mine] = power + gain - loss
    return out


def drive(seed, *, count=1500, noise_db=6.0, offset_db=0.0, slope_db=0.0, devices=("",)):
    """Samples in the middle of cells on open ground, each heard from a sector of the nearest site."""
    draw = np.random.default_rng(seed)
    east, north = (10.0 * draw.integers(2, 198, count) + 5.0 for _ in range(2))
    nearest = np.argmin([np.hypot(east - e, north - n) for e, n in PLACES], axis=0)
    frame = pd.DataFrame(
        {
            "time": pd.Timestamp("2026-11-02") + pd.to_timedelta(np.arange(count), "s"),
            "easting_m": east,
            "northing_m": north,
            "floor": 0,
            "network": NETWORK.name,
            "site_id": [f"s{i}" for i in nearest],
            "sector_id": [f"s{i}-{k}" for i, k in zip(nearest, draw.integers(0, 3, count), strict=True)],
            "device_id": draw.choice(devices, count),
            "source": "drive",
        }
    )
    d2 = np.min([np.hypot(east - e, north - n) for e, n in PLACES], axis=0)
    change = offset_db + slope_db * np.log10(np.hypot(d2, 28.5) / 100.0)
    return frame.assign(rsrp_dbm=textbook(frame) + change + draw.normal(0.0, noise_db, count))


def error_of(fit, name, planted):
    """Distance from the truth in standard errors."""
    at = ("offset_db", "slope_db", "pattern", "power").index(name)
    return abs(getattr(fit, name) - planted) / np.sqrt(fit.covariance[at][at])


def fitted(frame, **more):
    return calibrate.fit(frame, SITES, OPEN, NETWORKS, seed=5, **more)


@pytest.fixture(scope="module")
def planted():
    return fitted(drive(1, offset_db=-7.0, slope_db=8.0))


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_planted_offset_and_slope_come_back_within_three_standard_errors(seed):
    found = fitted(drive(seed, offset_db=-7.0, slope_db=8.0)).fit_of(NETWORK.name, 1, "outdoor")
    assert found.n > 1000
    assert error_of(found, "slope_db", 8.0) < 3.0
    assert error_of(found, "pattern", 1.0) < 3.0
    assert error_of(found, "power", 0.0) < 3.0
    at_400_m = found.offset_db + found.slope_db * np.log10(4.0)
    assert at_400_m == pytest.approx(-7.0 + 8.0 * np.log10(4.0), abs=1.0)
    assert found.slope_db == pytest.approx(8.0, abs=2.0)
    assert error_of(found, "offset_db", -7.0) < 3.0


def test_the_held_out_error_is_the_planted_noise_and_beats_what_needs_no_model(planted):
    table = planted.metrics[planted.metrics["class"] == ""].query("network == @NETWORK.name").set_index("predictor")
    assert table.loc["calibrated", "rmse_db"] == pytest.approx(6.0, abs=0.3)
    assert abs(table.loc["calibrated", "bias_db"]) < 0.5
    for other in ("uncalibrated", "constant", "free_space"):
        assert table.loc["calibrated", "rmse_db"] < table.loc[other, "rmse_db"] - 0.5
    assert {"distance", "random_split"} <= set(table.index)
    assert np.isnan(table.loc["distance", "rmse_db"])
    assert planted.usable


def test_the_spread_of_a_class_is_that_of_blocks_it_has_not_seen(planted):
    own = planted.metrics.query("`class` == 'los/outdoor' and predictor == 'calibrated'")["rmse_db"].item()
    assert planted.fit_of(NETWORK.name, 1, "outdoor").sigma_db == pytest.approx(own, rel=1e-12)


def test_probabilities_of_unseen_places_are_reliable():
    found = fitted(drive(6, count=4000, offset_db=-30.0), options=calibrate.Options(level_dbm=-105.0)).reliability
    bins = found[found["n"] >= 200]
    assert len(bins) >= 3
    wide = 3.0 * np.sqrt(bins["predicted"] * (1 - bins["predicted"]) / bins["n"]) + 0.02
    assert (abs(bins["predicted"] - bins["measured"]) < wide).all()
    assert found["n"].sum() > 3000


def test_a_device_ten_decibels_low_is_found_and_no_other():
    frame = drive(7, count=1200, devices=("a", "b", "c"))
    crowd = pd.concat([frame.assign(device_id=name) for name in ("a", "b", "c")], ignore_index=True)
    draw = np.random.default_rng(1)
    crowd["rsrp_dbm"] += draw.normal(0.0, 2.0, len(crowd)) - 10.0 * (crowd["device_id"] == "b")
    found = fitted(crowd)
    odd = [f for f in found.findings if f.code == "device_offset"]
    assert [f.value for f in odd] == ["b"]
    assert told_of(odd[0])["offset"] == pytest.approx(-10.0, abs=0.5)
    assert found.devices["b"] - found.devices["a"] == pytest.approx(-10.0, abs=1.0)


def test_twenty_nine_samples_are_refused_with_what_is_missing():
    frame = drive(8, count=60).drop_duplicates(["easting_m", "northing_m"])
    places = samples.prepare(frame, SITES, OPEN, NETWORKS).frame.head(30)
    enough = places[["easting_m", "northing_m", "network", "site_id", "sector_id", "rsrp_dbm"]]
    assert fitted(enough).fits
    with pytest.raises(TooFewSamples) as caught:
        fitted(enough.head(29))
    assert told_of(caught.value)["samples"] == 29
    assert told_of(caught.value)["lack_samples"] == 1
    assert "29" in caught.value.message("en")


@pytest.mark.parametrize(
    ("keep", "lack"),
    [
        (lambda f: f[f["sector_id"].isin(["s0-0", "s0-1"])], "lack_sectors"),
        (lambda f: f[(f["easting_m"] < 500) & (f["northing_m"] < 500)], "lack_blocks"),
    ],
)
def test_two_sectors_or_four_blocks_are_refused(keep, lack):
    with pytest.raises(TooFewSamples) as caught:
        fitted(keep(drive(9)))
    assert told_of(caught.value)[lack] == 1


@pytest.mark.parametrize("seed", [10, 11])
def test_levels_below_the_floor_of_the_device_do_not_bias(seed):
    frame = drive(seed, count=2500, offset_db=-4.0, slope_db=-6.0)
    floor = float(frame["rsrp_dbm"].quantile(0.35))
    cut = frame.assign(rsrp_dbm=frame["rsrp_dbm"].clip(lower=floor))
    made = samples.prepare(cut, SITES, OPEN, NETWORKS, floor_dbm=floor)
    assert 0.3 < made.frame["censored"].mean() < 0.4
    honest = train(made.frame).fits[0]
    naive = train(made.frame.assign(censored=False)).fits[0]
    assert error_of(honest, "slope_db", -6.0) < 3.0
    assert error_of(honest, "offset_db", -4.0) < 3.0
    assert error_of(naive, "slope_db", -6.0) > 8.0
    assert honest.censored == made.frame["censored"].sum()


def test_over_half_below_the_floor_there_is_no_slope_and_over_four_fifths_no_answer():
    frame = drive(12, count=700, slope_db=5.0)
    low, high = (calibrate.Options(floor_dbm=float(frame["rsrp_dbm"].quantile(share))) for share in (0.6, 0.9))
    found = fitted(frame, options=low)
    assert found.fit_of(NETWORK.name, 1, "outdoor").slope_db == pytest.approx(0.0, abs=1e-6)
    assert "calibrate_served_only" not in found.findings.counts()
    with pytest.raises(TooFewSamples):
        fitted(frame, options=high)


def test_a_slope_needs_a_hundred_places_and_a_factor_of_four_in_distance():
    made = samples.prepare(drive(13, slope_db=9.0), SITES, OPEN, NETWORKS).frame
    ring = made[made["distance_3d_m"].between(250.0, 700.0)]
    assert train(ring).fits[0].slope_db == pytest.approx(0.0, abs=1e-6)
    few = made[made["distance_3d_m"] > 60.0].head(99)
    assert few["distance_3d_m"].max() > 4.0 * few["distance_3d_m"].min()
    assert train(few).fits[0].slope_db == pytest.approx(0.0, abs=1e-6)
    assert abs(train(made).fits[0].slope_db) > 5.0


def test_a_class_with_few_samples_has_the_offset_of_its_network():
    made = samples.prepare(drive(14, offset_db=-6.0), SITES, OPEN, NETWORKS).frame
    mixed = made.assign(kind=np.where(np.arange(len(made)) < 29, "mall", "outdoor"))
    found = {(f.state, f.kind): f for f in train(mixed).fits}
    assert (1, "mall") not in found
    assert found[1, ANY].offset_db == pytest.approx(-6.0, abs=4.0)
    assert found[1, ANY].pattern == pytest.approx(found[1, "outdoor"].pattern)
    assert found[1, ANY].covariance[0][0] > 36.0


def test_a_sector_at_the_wrong_place_is_left_out_and_said():
    frame = drive(15, count=1800)
    moved = SITES.assign(easting_m=SITES["easting_m"].where(SITES["site_id"] != "s2", 300.0))
    found = calibrate.fit(frame, moved, OPEN, NETWORKS, seed=5)
    suspects = [f for f in found.findings if f.code == "sector_suspect"]
    assert {told_of(f)["site"] for f in suspects} <= {"s2"}
    assert suspects
    assert "sector_suspect" not in fitted(frame).findings.counts()


def test_a_sector_heard_far_off_is_suspect():
    made = samples.prepare(drive(16), SITES, OPEN, NETWORKS).frame
    out, found = samplechecks.suspect_sectors(made, far_m=400.0)
    share = made.assign(far=made["distance_2d_m"] > 400.0).groupby("sector_id")["far"].mean()
    size = made.groupby("sector_id").size()
    assert {f.value for f in found} == set(share.index[(share > 0.25) & (size >= 30)])
    assert set(made.loc[out, "sector_id"]) == {f.value for f in found}


def test_levels_that_no_model_explains_make_a_calibration_unusable():
    frame = drive(17, count=400)
    noise = frame.assign(rsrp_dbm=-95.0 + np.random.default_rng(0).normal(0.0, 9.0, len(frame)))
    found = fitted(noise)
    assert not found.usable
    assert "calibrate_not_better" in found.findings.counts()


def test_results_better_than_honest_data_allow_are_findings():
    assert "calibrate_too_good" in fitted(drive(18, count=600, noise_db=6.0)).findings.counts()
    assert "calibrate_impossible" in fitted(drive(18, count=600, noise_db=1.0)).findings.counts()
    wide = fitted(drive(18, count=600, noise_db=10.0)).findings.counts()
    assert not {"calibrate_too_good", "calibrate_impossible"} & set(wide)
    assert wide["calibrate_served_only"] == 1


def test_the_same_samples_give_the_same_calibration_in_any_order(planted):
    again = fitted(drive(1, offset_db=-7.0, slope_db=8.0).sample(frac=1.0, random_state=1))
    assert calibrate.to_json(again) == calibrate.to_json(planted)


def test_a_calibration_survives_being_text(planted):
    text = calibrate.to_json(planted)
    back = calibrate.from_json(text)
    assert back.fits == planted.fits
    assert back.devices == planted.devices
    assert back.findings == planted.findings
    assert (back.usable, back.data_hash) == (planted.usable, planted.data_hash)
    pd.testing.assert_frame_equal(back.metrics, planted.metrics)
    pd.testing.assert_frame_equal(back.reliability, planted.reliability)
    assert calibrate.to_json(back) == text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', "null"])
def test_other_text_is_refused(text):
    with pytest.raises(BadInput):
        calibrate.from_json(text)


def test_a_text_of_unknown_columns_is_refused(planted):
    kept = json.loads(calibrate.to_json(planted))
    kept["fits"][0]["extra"] = 1
    with pytest.raises(BadInput):
        calibrate.from_json(json.dumps(kept))


def test_bad_samples_are_left_out_and_counted():
    frame = drive(19, count=200).reset_index(drop=True)
    frame.loc[0, "rsrp_dbm"], frame.loc[1, "rsrp_dbm"], frame.loc[2, "rsrp_dbm"] = -170.0, -20.0, np.nan
    frame.loc[3, "network"] = "other"
    frame.loc[4, "easting_m"] = 99_999.0
    frame.loc[5, ["site_id", "sector_id"]] = ["s77", "s77-1"]
    frame.loc[6, ["site_id", "sector_id"]] = None
    made = samples.prepare(pd.concat([frame, frame.tail(4)]), SITES, OPEN, NETWORKS)
    assert dict(made.counts) | {"rows": 0} == {
        "given": 204, "range": 3, "network": 1, "outside": 1, "duplicates": 4, "unserved": 0, "used": 195, "rows": 0
    }  # fmt: skip
    told = {f.code: f.value for f in made.findings}
    assert told["sample_sector_unknown"] == "1"
    assert told["sample_predicted_server"] == "2"
    assert told["sample_duplicate"] == "4"


def test_samples_of_one_device_and_sector_in_one_cell_count_as_their_median():
    spot = {"easting_m": 605.0, "northing_m": 705.0, "network": NETWORK.name, "site_id": "s0"}
    rows = [
        spot | {"sector_id": "s0-0", "device_id": "a", "rsrp_dbm": level, "floor": 0} for level in (-80.0, -90.0, -70.0)
    ]
    rows += [spot | {"sector_id": "s0-0", "device_id": "b", "rsrp_dbm": -60.0, "floor": 0}]
    rows += [spot | {"sector_id": "s0-1", "device_id": "a", "rsrp_dbm": -50.0, "floor": 0}]
    rows += [spot | {"sector_id": "s0-0", "device_id": "a", "rsrp_dbm": -55.0, "floor": 3, "easting_m": 606.0}]
    made = samples.prepare(pd.DataFrame(rows), SITES, OPEN, NETWORKS).frame
    assert sorted(zip(made["rsrp_dbm"], made["n"], strict=True)) == [(-80.0, 3), (-60.0, 1), (-55.0, 1), (-50.0, 1)]
    assert made.set_index("rsrp_dbm").loc[-55.0, "kind"] == "unknown"


def test_missing_columns_are_named():
    with pytest.raises(BadInput) as caught:
        samples.prepare(drive(1).drop(columns=["rsrp_dbm"]), SITES, OPEN, NETWORKS)
    assert told_of(caught.value)["value"] == "rsrp_dbm"


@pytest.fixture(scope="module")
def city():
    frame = buildings(3, count=60, unknown=0.1)
    ground = terrain.from_layers(grid(), frame)[0]
    rows = [
        sector(f"s{i}", k, easting=e, northing=n, height=70.0, azimuth=120.0 * k)
        for i, (e, n) in enumerate(((40.0, 60.0), (250.0, 240.0), (150.0, 20.0)))
        for k in range(3)
    ]
    draw = np.random.default_rng(5)
    spots = draw.permutation(120 * 120)[:900]
    row, col = np.divmod(spots, 120)
    units = pd.DataFrame(
        {
            "unit_id": np.arange(900),
            "easting_m": 2.5 * col + 1.25,
            "northing_m": 300.0 - 2.5 * row - 1.25,
            "floor": np.where(ground.building[row, col] > 0, draw.integers(1, 6, 900), 0),
            "building_class": draw.choice(["brick_residential", "office_curtain_wall", "unknown"], 900),
            "persons": 1.0,
        }
    )
    units = units.assign(height_m=o2i.floor_height_m(units["floor"]), row=row, col=col, building_id=None)
    return ground, pd.DataFrame(rows), units


def test_a_sample_without_a_sector_hears_the_one_that_coverage_shows(city):
    ground, sites, units = city
    shown = coverage.coverage(sites, ground, units, NETWORK)
    asked = units.assign(network=NETWORK.name, site_id=None, sector_id=None)
    found, _ = samplelinks.links(asked, sites, ground, NETWORKS)
    server = shown.sectors["sector_id"].to_numpy()[shown.server]
    same = found["served_sector"].to_numpy() == server
    assert same.mean() > 0.998  # two sectors may be equal but for rounding
    np.testing.assert_array_equal(found["state"].to_numpy(float)[same], shown.state[same])
    np.testing.assert_allclose(found["p_los"].to_numpy(float)[same], shown.p_los[same], atol=1e-4)
    np.testing.assert_allclose(found["textbook_dbm"].to_numpy(float)[same], shown.rsrp_dbm[same], atol=0.01)
    assert set(found["kind"]) == {"outdoor", "brick_residential", "office_curtain_wall", "unknown"}


def test_what_lies_under_many_rays_equals_one_trace_per_ray(city):
    ground, sites, units = city
    asked = units.head(150).assign(network=NETWORK.name, site_id="s0", sector_id="s0-0")
    found = rays.with_rays(samplelinks.links(asked, sites, ground, NETWORKS)[0], ground)
    mast = terrain.Antenna(40.0, 60.0, 70.0, "tower")
    for row in found.itertuples():
        path = terrain.trace(ground, mast, terrain.Receiver(row.easting_m, row.northing_m, row.height_m))
        assert row.loss_db == pytest.approx(diffraction.bullington_db(path, NETWORK.frequency_ghz), abs=1e-6)
        z0, z1 = row.antenna_z_m, row.z_m
        middle = 0.5 * (path.near_m + path.far_m)
        surface = np.where(np.isnan(path.surface_m), 0.0, path.surface_m)
        over = surface - (z0 + (z1 - z0) * middle / row.distance_2d_m)
        blocked = path.tested & (over > 0.0)
        assert row.blocked_cells == blocked.sum()
        assert row.blocked_m == pytest.approx((path.far_m - path.near_m)[blocked].sum(), abs=1e-6)
        assert row.excess_m == pytest.approx(np.max(over[path.tested], initial=-100.0), abs=1e-4)


def test_what_stands_around_a_place_equals_counting_cells(city):
    ground, _, units = city
    found = rays.around(units.head(20), ground)
    rows, cols = np.indices(ground.grid.shape)
    for row in found.itertuples():
        near = (rows - row.row) ** 2 + (cols - row.col) ** 2 <= 20**2
        # a disc of whole cells, counted row by row, keeps cells up to its rounded half width
        half = np.floor(np.sqrt(np.maximum(20**2 - (rows - row.row) ** 2, 0)))
        near &= abs(cols - row.col) <= half
        built = ground.building[near] > 0
        heights = ground.surface_m[near][built & ~np.isnan(ground.surface_m[near])]
        assert row.built_share == pytest.approx(built.mean(), rel=1e-9)
        assert row.roof_mean_m == pytest.approx(heights.mean() if heights.size else 0.0, rel=1e-6)


def test_a_planted_weight_of_diffraction_comes_back(city):
    ground, sites, units = city
    asked = units[units["floor"] == 0].assign(network=NETWORK.name, site_id="s0", sector_id="s0-0", device_id="")
    found = rays.with_rays(samplelinks.links(asked, sites, ground, NETWORKS)[0], ground)
    hidden = found[found["state"] == 0].reset_index(drop=True)
    again = pd.concat([hidden] * 4, ignore_index=True)
    loss = again["loss_db"].clip(0.0, 60.0)
    noise = np.random.default_rng(2).normal(0.0, 3.0, len(again))
    again = again.assign(
        rsrp_dbm=again["textbook_dbm"] - 3.0 - 0.4 * (loss - loss.mean()) + noise, censored=False, block="0:0"
    )
    fit = train(again, diffraction=True).fits[0]
    assert fit.beta == pytest.approx(0.4, abs=3.0 * np.sqrt(fit.covariance[4][4]) + 0.02)
    assert fit.loss_mean_db == pytest.approx(loss.mean())
    assert train(again).fits[0].beta == 0.0


def test_a_calibrated_level_is_the_sum_of_its_terms():
    fit = ClassFit(
        "n", 0, "outdoor", offset_db=-2.0, slope_db=5.0, pattern=0.4, power=0.5, beta=0.3, loss_mean_db=10.0,
        power_mean_dbm=15.0, covariance=tuple(tuple(r) for r in np.eye(5)),
    )  # fmt: skip
    row = pd.DataFrame(
        {
            "network": ["n", "n", "other"], "state": [0, 0, 0], "kind": ["outdoor", "mall", "outdoor"], "device_id": ["d", "", ""],
            "distance_3d_m": [1000.0] * 3, "gain_db": [-10.0] * 3, "power_dbm": [17.0] * 3, "loss_db": [30.0] * 3,
            "los_dbm": [-70.0] * 3, "nlos_dbm": [-100.0] * 3, "textbook_dbm": [-100.0] * 3,
        }
    )  # fmt: skip
    found = predict((fit,), {"d": 1.5}, row)
    assert found.level_dbm[0] == pytest.approx(-100.0 - 2.0 + 5.0 + 0.6 * 10.0 + 0.5 * 2.0 - 0.3 * 20.0 + 1.5)
    assert np.isnan(found.level_dbm[1:]).all()
    assert found.variance_db2[0] == pytest.approx(1.0 + 1.0 + 100.0 + 4.0 + 400.0)
    whole = predict((dataclasses.replace(fit, kind=ANY),), {}, row)
    assert np.isfinite(whole.level_dbm[:2]).all()


def test_eliminating_devices_changes_nothing():
    draw = np.random.default_rng(3)
    size, classes, devices = 300, 3, 7
    design = regression.Design(
        x=draw.normal(size=(size, 5)),
        y=draw.normal(size=size) * 5.0,
        cell=draw.integers(0, classes, size),
        device=draw.integers(-1, devices, size),
        block=draw.integers(0, 9, size),
        censored=np.zeros(size, bool),
        network=np.array([0, 0, 1]),
        active=np.ones((classes, 5), bool),
    )
    sigma, repeats, weight = np.array([5.0, 6.0, 7.0]), np.array([1.0, 2.0, 3.0]), draw.uniform(0.2, 1.0, size)
    found = regression._posterior(design, design.y, weight, (sigma, repeats, design.active, np.zeros(classes)))
    # The same, written out: networks, classes, devices in one dense system.
    wide = np.zeros((size, 2 + 15 + devices))
    for i in range(size):
        wide[i, 2 + 5 * design.cell[i] : 7 + 5 * design.cell[i]] = design.x[i]
        if design.device[i] >= 0:
            wide[i, 17 + design.device[i]] = 1.0
    scale = weight / (sigma**2 * repeats)[design.cell]
    prior = np.diag([10.0**-2] * 2 + [0.0, 10.0**-2, 1.0, 1.0, 0.5**-2] * 3 + [3.0**-2] * devices)
    for k, n in enumerate(design.network):
        lean = np.zeros(17 + devices)
        lean[2 + 5 * k], lean[n] = 1.0, -1.0
        prior += np.outer(lean, lean) / 6.0**2
    inverse = np.linalg.inv(wide.T @ (scale[:, None] * wide) + prior)
    theta = inverse @ (wide.T @ (scale * design.y))
    np.testing.assert_allclose(found.terms.ravel(), theta[2:17], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.network_db, theta[:2], rtol=1e-9)
    np.testing.assert_allclose(found.device_db, theta[17:], rtol=1e-9)
    np.testing.assert_allclose(found.covariance[1], inverse[7:12, 7:12], rtol=1e-9)


def test_samples_that_repeat_their_block_make_the_answer_less_certain():
    draw = np.random.default_rng(4)
    made = samples.prepare(drive(20, noise_db=0.5), SITES, OPEN, NETWORKS).frame
    shared = made["block"].map(dict(zip(made["block"].unique(), draw.normal(0, 6.0, 99), strict=False)))
    loose = train(made.assign(rsrp_dbm=made["rsrp_dbm"] + draw.normal(0.0, 6.0, len(made)))).fits[0]
    tight = train(made.assign(rsrp_dbm=made["rsrp_dbm"] + shared)).fits[0]
    assert tight.covariance[1][1] > 4.0 * loose.covariance[1][1]


def test_folds_are_whole_blocks_dealt_by_the_seed():
    blocks = pd.Series([f"{i // 7}:{i % 3}" for i in range(400)])
    fold = heldout.folds_of(blocks, seed=1)
    assert pd.DataFrame({"b": blocks, "f": fold}).groupby("b")["f"].nunique().max() == 1
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]
    assert (heldout.folds_of(blocks, seed=2) != fold).any()
    np.testing.assert_array_equal(
        heldout.folds_of(blocks.sample(frac=1.0, random_state=0), seed=1)[
            np.argsort(blocks.sample(frac=1.0, random_state=0).index)
        ],
        fold,
    )


def test_the_cut_with_the_best_f1_is_found():
    draw = np.random.default_rng(6)
    weak = draw.random(200) < 0.3
    score = np.round(weak + draw.normal(0.0, 1.0, 200), 1)
    best = max(heldout.f1_of(weak, score >= cut) for cut in np.unique(score))
    assert heldout.f1_of(weak, score >= heldout.best_cut(score, weak)) == pytest.approx(best)
    assert heldout.best_cut(score, np.zeros(200, bool)) == np.inf


def test_a_constant_is_judged_by_the_mean_of_the_other_folds(planted):
    made = samples.prepare(drive(1, offset_db=-7.0, slope_db=8.0), SITES, OPEN, NETWORKS).frame
    fold = heldout.folds_of(made["block"], seed=5)
    level = made["rsrp_dbm"].to_numpy()
    error = level - np.array([level[fold != f].mean() for f in fold])
    said = planted.metrics.query("network == '' and predictor == 'constant'")["rmse_db"].item()
    assert said == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)


def test_a_measured_pattern_named_by_a_sector_counts():
    flat = network.Gear(network.load_equipment(), {"flat": antenna.isotropic()})
    asked = drive(21, count=30).assign(building_class=None)
    found, _ = samplelinks.links(asked, SITES.assign(pattern="flat"), OPEN, NETWORKS, gear=flat)
    np.testing.assert_allclose(found["gain_db"].to_numpy(float), 0.0, atol=1e-5)
    plain, _ = samplelinks.links(asked, SITES, OPEN, NETWORKS)
    np.testing.assert_allclose(plain["textbook_dbm"].to_numpy(float), textbook(asked), atol=1e-9)
