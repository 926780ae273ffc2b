import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from siting.radio import terrain as t
from tests.radio.radio_scenes import CRS, brute_force, buildings, grid


@pytest.fixture(scope="module")
def city():
    return t.from_layers(grid(), buildings(3))[0]


def _antenna(draw, terrain):
    mount = str(draw.choice(["pole", "roof", "tower"]))
    return t.Antenna(*draw.uniform(5, 295, 2), float(draw.uniform(8, 45)), mount)


def test_trace_visits_and_clears_exactly_as_clipping_every_cell_does():
    draw = np.random.default_rng(1)
    for seed in range(4):
        terrain = t.from_layers(grid(), buildings(seed, count=30, side_m=300.0))[0]
        for _ in range(150):
            antenna = _antenna(draw, terrain)
            receiver = t.Receiver(*draw.uniform(1, 299, 2), float(draw.choice([1.5, 10.5, 30.0])))
            known, every, visited = brute_force(terrain, antenna, receiver)
            path = t.trace(terrain, antenna, receiver)
            assert set(zip(path.row.tolist(), path.col.tolist(), strict=True)) == visited
            assert path.clear_m == pytest.approx(known, rel=1e-9)
            assert path.cap_m == pytest.approx(every, rel=1e-9)


def test_the_sweep_agrees_with_trace_on_99_percent_of_cells(city):
    draw = np.random.default_rng(2)
    same = total = 0
    easting, northing = city.grid.centres()
    for _ in range(6):
        antenna = _antenna(draw, city)
        clear = t.clear_height_m(city, antenna, radius_m=120.0)
        top, left, _rows, _cols = clear.window
        spots = np.argwhere(~np.isnan(clear.height_m))
        for z in (1.5, 16.5):
            states = t.los_state(clear, z)
            for row, col in spots[draw.integers(0, len(spots), 150)]:
                receiver = t.Receiver(easting[left + col], northing[top + row], z)
                same += t.trace(city, antenna, receiver).state == states[row, col]
                total += 1
    assert same / total >= 0.99


def test_every_cell_within_the_radius_is_reached(city):
    antenna = t.Antenna(151.0, 148.0, 20.0, "tower")
    clear = t.clear_height_m(city, antenna, radius_m=140.0)
    easting, northing = city.grid.centres()
    top, left, rows, cols = clear.window
    far = np.hypot(easting[None, left : left + cols] - 151.0, northing[top : top + rows, None] - 148.0) > 140.0
    assert (np.isnan(clear.height_m) == far).all()


def test_swapping_the_ends_gives_the_same_state(city):
    draw = np.random.default_rng(7)
    free = np.argwhere(city.building == 0)
    easting, northing = city.grid.centres()
    for a, b in free[draw.integers(0, len(free), (100, 2))]:
        one, two = (easting[a[1]], northing[a[0]], 12.0), (easting[b[1]], northing[b[0]], 12.0)
        assert (
            t.trace(city, t.Antenna(*one), t.Receiver(*two)).state
            == t.trace(city, t.Antenna(*two), t.Receiver(*one)).state
        )


def test_a_block_of_sixty_metres_hides_what_is_behind_it():
    block = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [60.0]}, geometry=[box(140, 100, 160, 200)], crs=CRS)
    terrain = t.from_layers(grid(), block)[0]
    path = t.trace(terrain, t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0, 1.5))
    assert path.state == 0
    assert path.surface_m[path.first] == 60.0
    assert path.clearance_m < -50.0


def test_an_unknown_building_makes_the_path_unknown_and_no_other_state():
    block = gpd.GeoDataFrame({"building_id": ["a"], "height_m": [np.nan]}, geometry=[box(140, 100, 160, 200)], crs=CRS)
    terrain, findings = t.from_layers(grid(), block)
    assert findings.counts() == {"radio_height_unknown": 1}
    assert t.trace(terrain, t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0, 1.5)).state == 2
    assert t.trace(terrain, t.Antenna(100.0, 150.0, 25.0), t.Receiver(120.0, 150.0, 1.5)).state == 1


def test_a_cell_belongs_to_the_tallest_footprint_and_a_tiny_one_claims_its_own_cell():
    shapes = [box(100, 100, 120, 120), box(110, 100, 130, 120), box(201.0, 201.0, 201.4, 201.4)]
    frame = gpd.GeoDataFrame(
        {"building_id": ["low", "high", "tiny"], "height_m": [10.0, 30.0, 5.0]}, geometry=shapes, crs=CRS
    )
    terrain = t.from_layers(grid(), frame)[0]
    assert terrain.building_at(115.0, 110.0) == 2
    assert terrain.building_at(105.0, 110.0) == 1
    assert terrain.building_at(201.2, 201.2) == 3
