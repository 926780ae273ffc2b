import io
import json
import zipfile

import jsonschema
import openpyxl
import pytest

from siting import sample
from siting.assets import schema
from siting.assets.cells import parse_cell
from siting.errors import BadInput

ALL = [(layer, c) for layer in schema.LAYERS for c in schema.columns(layer)]


@pytest.mark.parametrize("layer", schema.LAYERS)
def test_every_layer_has_one_key_and_one_geometry_unless_it_is_a_child(layer):
    kinds = [c.type for c in schema.columns(layer)]
    assert sum(c.key == "key" for c in schema.columns(layer)) == 1
    assert kinds.count("geometry") == (0 if layer == "sectors" else 1)
    assert len({c.name for c in schema.columns(layer)}) == len(kinds)


@pytest.mark.parametrize("layer", schema.LAYERS)
def test_every_column_has_titles_a_type_a_level_and_a_meaning(layer):
    for column in schema.columns(layer):
        assert column.title_zh, column.name
        assert column.title_en, column.name
        assert column.doc, column.name
        assert column.type in schema.TYPES, column.name
        assert column.level in schema.LEVELS, column.name
        assert bool(column.unit) == column.numeric, column.name
        assert bool(column.vocab) == (column.type in {"enum", "list_enum", "geometry"}), column.name


@pytest.mark.parametrize("path", sorted(schema.VOCAB_DIR.glob("*.csv")), ids=lambda p: p.stem)
def test_every_vocabulary_is_used_and_has_unique_words(path):
    terms = schema.vocabulary(path.stem)
    assert any(c.vocab == path.stem for _, c in ALL)
    assert (
        len({t.code for t in terms})
        == len({t.title_zh for t in terms})
        == len({t.title_en for t in terms})
        == len(terms)
    )


def test_the_asset_classes_are_those_of_the_handbook():
    codes = {t.code for t in schema.vocabulary("asset_class")}
    assert codes == {
        *(
            "street_light",
            "traffic_signal",
            "sign_gantry",
            "police_camera",
            "power_pole",
            "telecom_tower",
            "multi_pole",
        ),
        *(
            "bridge",
            "overpass",
            "tunnel",
            "green_space",
            "metro_entrance",
            "metro_station",
            "public_roof",
            "shelter",
            "kiosk",
        ),
    }


@pytest.mark.parametrize("layer", schema.LAYERS)
def test_the_json_schema_is_valid_and_keeps_title_unit_and_level(layer):
    made = schema.json_schema(layer)
    jsonschema.Draft202012Validator.check_schema(made)
    json.dumps(made, ensure_ascii=False)
    for column in schema.importable(layer):
        entry = made["properties"][column.name]
        assert entry["title"] == column.title_zh
        assert entry["x-level"] == column.level
        assert entry.get("x-unit", "") == column.unit


@pytest.mark.parametrize(("text", "good"), [("12", True), ("-1", False), ("601", False)])
def test_the_json_schema_accepts_a_height_just_when_the_loader_does(text, good):
    column = schema.column("assets", "height_m")
    validator = jsonschema.Draft202012Validator(schema.json_schema("assets")["properties"]["height_m"])
    assert validator.is_valid(float(text)) == good
    assert (parse_cell(text, column).problem == "") == good


@pytest.mark.parametrize("layer", schema.LAYERS)
def test_the_template_opens_in_another_reader_without_any_formula(layer):
    data = schema.template(layer)
    book = openpyxl.load_workbook(io.BytesIO(data))
    headings = [c.value for c in book.worksheets[0][1]]
    assert len(set(headings)) == len(headings)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_an_unknown_layer_or_column_is_refused_with_the_known_names():
    with pytest.raises(BadInput, match="assets"):
        schema.columns("poles")
    with pytest.raises(BadInput, match="height_m"):
        schema.column("assets", "hight")


def test_the_sample_district_keeps_the_data_standard():
    frames = sample.make(seed=1, size="small", as_of=sample.AS_OF, **sample.facts().frames())
    for layer, frame in frames.items():
        for column in schema.columns(layer):
            values = frame.get(column.name)
            assert not column.required or (values is not None and values.notna().all()), (layer, column.name)
            if values is None:
                continue
            if column.type == "geometry":
                assert set(values.geom_type) <= words(column), (layer, column.name)
            elif column.vocab:
                assert {w for v in values.dropna() for w in (v if isinstance(v, list) else [v])} <= words(column), (
                    layer,
                    column.name,
                )
            elif column.numeric:
                assert not (values < (column.minimum or 0)).any(), (layer, column.name)


def words(column):
    return {term.code for term in schema.vocabulary(column.vocab)}
