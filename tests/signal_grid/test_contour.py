"""Exclusion contours, on surfaces whose level lines are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from hftranslate.errors import InputError, MissingInput
from hftranslate.signal_grid.contour import (
    CURVES,
    Slice,
    contour_document,
    contour_lines,
    crossings,
    heights,
    level_lines,
    refined,
    shown,
    surface,
    take_slice,
)
from hftranslate.signal_grid.scan import FailedPoint, Point, Scan

GRID = np.array([[x, y] for x in np.linspace(0.0, 10.0, 11) for y in np.linspace(0.0, 1000.0, 11)])


def cls_point(name: str, values: tuple[Any, ...], z: float) -> Point:
    """A point that is excluded by ``z`` standard deviations; the expected ones by z - 2 ... z + 2."""
    exp = [float(ndtr(-(z - k))) for k in (-2, -1, 0, 1, 2)]
    return Point(name=name, values=values, result={"CLs_obs": float(ndtr(-z)), "CLs_exp": exp})


def scan_of(labels: tuple[str, ...], points: dict[tuple[Any, ...], float], failed: Any = ()) -> Scan:
    return Scan(
        labels=labels,
        task={"what": "cls", "level": 0.05},
        points=tuple(cls_point(f"p{i}", values, z) for i, (values, z) in enumerate(points.items())),
        failed=tuple(FailedPoint(name=f"f{i}", values=v, reason="no") for i, v in enumerate(failed)),
    )


# ------------------------------------------------------------------------------------------------------------- heights
def test_height_is_the_significance_beyond_the_level() -> None:
    z95 = -float(ndtri(0.05))
    found = heights([cls_point("a", (1,), z95), cls_point("b", (2,), z95 + 1.5)], "cls", 0.05)
    assert found["observed"] == pytest.approx([0.0, 1.5], abs=1e-12)
    assert found["expected"] == pytest.approx([0.0, 1.5], abs=1e-12)
    assert found["expected_-1"] == pytest.approx([1.0, 2.5], abs=1e-12)
    assert found["expected_+1"] == pytest.approx([-1.0, 0.5], abs=1e-12)


def test_extreme_cls_has_a_height() -> None:
    points = [Point(name="a", values=(v,), result={"CLs_obs": v, "CLs_exp": [v] * 5}) for v in (0.0, 1.0)]
    found = heights(points, "cls", 0.05)["observed"]
    assert np.isfinite(found).all()
    assert found[0] > 30.0
    assert found[1] < -5.0


def test_height_of_a_limit() -> None:
    result = {"observed": 2.0, "expected": [0.25, 0.5, None, 2.0, 4.0]}
    found = heights([Point(name="a", values=(1,), result=result)], "limit", 0.05)
    assert found["observed"] == pytest.approx([-np.log(2.0)])
    assert found["expected_-1"] == pytest.approx([np.log(2.0)])
    assert np.isnan(found["expected"]).all()


@pytest.mark.parametrize("what", ["cls", "limit"])
def test_what_is_shown_of_a_height_is_where_it_came_from(what: Any) -> None:
    result = {"CLs_obs": 0.3, "CLs_exp": [0.1] * 5, "observed": 0.3, "expected": [0.1] * 5}
    h = heights([Point(name="a", values=(1,), result=result)], what, 0.05)
    along = Slice(
        labels=("m",), names=("a",), positions=np.zeros((1, 1)), heights=h, failed=np.zeros((0, 1)), what=what
    )
    assert shown(along, h["observed"]) == pytest.approx([0.3])
    assert shown(along, np.zeros(1)) == pytest.approx([0.05 if what == "cls" else 1.0])


# -------------------------------------------------------------------------------------------------------------- slices
def test_one_label_is_a_line() -> None:
    found = take_slice(scan_of(("m",), {(300,): 1.0, (100,): 3.0, (200,): 2.0}, [(400,)]))
    assert found.labels == ("m",)
    assert found.positions[:, 0].tolist() == [300.0, 100.0, 200.0]
    assert found.failed.tolist() == [[400.0]]
    assert found.excluded.tolist() == [False, True, True]
    [crossing] = crossings(found, "observed")
    assert crossing == pytest.approx(300.0 - 100.0 * (-float(ndtri(0.05)) - 1.0))
    assert crossings(found, "expected_-1") == ()


THREE = {(m1, m2, m3): 1.0 for m1 in (1, 2) for m2 in (1, 2, 3) for m3 in (5, 6)}


def test_labels_that_are_held() -> None:
    scan = scan_of(("m1", "m2", "m3"), THREE, [(1, 1, 7), (2, 2, 5)])
    plane = take_slice(scan, at={"m3": 5})
    assert plane.labels == ("m1", "m2")
    assert len(plane.names) == 6
    assert plane.failed.tolist() == [[2.0, 2.0]]
    assert plane.fixed == {"m3": 5}
    assert take_slice(scan, "m3", "m2", at={"m1": 2}).labels == ("m3", "m2")
    assert take_slice(scan, y="m3", at={"m1": 2}).labels == ("m2", "m3")
    assert take_slice(scan, "m2", at={"m1": 2, "m3": 6}).labels == ("m2",)
    assert take_slice(scan, at={"m1": 2, "m3": 6}).labels == ("m2",)


def test_planes_that_cut_through_others_have_to_be_asked_for() -> None:
    scan = scan_of(("m1", "m2", "m3"), {(m1, m2, m2 + 10): 1.0 for m1 in (1, 2) for m2 in (1, 2, 3)})
    assert take_slice(scan, "m1", "m2").labels == ("m1", "m2")
    with pytest.raises(InputError, match="the points differ in 'm3' too"):
        take_slice(scan)


@pytest.mark.parametrize(
    ("arguments", "at", "words"),
    [
        (("m4",), {}, "no label 'm4'; there are 'm1', 'm2', 'm3'"),
        ((None, None), {"x": 1}, "no label 'x'"),
        (("m1", "m1"), {"m3": 5}, "both axes cannot be 'm1'"),
        (("m3",), {"m3": 5}, "'m3' cannot be an axis and held at 5"),
        ((), {"m1": 1, "m2": 1, "m3": 5}, "all labels are held"),
        ((), {"m3": 9}, "no point with a result at m3=9"),
        (("m1", "m2"), {}, r"'p0' and 'p1' lie at the same place \(1, 1\): hold 'm3' at one of its values \(5, 6\)"),
        ((), {}, r"along 'm1' and 'm2' the points differ in 'm3' too: hold 'm3' at one of its values \(5, 6\)"),
        (("m2",), {"m3": 5}, r"hold 'm1' at one of its values \(1, 2\)"),
    ],
)
def test_slices_that_cannot_be_taken(arguments: tuple[Any, ...], at: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        take_slice(scan_of(("m1", "m2", "m3"), THREE), *arguments, at=at)


def test_one_point_given_twice_is_told() -> None:
    scan = scan_of(("m1", "m2"), {(1, 1): 1.0, (2, 1): 2.0})
    with pytest.raises(InputError, match=r"'p0' and 'p0' lie at the same place \(1, 1\)$"):
        take_slice(replace(scan, points=(*scan.points, replace(scan.points[0]))))


def test_texts_are_no_axis() -> None:
    scan = scan_of(("m", "decay"), {(1, "bb"): 1.0, (2, "bb"): 2.0}, [(3, "bb"), (3, "tt")])
    assert take_slice(scan, at={"decay": "bb"}).failed.tolist() == [[3.0]]
    with pytest.raises(InputError, match="'decay' cannot be an axis: its value of 'p0' is 'bb', no number"):
        take_slice(scan)
    with pytest.raises(MissingInput, match="no point with a result"):
        take_slice(scan_of(("m",), {}))


# ------------------------------------------------------------------------------------------------------------ surfaces
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_plane_has_a_straight_line(interpolation: Any) -> None:
    height = GRID[:, 0] + GRID[:, 1] / 100.0 - 7.3
    [line] = level_lines(surface(GRID, height, interpolation))
    assert line[:, 0] + line[:, 1] / 100.0 == pytest.approx(7.3, abs=1e-6)
    ends = sorted(map(tuple, line[[0, -1]].round(4).tolist()))
    assert ends == [pytest.approx((0.0, 730.0), abs=1e-3), pytest.approx((7.3, 0.0), abs=1e-3)]


@pytest.mark.parametrize(("interpolation", "precision"), [("linear", 0.03), ("cubic", 0.003)])
def test_a_hill_has_a_closed_line(interpolation: Any, precision: float) -> None:
    radius = np.hypot(GRID[:, 0] - 5.0, GRID[:, 1] / 100.0 - 5.0)
    [line] = level_lines(surface(GRID, 3.2**2 - radius**2, interpolation))
    assert line[0].tolist() == line[-1].tolist()
    distance = np.hypot(line[:, 0] - 5.0, line[:, 1] / 100.0 - 5.0)
    assert np.abs(distance - 3.2).max() < precision * 3.2
    angle = np.unwrap(np.arctan2(line[:, 1] / 100.0 - 5.0, line[:, 0] - 5.0))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2.0 * np.pi)


def test_two_hills_have_two_lines() -> None:
    x, y = GRID[:, 0], GRID[:, 1] / 100.0
    lines = level_lines(
        surface(GRID, np.exp(-((x - 2) ** 2) - (y - 2) ** 2) + np.exp(-((x - 8) ** 2) - (y - 8) ** 2) - 0.3)
    )
    assert len(lines) == 2
    assert all(line[0].tolist() == line[-1].tolist() for line in lines)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 40))
def test_lines_part_what_is_above_from_what_is_below(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    positions, height = random.uniform(size=(n, 2)), random.normal(size=n)
    mesh = surface(positions, height)
    lines = level_lines(mesh)
    above = height >= 0.0
    used = np.unique(mesh.triangles)
    if above[used].all() or not above[used].any():
        assert lines == ()
    edges = {tuple(sorted(e)) for t in mesh.triangles.tolist() for e in (t[:2], t[1:], [t[0], t[2]])}
    crossed = {(p, q) for p, q in edges if above[p] != above[q]}
    n_points = sum(len(line) - bool((line[0] == line[-1]).all() and len(line) > 2) for line in lines)
    assert n_points == len(crossed)  # each crossed edge is passed once
    for line in lines:
        assert np.isfinite(line).all()
    finer = level_lines(refined(mesh))
    length = [sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in found) for found in (lines, finer)]
    assert length[1] == pytest.approx(length[0], rel=1e-6)


def test_points_without_a_height_are_left_out() -> None:
    height = GRID[:, 0] - 4.5
    height[60] = np.nan
    mesh = surface(GRID, height)
    assert len(mesh.vertices) == len(GRID) - 1
    assert np.isfinite(mesh.heights).all()


def test_flat_triangles_at_the_rim_are_left_out() -> None:
    # a rim that is almost straight: the hull joins its ends by a long flat triangle
    positions = np.array([[0.0, 0.0], [5.0, 0.1], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0], [5.0, 5.0]])
    mesh = surface(positions, np.ones(6))
    assert [0, 1, 2] not in [sorted(t) for t in mesh.triangles.tolist()]
    assert set(np.unique(mesh.triangles)) == set(range(6))
    # a point that only flat triangles hold stays
    mesh = surface(np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 0.01], [5.0, 10.0], [20.0, 0.005]]), np.ones(5))
    assert set(np.unique(mesh.triangles)) == set(range(5))


def test_points_that_make_no_plane() -> None:
    with pytest.raises(InputError, match="2 points make no plane"):
        surface(GRID[:2], np.ones(2))
    with pytest.raises(InputError, match="all points lie on one line: choose one label as axis"):
        surface(GRID[:11], np.ones(11))


def test_document() -> None:
    plane = take_slice(scan_of(("x", "y"), {(x, y): 5.0 - x for x in range(6) for y in range(4)}, [(9, 9)]))
    document = contour_document(plane)
    assert set(document["contours"]) == set(CURVES)
    [line] = document["contours"]["observed"]
    assert np.array(line)[:, 0] == pytest.approx(5.0 + float(ndtri(0.05)))
    assert document["contours"]["observed"] == [line.tolist() for line in contour_lines(plane, "observed")]
    assert document["failed"] == [[9.0, 9.0]]
    assert [p["excluded"] for p in document["points"][::4]] == [True, True, True, True, False, False]
    along = contour_document(take_slice(scan_of(("x",), {(x,): 5.0 - x for x in range(6)})))
    assert along["contours"]["observed"] == pytest.approx([5.0 + float(ndtri(0.05))])
