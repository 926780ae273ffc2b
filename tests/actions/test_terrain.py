import dataclasses
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from shapely.geometry import box

from siting.actions import scene, terrain
from siting.assets import dem
from siting.assets.raw import Limits
from siting.errors import BadInput, NotAllowed
from siting.geo import ground
from siting.geo.grid import Grid
from siting.radio import coverage as radio
from siting.radio import demand, network, pathloss
from siting.radio import terrain as t
from siting.reports.geotiff import geotiff
from siting.store import journal, layers
from tests.case_people import person
from tests.radio.radio_scenes import CRS, sector

SLOPE_EAST, SLOPE_NORTH = 0.05, -0.02


def plane(grid, *, hole=None):
    """A GeoTIFF of a tilted plane: 100 m at (500000, 4330000)."""
    easting, northing = grid.centres()
    height = 100.0 + SLOPE_EAST * (easting - 500_000.0)[None, :] + SLOPE_NORTH * (northing - 4_330_000.0)[:, None]
    if hole is not None:
        height[hole] = np.nan
    return geotiff(grid, {"height": height.astype(np.float32)}, tags={})


def tiff(**given):
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "float32", "crs": CRS}
    profile |= {"transform": from_origin(500_000, 4_330_000, 10, 10)} | given
    values = profile.pop("values", np.ones((4, 4)))
    unit = profile.pop("unit", None)
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            for band in range(1, profile["count"] + 1):
                file.write(values.astype(profile["dtype"]), band)
            if unit:
                file.set_band_unit(1, unit)
        return bytes(memory.getbuffer())


def over(db, *, beyond_m=200.0, cell_m=10.0):
    west, south, east, north = scene.boundary(db).bounds
    cols, rows = round((east - west + 2 * beyond_m) / cell_m), round((north - south + 2 * beyond_m) / cell_m)
    return Grid(west - beyond_m, north + beyond_m, cell_m, rows, cols, db.settings.crs)


def test_a_tilted_plane_gives_every_cell_its_height():
    coarse = Grid(499_900.0, 4_330_100.0, 10.0, 60, 60, CRS)
    fine = Grid(500_000.0, 4_330_000.0, 2.5, 40, 40, CRS)
    found = ground.onto(plane(coarse), fine)
    easting, northing = fine.centres()
    expected = 100.0 + SLOPE_EAST * (easting - 500_000.0)[None, :] + SLOPE_NORTH * (northing - 4_330_000.0)[:, None]
    np.testing.assert_allclose(found.height_m, expected, atol=1e-3)
    assert not found.hole.any()
    assert not found.outside.any()


def test_a_raster_in_degrees_lies_where_the_projection_says():
    place = gpd.GeoSeries.from_xy([500_000.0], [4_330_000.0], crs=CRS).to_crs("EPSG:4490").iloc[0]
    step = 1e-4
    values = np.tile(np.arange(200.0), (200, 1))
    data = tiff(
        values=values,
        height=200,
        width=200,
        crs="EPSG:4490",
        transform=from_origin(place.x - 100 * step, place.y + 100 * step, step, step),
    )
    found = ground.onto(data, Grid(500_000.0 - 50, 4_330_000.0 + 50, 2.5, 40, 40, CRS))
    lonlat = gpd.GeoSeries.from_xy([500_011.25], [4_329_988.75], crs=CRS).to_crs("EPSG:4490").iloc[0]
    assert found.height_m[24, 24] == pytest.approx((lonlat.x - (place.x - 100 * step)) / step - 0.5, abs=0.02)


def test_holes_and_what_lies_beyond_the_raster_take_the_nearest_height_and_are_told_apart():
    coarse = Grid(500_000.0, 4_330_100.0, 10.0, 10, 10, CRS)
    found = ground.onto(plane(coarse, hole=np.s_[4:6, 4:6]), Grid(500_000.0, 4_330_100.0, 2.5, 40, 60, CRS))
    assert not np.isnan(found.height_m).any()
    assert found.outside[:, 40:].all()
    assert not found.outside[:, :40].any()
    assert found.hole[18:22, 18:22].all()
    assert not found.hole[:10].any()
    assert (found.height_m[:, 45] == found.height_m[:, 39]).all()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "assets.gate.empty"),
        (b"<VRTDataset/>", "terrain.kind"),
        (b"II*\x00" + b"\x00" * 50, "assets.gate.broken"),
        (tiff(count=3), "terrain.bands"),
        (tiff(crs=None), "terrain.crs"),
        (tiff(unit="ft"), "terrain.unit"),
        (tiff(values=np.full((4, 4), -9999.0)), "terrain.range"),
        (tiff(values=np.full((4, 4), -9999.0), nodata=-9999.0), "terrain.nothing"),
        (tiff(dtype="complex64"), "terrain.numbers"),
    ],
)
def test_what_is_no_elevation_raster_is_refused_with_the_reason(data, key):
    with pytest.raises(BadInput) as caught:
        dem.read(data) if key in {"assets.gate.empty", "terrain.kind"} else dem.parse(data)
    assert caught.value.key == key


def test_a_file_is_read_in_a_process_of_its_own_and_never_beyond_its_size():
    data = tiff(values=np.arange(16.0).reshape(4, 4))
    said = dem.read(data)
    assert (said.rows, said.cols, said.lowest_m, said.highest_m, said.missing) == (4, 4, 0.0, 15.0, 0.0)
    with pytest.raises(BadInput) as caught:
        dem.read(data, limits=Limits(max_bytes=10))
    assert caught.value.key == "assets.gate.size"
    with pytest.raises(BadInput) as caught:
        dem.read(tiff(count=2))
    assert caught.value.key == "terrain.bands"


def test_heights_in_feet_and_places_without_datum_are_refused():
    assert "2000" in ground.require_known(dem.parse(tiff()).wkt)
    feet = 'COMPD_CS["x",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],VERT_CS["h",VERT_DATUM["d",2005],UNIT["foot",0.3048]]]'
    with pytest.raises(BadInput) as caught:
        ground.require_known(feet)
    assert caught.value.key == "terrain.unit"
    with pytest.raises(BadInput) as caught:
        ground.require_known('LOCAL_CS["site grid",UNIT["metre",1]]')
    assert caught.value.key == "terrain.crs"


def test_ground_that_is_loaded_carries_the_buildings_and_overtakes_what_was_computed_without_it(district, actor, now):
    before, seen = scene.build(district, cell_m=20, mix="night"), scene.revisions(district, ("buildings",))
    assert terrain.current(district, actor) is None
    loaded = terrain.load(
        district, actor, plane(over(district)), name="dem.tif", source="测绘院", as_of=date(2024, 5, 1), now=now
    )
    assert loaded.covered == 1.0
    assert len(loaded.findings) == 0
    after = scene.build(district, cell_m=20, mix="night")
    easting, northing = after.terrain.grid.centres()
    expected = 100.0 + SLOPE_EAST * (easting - 500_000.0)[None, :] + SLOPE_NORTH * (northing - 4_330_000.0)[:, None]
    np.testing.assert_allclose(after.terrain.ground_m, expected, atol=0.01)
    np.testing.assert_allclose(after.terrain.surface_m - after.terrain.ground_m, before.terrain.surface_m, atol=1e-3)
    assert scene.revisions(district, ("buildings",)) == {**seen, "ground": 1}
    stored = terrain.current(district, actor)
    assert (stored.name, stored.source, stored.as_of) == ("dem.tif", "测绘院", "2024-05-01")
    assert (stored.id, stored.sha256) == (loaded.id, loaded.sha256)
    event = journal.recent(district, kind="ground.loaded", limit=1)[0]["payload"]
    assert event["sha256"] == loaded.sha256
    assert layers.revision(district, "ground") == 1


def test_a_raster_over_half_of_the_district_says_so_and_one_elsewhere_is_refused(district, actor, now):
    whole = over(district)
    half = dataclasses.replace(whole, cols=whole.cols // 2)
    found = terrain.check(district, actor, plane(half), name="half.tif")
    assert 0.2 < found.covered < 0.8
    assert found.findings.counts() == {"ground_outside": 1}
    assert terrain.current(district, actor) is None
    with pytest.raises(BadInput) as caught:
        terrain.load(
            district,
            actor,
            plane(dataclasses.replace(whole, west_m=whole.west_m + 50_000)),
            name="x",
            source="y",
            now=now,
        )
    assert caught.value.key == "terrain.elsewhere"


def test_steps_as_of_roofs_are_told(district, actor):
    grid = over(district)
    values = np.zeros(grid.shape, np.float32)
    values[grid.rows // 2 - 10 : grid.rows // 2, grid.cols // 2 - 10 : grid.cols // 2] = 40.0
    found = terrain.check(district, actor, geotiff(grid, {"h": values}, tags={}), name="dsm.tif")
    assert found.findings.counts() == {"ground_step": 1}
    assert "40.0" in next(iter(found.findings)).message


def test_the_ground_can_be_made_flat_again_with_a_reason_and_the_newest_file_counts(district, actor, now):
    for lift in (0.0, 30.0):
        values = np.full(over(district).shape, lift, np.float32)
        terrain.load(
            district, actor, geotiff(over(district), {"h": values}, tags={}), name=f"{lift}", source="x", now=now
        )
    assert scene.build(district, cell_m=20, mix="night").terrain.ground_m.max() == 30.0
    with pytest.raises(BadInput):
        terrain.clear(district, actor, reason=" ", now=now)
    terrain.clear(district, actor, reason="坐标系有误", now=now + timedelta(days=1))
    assert terrain.current(district, actor) is None
    assert scene.build(district, cell_m=20, mix="night").terrain.ground_m.max() == 0.0
    with pytest.raises(BadInput):
        terrain.clear(district, actor, reason="x", now=now)


def test_who_may_not_import_loads_no_ground(district, now):
    with pytest.raises(NotAllowed):
        terrain.load(district, person("leader"), b"", name="x", source="y", now=now)


def test_part_of_the_obstacles_equals_the_whole_cell_for_cell(district, actor, now):
    terrain.load(district, actor, plane(over(district)), name="dem.tif", source="x", now=now)
    whole = scene.build(district, cell_m=20, mix="night").terrain
    west, south, east, north = scene.boundary(district).bounds
    bounds = (
        west + 0.3 * (east - west),
        south + 0.4 * (north - south),
        west + 0.6 * (east - west),
        south + 0.6 * (north - south),
    )
    part = scene.obstacles(district, cell_m=20, bounds=bounds)
    easting = np.linspace(bounds[0] + 3, bounds[2] - 3, 90)
    for northing in np.linspace(bounds[1] + 3, bounds[3] - 3, 40):
        names = [
            [scene_.building_ids[n - 1] if n > 0 else n for n in scene_.building_at(easting, northing)]
            for scene_ in (whole, part)
        ]
        assert names[0] == names[1]
    row, col = part.grid.cells_of(bounds[0] + 50, bounds[1] + 50)
    there, across = whole.grid.cells_of(bounds[0] + 50, bounds[1] + 50)
    assert part.surface_m[row, col] == pytest.approx(whole.surface_m[there, across], abs=1e-3)


def test_a_hill_between_antenna_and_receiver_hides_it():
    grid = Grid(0.0, 300.0, 2.5, 120, 120, CRS)
    nothing = gpd.GeoDataFrame({"building_id": [], "height_m": []}, geometry=[], crs=CRS)
    easting, _ = grid.centres()
    hill = np.tile(60.0 * np.exp(-(((easting - 150.0) / 20.0) ** 2)), (120, 1))
    surface = t.from_layers(grid, nothing, ground_m=hill)[0]
    path = t.trace(surface, t.Antenna(50.0, 150.0, 25.0), t.Receiver(250.0, 150.0, 1.5))
    assert path.state == 0
    assert [(b.building, b.building_id, b.known) for b in path.blockers] == [(0, "", True)]
    assert path.blockers[0].over_m == pytest.approx(60.0 - 13.25, abs=0.5)
    assert t.trace(surface, t.Antenna(50.0, 150.0, 25.0), t.Receiver(100.0, 150.0, 1.5)).state == 1
    states = t.los_state(t.clear_height_m(surface, t.Antenna(50.0, 150.0, 25.0), radius_m=200.0), 1.5)
    assert states[60, 98] == 0


def test_the_antenna_counts_from_the_ground_of_the_receiver():
    """Ground at the mast 20 m over that of the receiver: hBS is 45 m for an antenna 25 m above its own ground."""
    grid = Grid(0.0, 600.0, 2.5, 240, 240, CRS)
    nothing = gpd.GeoDataFrame({"building_id": [], "height_m": [], "building_class": []}, geometry=[], crs=CRS)
    easting, _ = grid.centres()
    surface = t.from_layers(grid, nothing, ground_m=np.tile(20.0 - 0.04 * easting, (240, 1)))[0]
    outline = gpd.GeoDataFrame({"level": ["district"], "name": ["d"]}, geometry=[box(490, 290, 510, 310)], crs=CRS)
    units = demand.units(Grid(490.0, 310.0, 20.0, 1, 1, CRS), surface, {"buildings": nothing, "districts": outline})
    carrier = network.load_networks()["ctcu-n78-a"]
    mast = sector(easting=1.25, northing=301.25, height=25.0, azimuth=90.0, model="uma")
    found = radio.coverage(pd.DataFrame([mast]), surface, units, carrier)
    unit = units.iloc[0]
    lower = float(surface.ground_at(unit.easting_m, unit.northing_m))
    upper = float(surface.ground_at(1.25, 301.25))
    away = unit.easting_m - 1.25
    loss = pathloss.uma_los_db(away, carrier.frequency_ghz, bs_height_m=upper + 25.0 - lower, ut_height_m=1.5)
    down = np.degrees(np.arctan2(upper + 25.0 - lower - 1.5, away)) - 6.0
    expected = found.sectors["eirp_dbm"].iloc[0] - 12 * (down / found.sectors["width_v_deg"].iloc[0]) ** 2 - loss
    assert found.rsrp_dbm[0] == pytest.approx(float(expected), abs=0.01)
