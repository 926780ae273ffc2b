"""The files of a plan as other programs read them, against the runs' own files and plain arithmetic."""

import io
import json
import re
import shutil
import sqlite3
import subprocess
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
from defusedxml import ElementTree

from siting.access import Actor
from siting.actions import candidates, planfiles, plans
from siting.maps import styles
from siting.reports import planjson
from siting.store import artefacts, layers
from tests.actions.conftest import CANARIES

# siting.md section 12, in its order, with the metres of fibre after the money
TASKS = ("序号", "站点", "街道", "资产", "产权单位", "运营商", "频段", "挂高", "方位角", "下倾角", "新增覆盖人口", "投资", "光纤", "结构状态", "电磁预评估", "前置条件",
    "责任单位", "时限")  # fmt: skip
READER = Actor(id="l", name="l", org="南开区人民政府", role="leader")


@pytest.fixture
def export(done, actor, tmp_path):
    """A plan as a file of a kind; its path."""

    def write(kind, lang="zh_CN", who=actor):
        name, data = plans.export(done.db, who, done.plan.id, kind=kind, lang=lang)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture
def units(done):
    """People, and the expected people covered before and after, from the files of the runs by plain numpy."""
    at = done.db.settings.runs_folder
    table = artefacts.load_table(at / done.coverage.id, "units")
    after = artefacts.load_arrays(at / done.plan.id, "after")["p"].astype(float)
    persons = (table["persons"] - table["unknown"]).to_numpy()
    return table.assign(known=persons, after=persons * after, before=persons * table["present"].to_numpy(float))


def text_of(path):
    """All that a file says, as one text."""
    kind, data = path.suffix, path.read_bytes()
    if kind == ".xlsx":
        return " ".join(
            str(c.value) for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for c in row
        )
    if kind == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            return " ".join(file.read(name).decode("utf-8", "ignore") for name in file.namelist())
    return data.decode("utf-8", "ignore")


@pytest.mark.parametrize("kind", sorted(planfiles.KINDS))
def test_every_file_says_value_bound_gap_status_seed_hash_date_measure_and_that_it_is_no_permit(done, export, kind):
    found, said = done.plan.result, text_of(export(kind))
    exact = kind in {"gpkg", "geojson", "json"}
    numbers = [repr(found[n]) if exact else f"{found[n]:.0f}" for n in ("value", "bound")]
    gap = repr(found["gap"]) if exact else f"{found['gap']:.2%}"
    if kind == "html":  # the map has room for what was added, the files beside it for all
        numbers, said = [f"{found['added']:,.0f}"], said.replace("\\u0025", "%")
        told = [found["status"] == "optimal" and "已证最优", "人"]
    else:
        told = [found["problem_hash"], "persons" if exact else "人", found["status"] if exact else "求解状态"]
    told += [*numbers, gap, done.plan.id, done.plan.created_at[:10], "not a permit" if exact else "预评估，不是许可"]
    assert [part for part in told if part and part not in said] == []
    assert re.search(r'seed["\x00-\x20:]*0' if exact else "随机种子|方案编号", said)


@pytest.mark.parametrize("kind", sorted(set(planfiles.KINDS) - {"html", "xlsx"}))
def test_the_same_plan_gives_the_same_bytes(export, kind):
    assert export(kind).read_bytes() == export(kind).read_bytes()


def test_the_geopackage_holds_a_style_for_every_layer_as_qgis_looks_it_up(export):
    path = export("gpkg")
    names = {"plan_sites", "plan_sectors", "gap_after", "candidates_excluded"}
    assert set(pyogrio.list_layers(path)[:, 0]) == {*names, "about", "layer_styles"}
    with sqlite3.connect(path) as book:
        assert book.execute("pragma integrity_check").fetchone() == ("ok",)
        column = dict(book.execute("select table_name, column_name from gpkg_geometry_columns"))
        zone = set(book.execute("select srs_id from gpkg_geometry_columns"))
        kinds = dict(book.execute("select table_name, data_type from gpkg_contents"))
        for name in names:
            rows = book.execute(
                "select styleQML from layer_styles where f_table_catalog = '' and f_table_schema = '' and f_table_name = ?"
                " and f_geometry_column = ? and useAsDefault", (name, column[name])
            ).fetchall()  # fmt: skip
            assert len(rows) == 1
            root = ElementTree.fromstring(rows[0][0])
            used = root.find("renderer-v2").get("attr")
            fields = {row[1] for row in book.execute(f"pragma table_info({name})")}
            turned = {o.get("value") for o in root.iter("Option") if o.get("name") == "field"}
            assert {used, *turned} - {None} <= fields
    book.close()
    assert (zone, kinds["layer_styles"]) == ({(4548,)}, "attributes")


def test_every_kind_of_thing_in_a_layer_has_a_category(export):
    path = export("gpkg")
    for layer, column, family in (
        ("plan_sites", "class", "asset_class"),
        ("candidates_excluded", "state", "candidate_state"),
    ):
        found = set(pyogrio.read_dataframe(path, layer=layer)[column])
        assert found
        assert found <= set(styles.family(family))


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="gdal-bin is not installed")
@pytest.mark.parametrize(("kind", "layers_in"), [("gpkg", 6), ("kml", 1), ("geojson", 1)])
def test_gdal_opens_it_without_complaint(export, kind, layers_in):
    said = subprocess.run(["ogrinfo", "-so", "-al", "-ro", export(kind)], capture_output=True, text=True, check=True)
    assert "ERROR" not in said.stdout + said.stderr
    assert said.stdout.count("Layer name:") == layers_in


def test_the_cells_left_are_those_of_plain_arithmetic_and_none_is_hidden(done, export, units):
    path = export("gpkg")
    left = units.assign(left=units["known"] - units["after"], was=units["known"] - units["before"])
    cells = left.groupby(["row", "col"])[["left", "was"]].sum()
    wanted = cells[cells["left"] >= 0.5].sort_index()
    found = gpd.read_file(path, layer="gap_after")
    assert found["uncovered_after"].to_numpy() == pytest.approx(wanted["left"].to_numpy(), rel=1e-6, abs=1e-6)
    assert found["uncovered_before"].to_numpy() == pytest.approx(wanted["was"].to_numpy(), rel=1e-6, abs=1e-6)
    assert (found["uncovered_after"] <= found["uncovered_before"] + 1e-6).all()
    assert found.area.unique() == pytest.approx([done.coverage.params["cell_m"] ** 2])
    near = units.drop_duplicates(["row", "col"]).set_index(["row", "col"]).loc[wanted.index]
    inside = found.contains(gpd.GeoSeries(gpd.points_from_xy(near["easting_m"], near["northing_m"]), crs=found.crs))
    assert inside.all()
    about = pyogrio.read_dataframe(path, layer="about").set_index("name")["value"]
    assert float(about["uncovered_after"]) == pytest.approx(left["left"].sum())
    assert float(about["uncovered_after"]) >= found["uncovered_after"].sum()


def test_candidates_left_out_stand_there_with_their_reasons(done, actor, export):
    found = gpd.read_file(export("gpkg"), layer="candidates_excluded")
    whole = candidates.candidates(done.db, actor, done.score.id)
    assert len(found) == done.score.result["offered"] - done.score.result["scored"]
    assert set(found["option_id"]) == set(whole.loc[whole["rank"].isna(), "option_id"])
    assert found["message"].str.len().gt(0).all()


def test_the_task_list_has_the_agreed_columns_in_their_order_and_sheets_of_places(done, export, units):
    book = openpyxl.load_workbook(export("xlsx"))
    assert book.sheetnames == ["选址任务清单", "说明", "街道", "场所"]
    heads = [cell.value for cell in book.worksheets[0][1]]
    assert [head for head, agreed in zip(heads, TASKS, strict=False) if not head.startswith(agreed)] == []
    assert len(set(heads)) == len(heads)
    for sheet, level in (("街道", "street_office"), ("场所", "venue")):
        assert all(cell.value.endswith("（人）") for cell in book[sheet][1][-4:])
        rows = list(book[sheet].iter_rows(min_row=2, values_only=True))
        sums = units.groupby(level, observed=True)[["known", "before", "after"]].sum()
        assert len(rows) == len(sums) > 0
        told = np.array([row[-4:] for row in rows], float)
        assert sorted(told[:, 0]) == pytest.approx(sorted(sums["known"]), abs=0.06)
        assert told[:, 3].sum() == pytest.approx((sums["after"] - sums["before"]).sum(), abs=0.06 * len(rows))
        assert told[:, 3] == pytest.approx(told[:, 2] - told[:, 1], abs=0.16)
    names = set(layers.read(done.db, "venues")["name"])
    assert {row[0] for row in book["场所"].iter_rows(min_row=2, values_only=True)} <= names


def test_a_missing_column_of_the_task_list_stays_with_empty_cells(done, actor):
    path = done.db.settings.runs_folder / done.plan.id / "plan_sites.parquet"
    pd.read_parquet(path).drop(columns=["structure", "fibre_m"]).to_parquet(path)
    _, data = plans.export(done.db, actor, done.plan.id, kind="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    for agreed in ("结构状态", "光纤"):
        at = next(i for i, head in enumerate(heads) if head.startswith(agreed))
        assert {row[at].value for row in sheet.iter_rows(min_row=2)} == {None}


def test_names_that_would_run_stay_texts_in_a_csv(done, export):
    table = pd.read_csv(export("csv"), dtype=str, keep_default_na=False)
    assert [cell for cell in table.to_numpy().ravel() if cell[:1] in {"=", "+", "@", "\t", "\r"}] == []
    sites = artefacts.load_table(done.db.settings.runs_folder / done.plan.id, "plan_sites")
    assert [name.removeprefix("'") for name in table["站点"]] == sites["name"].tolist()
    assert set(sites["name"]) <= set(CANARIES)


def test_the_json_rebuilds_the_plan_bit_by_bit(done, export, units):
    data = export("json").read_bytes()
    back = planjson.load(data)
    found = done.plan.result
    assert planjson.dump(back) == data
    for name in ("value", "bound", "gap", "seed", "problem_hash", "status", "kicks"):
        assert getattr(back.plan, name) == found[name]
    kept = planjson.load((done.db.settings.runs_folder / done.plan.id / planfiles.KEPT).read_bytes()).plan
    pd.testing.assert_frame_equal(back.plan.marginals, kept.marginals, check_exact=True)
    assert back.plan.steps == kept.steps
    assert f"coverage={found['coverage']}; " in back.plan.radio
    assert "network=" in back.plan.radio
    sites = artefacts.load_table(done.db.settings.runs_folder / done.plan.id, "plan_sites")
    assert back.plan.chosen == tuple(sites["option_id"])
    assert back.tables["sites"]["easting_m"].tolist() == sites["easting_m"].tolist()
    assert back.plan.value == pytest.approx(units["after"].sum(), rel=1e-6)
    assert back.params["count"] == done.plan.params["count"]
    assert json.loads(data)["about"]["nature"] == "pre-check, not a permit"


def test_a_shapefile_opens_with_the_sites_where_they_are(done, export, tmp_path):
    with zipfile.ZipFile(export("zip")) as file:
        file.extractall(tmp_path / "z")
    found = gpd.read_file(tmp_path / "z" / "plan_sites.shp")
    sites = artefacts.load_table(done.db.settings.runs_folder / done.plan.id, "plan_sites")
    assert found["option_id"].tolist() == sites["option_id"].tolist()
    assert found.geometry.x.to_numpy() == pytest.approx(sites["easting_m"].to_numpy())
    assert found.crs.to_epsg() == 4548
    assert (
        ElementTree.fromstring((tmp_path / "z" / "plan_sites.qml").read_text()).find("renderer-v2").get("attr") in found
    )


def test_a_reader_gets_the_same_file_and_english_has_no_chinese_heading(export):
    assert export("csv", who=READER).read_bytes() == export("csv").read_bytes()
    heads = export("csv", lang="en").read_text(encoding="utf-8-sig").splitlines()[0]
    assert not re.search("[一-鿿]", heads)


def test_the_number_of_a_point_that_somebody_does_not_see_is_in_none_of_the_files(done, actor):
    path = done.db.settings.runs_folder / done.plan.id / "plan_sites.parquet"
    sites = pd.read_parquet(path)
    message = ["有条件可用：已商定（PP-2026-7712377）"] * len(sites)
    sites.assign(case_no="PP-2026-7712377", effect="locked", standing=True, message=message).to_parquet(path)
    for kind in planfiles.KINDS:
        _, data = plans.export(done.db, actor, done.plan.id, kind=kind)
        (path.parent / f"x.{kind}").write_bytes(data)
        assert "7712377" not in text_of(path.parent / f"x.{kind}"), kind


def test_the_number_of_a_point_that_somebody_does_not_see_is_in_no_frame_of_a_plan(done, actor):
    folder = done.db.settings.runs_folder / done.plan.id
    sites = pd.read_parquet(folder / "plan_sites.parquet")
    message = ["有条件可用：已商定（PP-2026-7712377）"] * len(sites)
    told = sites.assign(case_no="PP-2026-7712377", effect="locked", standing=True, message=message)
    told.to_parquet(folder / "plan_sites.parquet")
    told[["option_id", "name", "state", "codes", "message"]].to_parquet(folder / "conditions.parquet")
    details = json.dumps({"case_no": "PP-2026-7712377"})
    line = {"code": "plan_agreed_absent", "severity": "warning", "value": "A1", "details": details}
    pd.DataFrame([line]).to_parquet(folder / "findings.parquet")
    found = plans.plan(done.db, actor, done.plan.id)
    assert found["told"]["message"].str.contains("—").all()
    assert found["conditions"]["message"].str.contains("（—）").all()
    for name, frame in found.items():
        assert "7712377" not in (frame.to_csv() if isinstance(frame, pd.DataFrame) else str(frame)), name


def test_the_chance_of_permission_that_closed_points_teach_stands_beside_each_site(done, actor, export):
    table = pd.read_csv(export("csv"))
    known = candidates.candidates(done.db, actor, done.score.id).set_index("option_id").loc[table["选项编号"]]
    assert table["同意概率"].to_numpy() == pytest.approx(known["permission"].to_numpy(float), abs=0.006)
    assert (table["同意概率下限（5%）"] <= table["同意概率"]).all()
    assert table["依据的已办结点位数"].tolist() == known["permission_n"].astype(int).tolist()
