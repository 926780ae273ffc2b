import csv
import os
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from siting.errors import BadInput, OutOfRange
from siting.radio import antenna, decibel, emf, network, o2i, pathloss
from siting.radio import kernels_formulas as formulas
from siting.radio import kernels_shapes as shapes
from siting.radio import kernels_tally as tally

DATA = Path(os.environ.get("SITING_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "tr38901"

# model, frequency, distance, heights -> LoS, NLoS: worked vectors of the radio handbook, section 16
VECTORS = [
    (pathloss.uma_los_db, pathloss.uma_nlos_db, 3.5, 200, {}, 89.5695, 114.4620),
    (pathloss.uma_los_db, pathloss.uma_nlos_db, 3.5, 1000, {}, 109.4119, 141.6660),
    (pathloss.uma_los_db, pathloss.uma_nlos_db, 2.6, 1000, {}, 109.1481, 139.0842),
    (pathloss.uma_los_db, pathloss.uma_nlos_db, 0.763, 500, {}, 95.9266, 116.6850),
    (pathloss.uma_los_db, pathloss.uma_nlos_db, 3.5, 200, {"ut_height_m": 22.5}, 89.5048, 101.7469),
    (pathloss.umi_los_db, pathloss.umi_nlos_db, 3.5, 100, {}, 85.3142, 104.6438),
    (pathloss.umi_los_db, pathloss.umi_nlos_db, 3.5, 200, {"bs_height_m": 8.0}, 93.2768, 115.2231),
    (pathloss.rma_los_db, pathloss.rma_nlos_db, 5.0, 100, {}, 87.2965, 95.7718),
    (pathloss.inh_los_db, pathloss.inh_nlos_db, 5.0, 10, {}, 63.7630, 73.1894),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_worked_losses_agree_within_a_hundredth_of_a_decibel(vector):
    los, nlos, frequency, distance, heights, seen, hidden = vector
    assert los(distance, frequency, **heights) == pytest.approx(seen, abs=0.01)
    assert nlos(distance, frequency, **heights) == pytest.approx(hidden, abs=0.01)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pathloss.uma_breakpoint_m(3.5, bs_height_m=25.0, ut_height_m=1.5), 560.0),
        (pathloss.umi_breakpoint_m(3.5, bs_height_m=10.0, ut_height_m=1.5), 210.0),
        (pathloss.uma_los_probability(100.0), 0.347671),
        (pathloss.uma_los_probability(200.0, ut_height_m=20.0), 0.325726),
        (pathloss.umi_los_probability(50.0), 0.519585),
        (pathloss.rma_los_probability(500.0), 0.612626),
        (o2i.wall_loss_db(2.6, model="low"), 12.2558),
        (o2i.wall_loss_db(2.6, model="high"), 24.7707),
        (antenna.gain_dbi(antenna.element_38901(), 32.5, 0.0), 5.0),
        (antenna.gain_dbi(antenna.element_38901(), 60.0, 0.0), -2.2249),
        (decibel.power_per_re_dbm(200.0, 273), 17.857),
        (emf.compliance_distance_m(200.0, 24.5, 3500.0), 98.04),
        (emf.limits(3500.0).e_v_m, 13.0154),
        (emf.limits(3500.0).s_w_m2, 0.466667),
    ],
)
def test_worked_numbers_of_the_handbook_come_out(value, expected):
    assert float(value) == pytest.approx(expected, abs=0.01 if expected > 1 else 1e-4)


def test_the_emf_example_comes_out_at_antenna_height_and_twelve_metres_below():
    sector = antenna.sector(24.5)
    for drop, expected in ((0.0, 4.685), (12.0, 0.031)):
        gain = antenna.gain_dbi(sector, 0.0, np.degrees(np.arctan2(drop, 40.0)), electrical_tilt_deg=3.0)
        density = emf.power_density_w_m2(200.0, gain, np.hypot(40.0, drop))
        assert emf.quotient([density], [3500.0]).q_s == pytest.approx(expected, abs=0.001)


def test_the_worked_chain_gives_level_and_probability_behind_a_wall():
    power = decibel.power_per_re_dbm(240.0, 273)
    gain = antenna.gain_dbi(antenna.sector(16.0), 20.0, np.degrees(np.arctan2(23.5, 250.0)), electrical_tilt_deg=6.0)
    seen = float(power + gain - 0.5 - pathloss.uma_los_db(250.0, 2.6))
    hidden = float(power + gain - 0.5 - pathloss.uma_nlos_db(250.0, 2.6))
    assert (seen, hidden) == pytest.approx((-56.131, -82.661), abs=0.01)
    inside = float(o2i.indoor_loss_db(5.0))
    wall = float(o2i.wall_loss_db(2.6, model="high"))
    sigma = np.hypot(o2i.sigma_db("high"), [4.0, 6.0])
    units = shapes.Units(
        np.zeros(1, np.float32),
        np.zeros(1, np.float32),
        np.zeros(1, np.uint8),
        np.zeros(1, np.int32),
        np.array([[wall, 0.0]]),
        np.tile(sigma, 2)[None, None, :].repeat(2, axis=1),
        np.array([[1.0, 0.0]]),
    )
    paths = (np.float32(seen - inside), tally.MAYBE_LOS_AT, np.float32(hidden - inside), tally.MAYBE_NLOS_AT)
    p = tally.probability_over(units, 0, paths, np.float32(0.089545), -105.0)
    assert p == pytest.approx(0.35210, abs=1e-4)


def _first_numbers(formula, name):
    """Constants of lg d3D and of the whole in a formula of the published table."""
    part = formula[formula.index(name) :]
    return [float(n) for n in re.findall(r"(\d+(?:\.\d+)?)", part.split("log_{10}(d_{3D})")[0])[-2:]]


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the data folder with the published tables is absent")
def test_losses_have_the_constants_of_the_published_table():
    with (DATA / "tr38901_v19.4.0_table-7.4.1-1.csv").open() as file:
        rows = {(r["scenario"], r["condition"], r["variant"]): r for r in csv.DictReader(file)}
    base = np.log10(200.0)
    for scenario, los, optional in (
        (
            "UMa",
            pathloss.uma_los_db,
            lambda: pathloss.uma_nlos_db(200.0, 1.0, bs_height_m=10.0, ut_height_m=10.0, variant="optional"),
        ),
        (
            "UMi-StreetCanyon",
            pathloss.umi_los_db,
            lambda: pathloss.umi_nlos_db(200.0, 1.0, bs_height_m=10.0, ut_height_m=10.0, variant="optional"),
        ),
    ):
        constant, slope = (
            float(n)
            for n in re.search(r"PL_1 = ([\d.]+) ?\+ ?([\d.]+)\\log", rows[scenario, "LOS", ""]["formula"]).groups()
        )
        assert los(200.0, 1.0, bs_height_m=10.0, ut_height_m=10.0) == pytest.approx(constant + slope * base)
        text = rows[scenario, "NLOS", "optional"]["formula"]
        constant, slope = (
            float(re.search(r"= ([\d.]+)", text).group(1)),
            float(re.search(r"([\d.]+)\\log_\{10\}\(d_\{3D\}\)", text).group(1)),
        )
        assert optional() == pytest.approx(constant + slope * base)
        for condition, state in (("LOS", True), ("NLOS", False)):
            model = "uma" if scenario == "UMa" else "umi"
            assert pathloss.shadow_sigma_db(model, los=state) == float(
                rows[scenario, condition, ""]["shadow_fading_std_db"]
            )


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the data folder with the published tables is absent")
def test_walls_have_the_materials_of_the_published_table():
    names = {
        "Standard multi-pane glass": "glass",
        "IRR glass": "irr_glass",
        "Concrete": "concrete",
        "Plywood": "plywood",
        "Wood": "wood",
    }
    with (DATA / "tr38901_v19.4.0_table-7.4.3-1.csv").open() as file:
        for row in csv.DictReader(file):
            base, slope = (float(n) for n in re.search(r"= ([\d.]+) \+ ([\d.]+)f", row["formula"]).groups())
            assert o2i.material_loss_db(names[row["material"]], 3.5) == pytest.approx(base + 3.5 * slope)
    with (DATA / "tr38901_v19.4.0_table-7.4.3-2.csv").open() as file:
        spread = {row["model"]: float(row["std_p_db"]) for row in csv.DictReader(file)}
    assert spread == {
        "Low-loss model": o2i.sigma_db("low"),
        "High-loss model": o2i.sigma_db("high"),
        "Low-loss A model": o2i.sigma_db("low_a"),
    }


@pytest.mark.parametrize("los", [pathloss.uma_los_db, pathloss.umi_los_db])
def test_loss_has_no_jump_at_the_break_point(los):
    base = 25.0 if los is pathloss.uma_los_db else 10.0
    turn = float(pathloss.uma_breakpoint_m(3.5, bs_height_m=base, ut_height_m=1.5))
    below, above = los(np.array([turn, np.nextafter(turn, 1e9)]), 3.5, bs_height_m=base)
    assert below == pytest.approx(above, abs=1e-6)


def test_losses_grow_with_distance_and_are_never_lower_when_hidden():
    distance = np.geomspace(10, 5000, 500)
    for los, nlos in ((pathloss.uma_los_db, pathloss.uma_nlos_db), (pathloss.umi_los_db, pathloss.umi_nlos_db)):
        for height in (1.5, 10.0, 22.5):
            seen, hidden = los(distance, 3.5, ut_height_m=height), nlos(distance, 3.5, ut_height_m=height)
            assert (np.diff(seen) > 0).all()
            assert (np.diff(hidden) > 0).all()
            assert (hidden >= seen).all()


@pytest.mark.parametrize("distance", [9.9, 5001.0, np.nan])
def test_a_distance_outside_the_model_is_refused_with_value_and_range(distance):
    with pytest.raises(OutOfRange) as error:
        pathloss.uma_los_db(distance, 3.5)
    assert "distance_2d_m" in error.value.message("en")
    assert "5000" in error.value.message("en")


def test_the_compiled_link_equals_the_formulas_everywhere():
    draw = np.random.default_rng(5)
    for model, name, los, nlos in (
        (formulas.UMA, "uma", pathloss.uma_los_db, pathloss.uma_nlos_db),
        (formulas.UMI, "umi", pathloss.umi_los_db, pathloss.umi_nlos_db),
    ):
        for _ in range(300):
            d, bs, ut = draw.uniform(0, 3000), draw.uniform(2, 110), draw.uniform(1.5, 100)
            heights = {"bs_height_m": bs, "ut_height_m": ut}
            seen, hidden = formulas.losses_db(model, d, bs, ut, 3.45)
            assert seen == pytest.approx(float(los(d, 3.45, out_of_range="clamp", **heights)), abs=1e-6)
            assert hidden == pytest.approx(float(nlos(d, 3.45, out_of_range="clamp", **heights)), abs=1e-6)
            assert formulas.link_flags(model, d, bs, ut) == pathloss.range_flags(name, d, 3.45, **heights)
    for d, ut in draw.uniform((0, 1.5), (900, 40), (200, 2)):
        assert formulas.los_probability(formulas.UMA, d, ut) == pytest.approx(
            float(pathloss.uma_los_probability(d, ut_height_m=ut))
        )
        assert formulas.los_probability(formulas.UMI, d, ut) == pytest.approx(float(pathloss.umi_los_probability(d)))


def test_a_mechanical_tilt_lowers_the_front_and_raises_the_back():
    sector = antenna.sector(17.0)
    front = antenna.gain_dbi(sector, 0.0, np.array([8.0, -8.0]), mechanical_tilt_deg=8.0)
    assert front[0] == pytest.approx(17.0)
    assert front[1] < 0.0
    side = antenna.gain_dbi(sector, 90.0, 0.0, mechanical_tilt_deg=8.0)
    assert side == pytest.approx(float(antenna.gain_dbi(sector, 90.0, 0.0)), abs=0.1)


def test_exemption_ends_just_above_a_hundred_watts():
    assert emf.is_exempt([100.0, 100.001]).tolist() == [True, False]
    assert emf.equivalent_power_w(10.0, 10.0, 3500.0) == pytest.approx(100.0)


def test_a_facade_inside_the_compliance_distance_has_a_quotient_above_one():
    assert emf.distance_quotient(98.0, [49.0, 196.0, np.inf]) == pytest.approx([2.0, 0.5, 0.0])


def test_every_number_in_the_tables_has_source_and_mark():
    files = [path for path in network.DATA.iterdir() if path.is_file()]
    assert {path.suffix for path in files} == {".csv", ".toml"}
    tables = network.shipped_tables()
    assert set(tables) == {path.stem for path in files}
    for name, rows in tables.items():
        assert rows, name
        assert all(row["source"].strip() and row["mark"] in network.MARKS for row in rows), name
    for path in network.DATA.glob("*.toml"):
        for name, row in tomllib.loads(path.read_text(encoding="utf-8")).items():
            assert set(row) == {"value", "unit", "source", "mark"}, name


@pytest.mark.parametrize("row", ["a,1,,std", "a,1,page,", "a,1,page,sure"])
def test_a_table_with_a_number_of_unknown_origin_is_not_read(tmp_path, row):
    (tmp_path / "t.csv").write_text(f"name,value,source,mark\n{row}\n")
    (tmp_path / "t.toml").write_text('[a]\nvalue = 1\nsource = ""\nmark = "std"\n')
    with pytest.raises(BadInput):
        network.read_rows(tmp_path / "t.csv")
    with pytest.raises(BadInput):
        network.read_numbers(tmp_path / "t.toml")


def test_the_shipped_networks_and_thresholds_are_those_of_the_licences():
    assert {n.name for n in network.load_networks().values() if n.active} >= {"cm-n41", "ctcu-n78-a"}
    assert network.load_thresholds()["target-105"].sinr_db == -3.0
    assert network.load_thresholds()["weak-110"].sinr_db is None
