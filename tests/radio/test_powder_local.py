"""Real links of a city campus: what one per cent of them, scattered, says of all the others."""

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from siting.radio import kriging

NOT_HEARD, NEAREST_M, FARTHEST_M = -101, 20.0, 3000.0
SHARE = 0.01


@pytest.fixture(scope="module")
def links(data_folder):
    """One row per link to a fixed receiver: place of the moving end, receiver, lg of the distance, level."""
    folder = data_folder / "powder-utah"
    receivers = pd.read_csv(folder / "receiver_locations.csv").set_index("receiver")
    heard = pd.read_csv(folder / "single_tx.csv")
    plane = Transformer.from_crs(4326, 32612, always_xy=True)
    # The columns named x and y hold latitude and longitude.
    east, north = plane.transform(heard["tx_y_coord"].to_numpy(), heard["tx_x_coord"].to_numpy())
    parts = []
    for name in receivers.index.intersection(heard.columns):
        at = plane.transform(receivers.loc[name, "lon_deg"], receivers.loc[name, "lat_deg"])
        columns = {"easting_m": east, "northing_m": north, "sector_id": name, "level_dbm": heard[name].to_numpy(float)}
        parts.append(pd.DataFrame(columns).assign(distance_m=np.hypot(east - at[0], north - at[1])))
    frame = pd.concat(parts, ignore_index=True)
    kept = (frame["level_dbm"] != NOT_HEARD) & frame["distance_m"].between(NEAREST_M, FARTHEST_M)
    return frame[kept].reset_index(drop=True)


def residuals(links, seen):
    """Measured minus a line over lg distance with an offset per receiver, fitted to the seen links alone."""
    names = sorted(links["sector_id"].unique())
    receiver = np.eye(len(names))[pd.Categorical(links["sector_id"], names).codes]
    design = np.column_stack([receiver, np.log10(links["distance_m"])])
    normal = design[seen].T @ design[seen] + 1e-6 * np.eye(design.shape[1])
    line = np.linalg.solve(normal, design[seen].T @ links["level_dbm"].to_numpy()[seen])
    return -line[-1] / 10.0, links.assign(residual_db=links["level_dbm"] - design @ line)


def test_the_links_are_those_of_the_published_figures(links):
    exponent, frame = residuals(links, np.ones(len(links), bool))
    assert len(frame) == 92_915
    assert exponent == pytest.approx(2.55, abs=0.01)
    assert np.sqrt(np.mean(frame["residual_db"] ** 2)) == pytest.approx(6.96, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_per_cent_scattered_lowers_the_error_of_unseen_links_with_an_honest_spread(links, seed):
    seen = np.random.default_rng(seed).random(len(links)) < SHARE
    _exponent, frame = residuals(links, seen)
    known, unseen = frame[seen], frame[~seen]
    field = kriging.residual_field(known, kriging.fit_covariance(known))
    mean, sigma = field.predict(unseen["easting_m"], unseen["northing_m"], unseen["sector_id"])
    error = unseen["residual_db"] - mean
    before, after = (float(np.sqrt(np.mean(e**2))) for e in (unseen["residual_db"], error))
    assert after < before - 0.4
    assert 0.9 <= np.std(error / sigma) <= 1.1
    assert np.mean(np.abs(error) < 1.645 * sigma) == pytest.approx(0.90, abs=0.03)


def test_a_tenth_of_the_links_brings_its_own_covariance_and_a_better_answer_than_the_default(links):
    seen = np.random.default_rng(4).random(len(links)) < 10 * SHARE
    _exponent, frame = residuals(links, seen)
    known, unseen = frame[seen], frame[~seen]
    left = []
    for covariance in (kriging.default_covariance(), kriging.fit_covariance(known)):
        field = kriging.residual_field(known, covariance)
        mean, sigma = field.predict(unseen["easting_m"], unseen["northing_m"], unseen["sector_id"])
        error = unseen["residual_db"] - mean
        left.append((np.sqrt(np.mean(error**2)), np.std(error / sigma)))
    assert left[1][0] < left[0][0]
    assert 0.9 <= left[1][1] <= 1.1
