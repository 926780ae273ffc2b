import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from shapely import LineString, Point

from siting.errors import BadInput
from siting.fibre.network import build
from siting.fibre.route import marginal_cost

CRS = "EPSG:4548"


def _streets(lines, **columns):
    return gpd.GeoDataFrame({**columns, "geometry": lines}, crs=CRS)


def _access(points, status="existing"):
    names = [f"p{at}" for at in range(len(points))]
    return gpd.GeoDataFrame({"access_id": names, "status": status, "geometry": points}, geometry="geometry", crs=CRS)


def _sites(*points):
    return gpd.GeoDataFrame({"geometry": list(points)}, index=[f"s{at}" for at in range(len(points))], crs=CRS)


CROSS = [LineString([(0, 0), (200, 0)]), LineString([(100, -100), (100, 100)])]


def test_metres_go_along_streets_with_both_lead_ins():
    network = build(_streets(CROSS), _access([Point(0, 10)]))
    found = marginal_cost(network, _sites(Point(105, 80), Point(50, -20)))
    assert found["fibre_m"].tolist() == pytest.approx([10 + 100 + 80 + 5, 10 + 50 + 20], abs=0.3)
    assert found.index.tolist() == ["s0", "s1"]
    assert found["access_ref"].tolist() == ["p0", "p0"]


def test_what_cannot_be_reached_is_missing_with_its_reason_and_never_zero():
    lines = [*CROSS, LineString([(1000, 0), (1100, 0)])]
    found = marginal_cost(
        build(_streets(lines), _access([Point(0, 0)])), _sites(Point(20, 61), Point(1050, 0), Point(20, 59))
    )
    assert found["reason"].tolist() == ["fibre.reason.too_far", "fibre.reason.no_route", ""]
    assert np.isnan(found["fibre_m"].iloc[:2]).all()
    closed = marginal_cost(build(_streets(CROSS), _access([Point(0, 0)], status="closed")), _sites(Point(50, 0)))
    assert closed["reason"].tolist() == ["fibre.reason.no_access"]
    nowhere = marginal_cost(build(_streets([]), _access([Point(0, 0)])), _sites(Point(50, 0)))
    assert nowhere["reason"].tolist() == ["fibre.reason.no_streets"]


def test_a_bridge_is_joined_at_its_ends_only():
    network = build(_streets(CROSS, bridge=[False, True]), _access([Point(0, 0)]))
    assert marginal_cost(network, _sites(Point(100, 90)))["reason"].tolist() == ["fibre.reason.no_route"]


def test_layers_in_two_crs_are_refused():
    with pytest.raises(BadInput, match="EPSG:4326"):
        build(_streets(CROSS), _access([Point(0, 0)]).set_crs("EPSG:4326", allow_override=True))


def test_distances_equal_networkx_on_a_random_town():
    rng = np.random.default_rng(3)
    size, step = 8, 100.0
    graph = nx.grid_2d_graph(size, size)
    graph.remove_edges_from([edge for edge in sorted(graph.edges) if rng.random() < 0.25])
    lines = [LineString([(a[0] * step, a[1] * step), (b[0] * step, b[1] * step)]) for a, b in graph.edges]
    nodes = sorted(node for node in graph if graph.degree(node))
    sources = [nodes[at] for at in rng.choice(len(nodes), 4, replace=False)]
    network = build(_streets(lines), _access([Point(x * step, y * step) for x, y in sources]))
    found = marginal_cost(network, _sites(*(Point(x * step, y * step) for x, y in nodes)))["fibre_m"].to_numpy()
    reached = nx.multi_source_dijkstra_path_length(graph, set(sources), weight=lambda *_: step)
    assert found == pytest.approx([reached.get(node, np.nan) for node in nodes], nan_ok=True)


def test_shuffled_streets_and_points_give_the_same_metres():
    rng = np.random.default_rng(4)
    ends = rng.random((60, 4)) * 1000
    lines = [LineString([(a, b), (c, d)]) for a, b, c, d in ends]
    points = [Point(*xy) for xy in rng.random((5, 2)) * 1000]
    sites = _sites(*shapely.points(rng.random((40, 2)) * 1000))
    first = marginal_cost(build(_streets(lines), _access(points)), sites)["fibre_m"]
    order = rng.permutation(60)
    again = marginal_cost(build(_streets([lines[at] for at in order]), _access(points[::-1])), sites)["fibre_m"]
    assert again.to_numpy() == pytest.approx(first.to_numpy(), nan_ok=True)
