import math

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from siting.errors import OutOfRange
from siting.radio import diffraction as d
from siting.radio import terrain as t
from tests.radio.radio_scenes import CRS, buildings, grid

GHZ = 3.5
WAVE_M = 3.0e8 / 3.5e9


def scene(walls):
    """A path of 200 m from 30 m down to 10 m over walls one cell thick whose middles lie at whole distances."""
    shapes = [box(40.0 + at, 100.0, 42.5 + at, 200.0) for at, _ in walls]
    frame = gpd.GeoDataFrame(
        {"building_id": [str(i) for i in range(len(walls))], "height_m": [h for _, h in walls]},
        geometry=shapes,
        crs=CRS,
    )
    terrain = t.from_layers(grid(), frame)[0]
    return t.trace(terrain, t.Antenna(41.25, 151.25, 30.0), t.Receiver(241.25, 151.25, 10.0))


def test_the_knife_edge_gives_the_published_values_and_nothing_far_below_the_ray():
    assert d.knife_edge_db([0.0, 1.0, 9.4657]) == pytest.approx([6.0329, 13.9257, 32.3761], abs=1e-4)
    assert d.knife_edge_db([-0.78, -2.0]).tolist() == [0.0, 0.0]
    assert d.knife_edge_db(-0.7799) == pytest.approx(0.0, abs=0.01)
    assert math.isnan(d.knife_edge_db(math.nan))


def test_one_edge_twelve_metres_over_the_ray_gives_the_worked_example():
    path = scene([(150.0, 27.0)])
    assert d.edges_of(path, GHZ).parameters().max() == pytest.approx(9.4657, abs=1e-4)
    assert d.bullington_db(path, GHZ) == pytest.approx(42.3347, abs=1e-3)


def test_a_path_far_above_every_roof_loses_nothing_and_one_that_grazes_loses_six_decibels():
    assert d.bullington_db(scene([]), GHZ) == 0.0
    assert d.deygout_db(scene([]), GHZ) == 0.0
    grazing = d.bullington_db(scene([(150.0, 15.0)]), GHZ)
    assert grazing == pytest.approx(6.0329 + (1 - math.exp(-6.0329 / 6)) * 10.004, abs=1e-3)


def p1812(edges, start, end, length):
    """Bullington as Recommendation P.1812 writes it (4.3.1), over a flat earth, one edge after the other."""
    climb = max((h - start) / x for x, h in edges)
    if climb < (end - start) / length:
        v = max(
            (h - (start * (length - x) + end * x) / length) * math.sqrt(2 * length / (WAVE_M * x * (length - x)))
            for x, h in edges
        )
    else:
        back = max((h - end) / (length - x) for x, h in edges)
        x = (end - start + back * length) / (climb + back)
        over = start + climb * x - (start * (length - x) + end * x) / length
        v = over * math.sqrt(2 * length / (WAVE_M * x * (length - x)))
    loss = 6.9 + 20 * math.log10(math.sqrt((v - 0.1) ** 2 + 1) + v - 0.1) if v > -0.78 else 0.0
    return loss + (1 - math.exp(-loss / 6)) * (10 + 0.02 * length / 1000)


def test_bullington_equals_the_recommendation_over_random_cities():
    draw = np.random.default_rng(5)
    hidden = 0
    for seed in range(3):
        terrain = t.from_layers(grid(), buildings(seed))[0]
        for _ in range(60):
            antenna = t.Antenna(*draw.uniform(5, 295, 2), float(draw.uniform(5, 80)))
            path = t.trace(terrain, antenna, t.Receiver(*draw.uniform(1, 299, 2), float(draw.choice([1.5, 20.0]))))
            edges = [
                ((near + far) / 2, ground if math.isnan(surface) else surface)
                for near, far, surface, ground, tested in zip(
                    path.near_m, path.far_m, path.surface_m, path.ground_m, path.tested, strict=True
                )
                if tested
            ]
            expected = p1812(edges, path.start_z_m, path.end_z_m, path.length_m) if edges else 0.0
            assert d.bullington_db(path, GHZ) == pytest.approx(expected, rel=1e-9, abs=1e-9)
            hidden += expected > 20
    assert hidden > 30


def test_deygout_adds_the_highest_edge_on_each_side_of_the_main_one():
    path = scene([(50.0, 30.0), (100.0, 45.0), (150.0, 20.0)])
    edge = {}
    for name, (x, h), (a, ha), (b, hb) in (
        ("main", (100, 45), (0, 30), (200, 10)),
        ("near", (50, 30), (0, 30), (100, 45)),
        ("far", (150, 20), (100, 45), (200, 10)),
    ):
        over = h - (ha + (hb - ha) * (x - a) / (b - a))
        v = over * math.sqrt(2 * (b - a) / (WAVE_M * (x - a) * (b - x)))
        edge[name] = 6.9 + 20 * math.log10(math.sqrt((v - 0.1) ** 2 + 1) + v - 0.1) if v > -0.78 else 0.0
    weight = 1 - math.exp(-edge["main"] / 6)
    expected = edge["main"] + weight * (edge["near"] + edge["far"] + 10 + 0.04 * 0.2)
    assert d.deygout_db(path, GHZ) == pytest.approx(expected, abs=1e-6)


def test_unknown_roofs_the_own_building_and_the_roof_under_the_antenna_are_no_edges():
    free = scene([])
    unknown = scene([(150.0, math.nan)])
    assert unknown.state == 2
    assert d.bullington_db(unknown, GHZ) == d.bullington_db(free, GHZ)
    tall = gpd.GeoDataFrame(
        {"building_id": ["own", "roof"], "height_m": [60.0, 40.0]},
        geometry=[box(235, 140, 260, 160), box(30, 140, 50, 160)],
        crs=CRS,
    )
    terrain = t.from_layers(grid(), tall)[0]
    path = t.trace(terrain, t.Antenna(41.25, 151.25, 45.0, "roof"), t.Receiver(250.0, 151.25, 10.0))
    assert d.bullington_db(path, GHZ) == 0.0


def test_the_first_fresnel_zone_is_widest_in_the_middle_and_tells_how_free_the_ray_is():
    assert d.fresnel_radius_m(100.0, 100.0, frequency_ghz=3.0) == pytest.approx(math.sqrt(0.1 * 50.0))
    radius = math.sqrt(WAVE_M * 150 * 50 / 200)
    assert d.fresnel_clearance(scene([(150.0, 27.0)]), GHZ) == pytest.approx(-12.0 / radius, rel=1e-9)


@pytest.mark.parametrize("frequency_ghz", [0.0, -1.0, math.nan, math.inf])
def test_a_frequency_that_is_none_is_refused(frequency_ghz):
    with pytest.raises(OutOfRange):
        d.bullington_db(scene([]), frequency_ghz)
