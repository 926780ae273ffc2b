import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyproj import Transformer

from siting.errors import BadInput
from siting.maps.mercator import TILE_PX, Tile, lonlat, metres_per_pixel, tile_xy

HALF_M = math.pi * 6378137.0


@given(lon=some.floats(-179.9, 179.9), lat=some.floats(-84.9, 84.9), zoom=some.integers(0, 19))
def test_tile_places_agree_with_epsg_3857(lon, lat, zoom):
    x, y = tile_xy(lon, lat, zoom=zoom)
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(lon, lat)
    count = 2**zoom
    assert float(x) == pytest.approx((east + HALF_M) / (2 * HALF_M) * count, abs=1e-6)
    assert float(y) == pytest.approx((HALF_M - north) / (2 * HALF_M) * count, abs=1e-6)


@given(lon=some.floats(-179.9, 179.9), lat=some.floats(-84.9, 84.9), zoom=some.integers(0, 19))
def test_lonlat_undoes_tile_xy(lon, lat, zoom):
    back = lonlat(*tile_xy(lon, lat, zoom=zoom), zoom=zoom)
    assert np.allclose([float(v) for v in back], [lon, lat], atol=1e-9)


def test_a_published_tile_address_of_nankai_holds_the_place():
    # OpenStreetMap wiki, "Slippy map tilenames", worked for 117.15 E 39.12 N at zoom 12.
    lat = math.radians(39.12)
    expected = (
        int((117.15 + 180) / 360 * 4096),
        int((1 - math.log(math.tan(lat) + 1 / math.cos(lat)) / math.pi) / 2 * 4096),
    )
    x, y = tile_xy(117.15, 39.12, zoom=12)
    assert (int(x), int(y)) == expected
    west, south, east, north = Tile(12, *expected).bounds
    assert west <= 117.15 <= east
    assert south <= 39.12 <= north


def test_the_pixel_at_zoom_zero_on_the_equator_is_the_published_one():
    assert metres_per_pixel(0.0, zoom=0) == pytest.approx(156543.03392804097)
    assert TILE_PX == 256


@pytest.mark.parametrize("place", [(21, 0, 0), (1, 2, 0), (1, 0, -1), (-1, 0, 0)])
def test_a_tile_outside_the_pyramid_is_refused(place):
    with pytest.raises(BadInput, match=str(place[0])):
        Tile(*place)
