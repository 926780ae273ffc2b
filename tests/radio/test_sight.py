import geopandas as gpd
import numpy as np
import pytest
from shapely.affinity import rotate
from shapely.geometry import box

from siting.geo.grid import Grid
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
        for _ in range(60):
            antenna = _antenna(draw, terrain)
            receiver = t.Receiver(*draw.uniform(1, 299, 2), float(draw.choice([1.5, 10.5, 30.0])))
            known, every, visited = brute_force(terrain, antenna, receiver)
            path = t.trace(terrain, antenna, receiver)
            assert set(zip(path.row.tolist(), path.col.tolist(), strict=True)) == visited
            assert path.clear_m == pytest.approx(known, rel=1e-9)
            assert path.cap_m == pytest.approx(every, rel=1e-9)


SIDE_M, CELL_M = 60.0, 2.5


def _inside(start, end, low, size):
    """Shares of the way at which paths enter and leave slabs of width 1 from `low` [path, slab]."""
    step = (end - start)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        edges = np.stack([(low - start[:, None]) / step, (low + 1.0 - start[:, None]) / step])
    along = (low <= start[:, None]) & (start[:, None] < low + 1.0)
    flat = np.broadcast_to(step == 0.0, along.shape)
    near = np.where(flat, np.where(along, 0.0, 2.0), np.maximum(edges.min(axis=0), 0.0))
    far = np.where(flat, np.where(along, 1.0, -2.0), np.minimum(edges.max(axis=0), 1.0))
    assert near.shape == (len(start), size)
    return near, far


def _clipped(terrain, antennas, receivers):
    """Visited cells, clear height and cap of many paths, by clipping each against every cell of a small grid."""
    fine = terrain.grid
    x0, y0 = (antennas[:, 0] - fine.west_m) / CELL_M, (fine.north_m - antennas[:, 1]) / CELL_M
    x1, y1 = (receivers[:, 0] - fine.west_m) / CELL_M, (fine.north_m - receivers[:, 1]) / CELL_M
    across, down = _inside(x0, x1, np.arange(fine.cols), fine.cols), _inside(y0, y1, np.arange(fine.rows), fine.rows)
    near = np.maximum(down[0][:, :, None], across[0][:, None, :])
    far = np.minimum(down[1][:, :, None], across[1][:, None, :])
    length = np.hypot(x1 - x0, y1 - y0)
    visited = (far - near) * length[:, None, None] > 1e-9
    row0, col0, row1, col1 = (np.floor(v).astype(int) for v in (y0, x0, y1, x1))
    every = np.arange(len(x0))
    tested = visited.copy()
    tested[every, row0, col0] = tested[every, row1, col1] = False
    own = terrain.building[row1, col1]
    roof = np.where(antennas[:, 3] == 1, terrain.building[row0, col0], 0)
    for skipped in (own, roof):
        tested &= ~((terrain.building[None] == skipped[:, None, None]) & (skipped > 0)[:, None, None])
    z0 = terrain.ground_m[row0, col0].astype(float) + antennas[:, 2]
    surface = terrain.surface_m.astype(float)[None]
    tall = np.where(np.isnan(surface), (terrain.ground_m + np.float32(100.0)).astype(float), surface)
    rise = tall - z0[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        need = z0[:, None, None] + np.where(rise > 0.0, rise / near, rise / far)
    known = np.where(tested & ~np.isnan(surface), need, -np.inf).max(axis=(1, 2))
    z1 = terrain.ground_m[row1, col1].astype(float) + receivers[:, 2]
    return visited, known, np.where(tested, need, -np.inf).max(axis=(1, 2)), z1, (roof > 0) & (own == roof)


def _pairs(draw, count):
    """Ends of random paths, a third of them on the edges and corners of cells; heights; whether on a roof."""
    ends = draw.uniform(0.1, SIDE_M - 0.1, (2, count, 2))
    snapped = np.round(ends / (CELL_M / 2)) * (CELL_M / 2)
    ends = np.where(draw.random((1, count, 1)) < 1 / 3, np.clip(snapped, CELL_M / 2, SIDE_M - CELL_M / 2), ends)
    antennas = np.column_stack([ends[0], draw.uniform(2, 70, count), draw.random(count) < 0.3])
    return antennas, np.column_stack([ends[1], draw.choice([1.5, 7.5, 16.5, 31.5], count)])


def test_twenty_thousand_random_paths_differ_nowhere_from_clipping_against_every_cell():
    draw = np.random.default_rng(17)
    seen, count = {0: 0, 1: 0, 2: 0}, 2_000
    for seed in range(10):
        tilt = draw.normal(0.0, 0.1, 2)
        easting, northing = grid(CELL_M, SIDE_M).centres()
        ground = 50.0 + tilt[0] * easting[None, :] + tilt[1] * northing[:, None]
        terrain = t.from_layers(grid(CELL_M, SIDE_M), buildings(seed, count=7, side_m=SIDE_M), ground_m=ground)[0]
        antennas, receivers = _pairs(draw, count)
        visited, known, every, z1, own_roof = _clipped(terrain, antennas, receivers)
        paths = [
            t.trace(terrain, t.Antenna(*a[:3], "roof" if a[3] else "tower"), t.Receiver(*r))
            for a, r in zip(antennas.tolist(), receivers.tolist(), strict=True)
        ]
        found = np.zeros_like(visited)
        for i, path in enumerate(paths):
            found[i, path.row, path.col] = True
        np.testing.assert_array_equal(found, visited)
        clear, cap = np.array([path.clear_m for path in paths]), np.array([path.cap_m for path in paths])
        np.testing.assert_allclose(clear, known, rtol=1e-9)
        np.testing.assert_allclose(cap, every, rtol=1e-9)
        states = np.where(z1 < clear, 0, np.where(z1 >= np.maximum(clear, cap), 1, 2))
        assert [path.state for path in paths] == np.where(own_roof, 2, states).tolist()
        assert [path.first >= 0 for path in paths] == (z1 < clear).tolist()
        for state in seen:
            seen[state] += sum(path.state == state for path in paths)
    assert min(seen.values()) > 1_000


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


def test_swapping_the_ends_and_their_heights_gives_the_same_state():
    draw = np.random.default_rng(7)
    easting, northing = grid().centres()
    ground = 20.0 + 0.05 * easting[None, :] - 0.03 * northing[:, None]
    hilly = t.from_layers(grid(), buildings(3), ground_m=ground)[0]
    free, states = np.argwhere(hilly.building == 0), []
    for a, b in free[draw.integers(0, len(free), (600, 2))]:
        one = (easting[a[1]], northing[a[0]], float(draw.uniform(1.5, 60.0)))
        two = (easting[b[1]], northing[b[0]], float(draw.uniform(1.5, 60.0)))
        there, back = (
            t.trace(hilly, t.Antenna(*one), t.Receiver(*two)),
            t.trace(hilly, t.Antenna(*two), t.Receiver(*one)),
        )
        assert there.state == back.state
        assert sorted(x.building for x in there.blockers) == sorted(x.building for x in back.blockers)
        states.append(there.state)
    assert {0, 1, 2} == set(states)


def test_a_tile_with_its_halo_sees_what_the_whole_sees():
    frame = buildings(5, count=90)
    whole = t.from_layers(grid(), frame)[0]
    tile = t.from_layers(Grid(50.0, 250.0, 2.5, 80, 80, CRS), frame)[0]
    draw = np.random.default_rng(6)
    for antenna in (t.Antenna(151.25, 148.75, 30.0, "tower"), t.Antenna(128.75, 166.25, 9.0, "roof")):
        one, other = (t.clear_height_m(x, antenna, radius_m=60.0) for x in (whole, tile))
        np.testing.assert_array_equal(one.height_m, other.height_m)
        np.testing.assert_array_equal(one.cap_height_m, other.cap_height_m)
        np.testing.assert_array_equal(one.own_roof, other.own_roof)
    for _ in range(100):
        antenna, receiver = t.Antenna(*draw.uniform(55, 245, 2), 20.0), t.Receiver(*draw.uniform(55, 245, 2), 10.5)
        assert t.trace(whole, antenna, receiver).state == t.trace(tile, antenna, receiver).state


def test_turning_the_scene_by_ninety_degrees_turns_what_is_seen():
    frame = buildings(2)
    turned = frame.set_geometry([rotate(shape, 90, origin=(150, 150)) for shape in frame.geometry])
    scenes = [t.from_layers(grid(), x)[0] for x in (frame, turned)]
    np.testing.assert_array_equal(np.rot90(scenes[0].surface_m), scenes[1].surface_m)
    draw = np.random.default_rng(8)
    for _ in range(200):
        ends = draw.uniform(5, 295, (2, 2))
        swung = [(300.0 - y, x) for x, y in ends]
        paths = [
            t.trace(scene, t.Antenna(*a, 25.0, "roof"), t.Receiver(*b, 7.5))
            for scene, (a, b) in zip(scenes, (ends, swung), strict=True)
        ]
        assert paths[0].state == paths[1].state
        assert paths[0].clear_m == pytest.approx(paths[1].clear_m, abs=1e-6)


def _one(building_class="unknown", *, height=30.0):
    shapes = {"building_id": ["a"], "height_m": [height], "building_class": [building_class]}
    return t.from_layers(grid(), gpd.GeoDataFrame(shapes, geometry=[box(140, 100, 160, 200)], crs=CRS))[0]


def test_what_lies_underground_hides_nothing():
    path = t.trace(_one("underground"), t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0))
    assert (path.state, path.blockers, path.building.max()) == (1, (), 0)


def test_an_antenna_sees_over_the_roof_it_stands_on_but_not_through_the_wall_it_hangs_on():
    street = t.Receiver(120.0, 150.0)
    assert t.trace(_one(), t.Antenna(159.0, 150.0, 32.0, "roof"), street).state == 1
    assert t.trace(_one(), t.Antenna(159.0, 150.0, 20.0, "wall"), street).state == 0
    assert t.trace(_one(), t.Antenna(159.0, 150.0, 20.0, "wall"), t.Receiver(200.0, 150.0)).state == 1
    below = t.trace(_one(), t.Antenna(159.0, 150.0, 32.0, "roof"), t.Receiver(150.0, 150.0, 10.5))
    assert below.state == 2  # its own indoor receivers are unknown


def test_a_receiver_is_not_hidden_by_its_own_building_and_knows_how_deep_it_stands_in_it():
    path = t.trace(_one(), t.Antenna(100.0, 150.0, 25.0), t.Receiver(155.0, 150.0, 10.5))
    assert path.state == 1
    assert path.depth_m == pytest.approx(15.0)


def test_a_blocker_is_named_with_how_far_it_rises_over_the_ray():
    path = t.trace(_one(), t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0, 5.0))
    assert [(b.building_id, b.known, b.near_m, b.far_m) for b in path.blockers] == [("a", True, 40.0, 60.0)]
    assert path.blockers[0].over_m == pytest.approx(30.0 - (25.0 - 20.0 * 0.6))
    maybe = t.trace(_one(height=np.nan), t.Antenna(100.0, 150.0, 25.0), t.Receiver(200.0, 150.0, 5.0))
    assert [(b.building_id, b.known) for b in maybe.blockers] == [("a", False)]
    assert np.isnan(maybe.blockers[0].over_m)


def test_the_tallest_tower_of_lujiazui_casts_its_shadow_away_from_the_antenna(data_folder):
    frame = gpd.read_file(data_folder / "lujiazui" / "lujiazui_wgs84.gpkg", layer="buildings").to_crs("EPSG:32651")
    frame = frame.rename(columns={"osm_id": "building_id", "height": "height_m"})[
        ["building_id", "height_m", "geometry"]
    ]
    frame["building_id"] = frame["building_id"].astype(str) + "-" + frame.index.astype(str)
    high = int(np.nanargmax(frame["height_m"].to_numpy(float)))
    assert frame["height_m"].iloc[high] == pytest.approx(632.0)
    place = frame.geometry.iloc[high].representative_point()
    # The tower alone: what hides is its shadow and nothing else's.
    alone = frame.iloc[[high]]
    area = Grid(round(place.x) - 500.0, round(place.y) + 500.0, 2.5, 400, 400, "EPSG:32651")
    tower = t.from_layers(area, alone)[0]
    clear = t.clear_height_m(tower, t.Antenna(place.x - 300.0, place.y, 200.0, "tower"), radius_m=480.0)
    hidden = t.los_state(clear, 1.5) == 0
    _, left, rows, cols = clear.window
    easting, northing = area.centres()
    rows_at, cols_at = np.nonzero(hidden)
    assert len(rows_at) > 200
    assert (easting[left + cols_at] > place.x - 80.0).all()
    aside = np.abs(northing[clear.window[0] + rows_at] - place.y)
    assert (aside <= 80.0 * (easting[left + cols_at] - place.x + 300.0) / 200.0).all()
    assert (rows, cols) == clear.height_m.shape
    whole, findings = t.from_layers(area, frame)
    assert findings.counts()["radio_height_unknown"] == 1
    west = t.trace(whole, t.Antenna(place.x - 300.0, place.y, 400.0, "tower"), t.Receiver(place.x + 150.0, place.y))
    assert west.state == 0
    assert west.names[west.first] == str(frame["building_id"].iloc[high])


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
