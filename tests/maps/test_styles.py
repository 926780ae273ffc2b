from itertools import combinations

import numpy as np
import pytest

from siting import words
from siting.errors import BadInput
from siting.maps import legend, styles

# Machado, Oliveira, Fernandes 2009, deuteranopia, severity 1.0 (linear RGB).
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def linear(colour):
    share = np.array(styles.rgb(colour)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def seen_by_deuteranope(colour):
    return np.clip(DEUTERANOPIA @ linear(colour), 0, 1)


def test_every_style_has_a_name_in_both_languages():
    keys = {style.label for style in styles.table() if style.label}
    keys |= {f"style.{style.family}" for style in styles.table() if style.label}
    for lang in words.LANGUAGES:
        assert {key for key in keys if not words.has(key, lang=lang)} == set()


@pytest.mark.parametrize("family", ["asset_class", "open_status", "network", "candidate_state", "venue"])
def test_two_kinds_never_differ_by_colour_alone_when_a_deuteranope_cannot_tell_the_colours(family):
    for one, two in combinations(styles.family(family).values(), 2):
        same_colour = np.abs(seen_by_deuteranope(one.fill) - seen_by_deuteranope(two.fill)).max() < 0.04
        assert not (same_colour and one.shape == two.shape), (one.key, two.key)


@pytest.mark.parametrize("family", ["rsrp", "gap", "gap_area", "probability"])
def test_classes_of_a_raster_follow_each_other_without_hole_or_overlap(family):
    found = list(styles.family(family).values())
    assert [style.lower for style in found[1:]] == [style.upper for style in found[:-1]]


@pytest.mark.parametrize("family", ["rsrp", "gap", "gap_area"])
def test_lightness_runs_in_one_direction(family):
    light = [float(linear(style.fill) @ [0.2126, 0.7152, 0.0722]) for style in styles.family(family).values()]
    assert light in (sorted(light), sorted(light, reverse=True))


def test_a_value_on_a_limit_belongs_to_the_class_above_and_unknown_is_transparent():
    image = styles.colourise([-110.0, -110.001, np.nan, -300.0], "rsrp")
    assert tuple(image[0, :3]) == styles.rgb(styles.family("rsrp")["edge"].fill)
    assert tuple(image[1, :3]) == styles.rgb(styles.family("rsrp")["weak"].fill)
    assert image[2, 3] == 0
    assert image[3, 3] == 0


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match="asset_class"):
        styles.family("no_such")


def test_a_legend_can_be_limited_to_the_classes_that_occur():
    block = legend.block("asset_class", lang="en", keys=["bridge", "kiosk"])
    assert [row.label for row in block.rows] == ["Bridge", "Kiosk"]
    assert block.title == "Asset class"
