from io import BytesIO

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from siting.geo import crs as datums
from siting.geo.grid import Grid
from siting.maps import basemap, styles, tiles
from siting.maps.mercator import TILE_PX, Tile, lonlat, tile_xy

LON, LAT = 117.15, 39.12
CRS = "EPSG:4548"


def around(lon, lat, zoom):
    x, y = tile_xy(lon, lat, zoom=zoom)
    return Tile(zoom, int(x), int(y))


def pixels(data):
    return np.asarray(Image.open(BytesIO(data)).convert("RGBA"))


def place_of(tile, row, col):
    return lonlat(tile.x + (col + 0.5) / TILE_PX, tile.y + (row + 0.5) / TILE_PX, zoom=tile.z)


def in_metres(lon, lat):
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(np.atleast_1d(lon), np.atleast_1d(lat)))
    moved = datums.to_project(frame, datum="wgs84", crs=CRS).geometry
    return moved.x.to_numpy(), moved.y.to_numpy()


def test_every_pixel_of_a_raster_tile_shows_the_cell_that_holds_its_centre():
    tile = around(LON, LAT, 16)
    east, north = in_metres(LON, LAT)
    values = np.random.default_rng(3).uniform(-120, -80, (80, 80))
    grid = Grid(float(east[0]) - 400, float(north[0]) + 400, 10.0, 80, 80, CRS)
    image = pixels(tiles.raster(grid, values, tile, family="rsrp"))
    rows, cols = np.mgrid[0:TILE_PX:7, 0:TILE_PX:7]
    easting, northing = in_metres(*(v.ravel() for v in place_of(tile, rows, cols)))
    r, c = grid.cells_of(easting, northing)
    expected = np.zeros((len(r), 4), np.uint8)
    inside = grid.inside(r, c)
    expected[inside] = styles.colourise(values[r[inside], c[inside]], "rsrp")
    assert np.array_equal(image[rows.ravel(), cols.ravel()], expected)


def test_zoomed_out_a_pixel_shows_the_mean_of_its_cells():
    tile = around(LON, LAT, 12)
    east, north = in_metres(LON, LAT)
    values = np.full((300, 300), 1.0)
    values[::2, ::2] = 31.0  # the mean of each block of 2 x 2 is 8.5: class g3
    grid = Grid(float(east[0]) - 1500, float(north[0]) + 1500, 10.0, 300, 300, CRS)
    image = pixels(tiles.raster(grid, values, tile, family="gap"))
    middle = tile_xy(LON, LAT, zoom=12)
    col, row = ((float(v) % 1 * TILE_PX) for v in middle)
    assert tuple(image[int(row), int(col), :3]) == styles.rgb(styles.family("gap")["g3"].fill)


def test_dots_lie_where_the_points_are_in_the_colour_of_their_kind():
    tile = around(LON, LAT, 14)
    lon, lat = place_of(tile, np.array([40, 200]), np.array([60, 90]))
    image = pixels(tiles.dots(lon, lat, ["street_light", "power_pole"], tile, family="asset_class"))
    assert tuple(image[40, 60, :3]) == styles.rgb(styles.family("asset_class")["street_light"].fill)
    assert tuple(image[200, 90, :3]) == styles.rgb(styles.family("asset_class")["power_pole"].fill)
    assert (image[..., 3] > 0).sum() == 18  # two dots of 3 x 3 pixels, nothing else


def test_a_dot_on_the_edge_continues_on_the_next_tile():
    tile = around(LON, LAT, 14)
    lon, lat = place_of(tile, np.array([100]), np.array([TILE_PX - 1]))
    next_tile = Tile(tile.z, tile.x + 1, tile.y)
    image = pixels(tiles.dots(lon, lat, ["street_light"], next_tile, family="asset_class"))
    assert (image[99:102, 0, 3] > 0).all()
    assert (image[..., 3] > 0).sum() == 3


def test_a_kept_tile_is_not_drawn_again_until_the_version_changes(tmp_path):
    drawn = []

    def draw(tile):
        drawn.append(tile)
        return b"png%d" % len(drawn)

    tile = around(LON, LAT, 14)
    first = [tiles.cached(tmp_path, layer="l", version="1", tile=tile, draw=draw) for _ in range(2)]
    later = tiles.cached(tmp_path, layer="l", version="2", tile=tile, draw=draw)
    assert first == [b"png1", b"png1"]
    assert later == b"png2"
    assert not list(tmp_path.rglob("*.part"))


def test_the_empty_tile_is_transparent():
    assert not pixels(tiles.empty())[..., 3].any()


def lonlat_frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


@pytest.fixture
def painted():
    tile = around(LON, LAT, 16)
    west, south, east, north = tile.bounds
    half = shapely.box(west, south, (west + east) / 2, north)
    road = shapely.LineString([(west, (south + north) / 2), (east, (south + north) / 2)])
    layers = {
        "landcover": lonlat_frame([half], kind=["water"]),
        "roads": lonlat_frame([road], **{"class": ["primary"]}),
    }
    return pixels(basemap.draw(basemap.prepare(layers), tile))


@pytest.mark.parametrize(
    ("row", "col", "key"), [(30, 30, "water"), (30, 220, "ground"), (128, 220, "primary"), (128, 30, "primary")]
)
def test_the_basemap_shows_water_road_over_water_and_ground(painted, row, col, key):
    wanted = np.array(styles.rgb(styles.family("basemap")[key].fill), float)
    assert np.abs(painted[row, col, :3] - wanted).max() <= 3  # the palette of the PNG rounds


def test_every_basemap_row_has_a_colour_and_every_colour_a_row():
    assert {rule.key for rule in basemap.rules()} | {"ground"} == set(styles.family("basemap"))


def test_a_hole_in_water_shows_the_ground():
    tile = around(LON, LAT, 16)
    west, south, east, north = tile.bounds
    dx, dy = (east - west) / 4, (north - south) / 4
    ring = shapely.box(west, south, east, north) - shapely.box(west + dx, south + dy, east - dx, north - dy)
    image = pixels(basemap.draw(basemap.prepare({"landcover": lonlat_frame([ring], kind=["water"])}), tile))
    ground = np.array(styles.rgb(styles.family("basemap")["ground"].fill), float)
    assert np.abs(image[128, 128, :3] - ground).max() <= 3
