import geopandas as gpd
import pytest
import shapely

from siting.assets.match import difference, row_hash, row_hashes

PROJECT = "EPSG:4548"


@pytest.fixture
def poles(empty_layer):
    def make(**heights):
        frame = gpd.GeoDataFrame(
            {
                "asset_id": list(heights),
                "height_m": list(map(float, heights.values())),
                "source": "list",
                "conditions": [["hours"]] * len(heights),
            },
            geometry=gpd.points_from_xy(range(len(heights)), [0] * len(heights)),
            crs=PROJECT,
            index=range(2, 2 + len(heights)),
        )
        return frame.reindex(columns=empty_layer("assets").columns).astype({"name": object}).set_crs(PROJECT)

    return make


def test_the_same_list_twice_changes_nothing(poles):
    found = difference(poles(a=1, b=2), poles(a=1, b=2), layer="assets")
    assert (len(found.new), len(found.changed), len(found.unchanged), found.missing) == (0, 0, 2, ())
    assert found.merged.empty


def test_rows_are_told_apart_as_new_changed_unchanged_and_missing(poles):
    found = difference(poles(a=1, b=2, x=9), poles(a=1, b=3, c=4), layer="assets")
    assert (list(found.new), list(found.changed), list(found.unchanged), found.missing) == ([4], [3], [2], ("x",))
    change = found.changes[0]
    assert (change.key, change.row, change.column, change.before, change.after) == ("b", 3, "height_m", "2.0", "3.0")


def test_a_list_never_wipes_what_it_does_not_speak_of(poles):
    old, new = poles(a=1), poles(a=7)
    old["name"] = ["桥"]
    merged = difference(old, new, layer="assets", brought=("height_m",)).merged
    assert (merged["name"].iloc[0], merged["height_m"].iloc[0]) == ("桥", 7.0)


def test_two_lists_that_share_a_place_do_not_overwrite_each_others_remains(poles):
    old, new = poles(a=1), poles(a=1)
    new["source"], new["extra"] = "other", '{"ELEV": "3"}'
    assert len(difference(old, new, layer="assets", brought=("extra",)).changed) == 0


def test_a_place_moved_by_a_millimetre_is_the_same_and_by_a_metre_is_not(poles):
    old, near, far = poles(a=1), poles(a=1), poles(a=1)
    near.geometry = near.translate(0.0005, 0)
    far.geometry = far.translate(1, 0)
    assert len(difference(old, near, layer="assets").changed) == 0
    assert list(difference(old, far, layer="assets").changed) == [2]


def test_neither_frame_is_touched(poles):
    old, new = poles(a=1), poles(a=2)
    before = old.copy(), new.copy()
    difference(old, new, layer="assets")
    assert old.equals(before[0])
    assert new.equals(before[1])


def test_the_hash_of_a_row_knows_values_but_not_their_order_or_form():
    same = [{"a": 1.0, "b": None, "l": []}, {"l": None, "b": float("nan"), "a": 1.0}]
    assert row_hash(same[0]) == row_hash(same[1]) != row_hash({"a": 2.0, "b": None, "l": None})


def test_the_hash_counts_the_place_to_the_millimetre(poles):
    near, far = poles(a=1), poles(a=1)
    far.geometry = [shapely.Point(0.01, 0)]
    near.geometry = [shapely.Point(0.0001, 0)]
    assert row_hashes(poles(a=1)) == row_hashes(near) != row_hashes(far)
