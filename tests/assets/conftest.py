"""Tiny files made on the spot."""

import io
import json
import zipfile

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import xlsxwriter

from siting.assets import schema
from siting.geo.region import Region

PROJECT = "EPSG:4548"
PARTS = {
    "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>",
    "xl/workbook.xml": (
        "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' "
        "xmlns:r='http://schemas.openxmlformats.org/officeDocument/2006/relationships'>"
        "<sheets><sheet name='s' sheetId='1' r:id='r1'/></sheets></workbook>"
    ),
    "xl/_rels/workbook.xml.rels": (
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        "<Relationship Id='r1' Target='worksheets/sheet1.xml' Type='t'/></Relationships>"
    ),
}
SHEET = (
    "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>{}</sheetData></worksheet>"
)


class Files:
    """Makers of small files; each returns bytes."""

    @staticmethod
    def geojson(*points, crs=None, **properties):
        features = [
            {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": list(p)}}
            for p in points
        ]
        return json.dumps({"type": "FeatureCollection", "features": features, **({"crs": crs} if crs else {})}).encode()

    @staticmethod
    def shapes(*geometries, properties=()):
        features = [
            {"type": "Feature", "properties": p, "geometry": g}
            for g, p in zip(geometries, properties or [{}] * len(geometries), strict=True)
        ]
        return json.dumps({"type": "FeatureCollection", "features": features}).encode()

    @staticmethod
    def xlsx(*rows, merges=(), hidden=(), sheets=("清单",)):
        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False}) as book:
            for name in sheets:
                sheet = book.add_worksheet(name)
                for at, row in enumerate(rows):
                    for column, cell in enumerate(row):
                        if cell is not None:
                            sheet.write(at, column, cell)
                for merge in merges:
                    sheet.merge_range(*merge)
                for row in hidden:
                    sheet.set_row(row, None, None, {"hidden": True})
        return buffer.getvalue()

    @staticmethod
    def zipped(members):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    @classmethod
    def sheet_xml(cls, body, **parts):
        return cls.zipped({**PARTS, "xl/worksheets/sheet1.xml": SHEET.format(body), **parts})

    @staticmethod
    def shapefile_parts(tmp_path, names=("路灯一", "路灯二"), encoding="UTF-8"):
        frame = gpd.GeoDataFrame(
            {"name": list(names)}, geometry=gpd.points_from_xy([117.15, 117.16], [39.12, 39.13]), crs=4326
        )
        frame.to_file(tmp_path / "lights.shp", encoding=encoding)
        return {p.name: p.read_bytes() for p in tmp_path.glob("lights.*")}

    @staticmethod
    def gpkg(tmp_path, layer="lights"):
        frame = gpd.GeoDataFrame({"name": ["路灯"]}, geometry=gpd.points_from_xy([117.15], [39.12]), crs=4326)
        frame.to_file(tmp_path / "x.gpkg", layer=layer, driver="GPKG")
        return tmp_path / "x.gpkg"


@pytest.fixture(scope="session")
def files():
    return Files


@pytest.fixture(scope="session")
def empty_layer():
    """A layer as an empty store would give it."""

    def make(layer, crs=PROJECT):
        names = [c for c in schema.columns(layer) if c.type != "geometry"]
        data = {c.name: pd.Series([], dtype=float if c.numeric else object) for c in names}
        return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=crs))

    return make


@pytest.fixture(scope="session")
def square():
    """A district of 4 km x 4 km with two sub-districts, in the project CRS."""
    streets = gpd.GeoDataFrame(
        {"name": ["西街道", "东街道"]},
        geometry=[shapely.box(511000, 4330000, 513000, 4334000), shapely.box(513000, 4330000, 515000, 4334000)],
        crs=PROJECT,
    )
    return Region("测试区", shapely.box(511000, 4330000, 515000, 4334000), PROJECT, streets)
