"""Interpolation between points that scatter: judged by a surface that is known, and by points that are left out."""

from typing import Any

import numpy as np
import pytest

from hftranslate.errors import InputError
from hftranslate.signal_grid.contour import contour_lines, prediction_errors, take_slice, validation_text
from hftranslate.signal_grid.smoothing import _LEAST, INTERPOLATIONS, interpolator, left_out
from tests.signal_grid.test_contour import scan_of

RADIUS = 5.3
Z95 = 1.6448536269514722


def exact(x: Any, y: Any) -> Any:
    """A quarter of a circle is excluded."""
    return 1.2 * (RADIUS - np.hypot(x, y))


def circle(noise: float, seed: int = 0) -> Any:
    """A plane whose points scatter around the surface."""
    rng = np.random.default_rng(seed)
    points = {(x, y): Z95 + float(exact(x, y) + noise * rng.normal()) for x in range(9) for y in range(9)}
    return take_slice(scan_of(("m1", "m2"), points))


def distances(plane: Any, interpolation: Any) -> Any:
    """How far the observed contour is from the circle, along its longest line."""
    line = contour_lines(plane, "observed", interpolation)[0]
    return np.hypot(line[:, 0], line[:, 1]) - RADIUS


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_planes_are_exact(interpolation: Any) -> None:
    rng = np.random.default_rng(1)
    at, asked = rng.random((20, 2)), 0.2 + 0.6 * rng.random((5, 2))
    heights = 1.0 + at @ [2.0, -3.0]
    inside = interpolator(at, heights, interpolation)(asked)
    good = np.isfinite(inside)
    assert good.any()
    np.testing.assert_allclose(inside[good], (1.0 + asked @ [2.0, -3.0])[good], atol=1e-9)


def test_few_points_are_gone_through() -> None:
    rng = np.random.default_rng(2)
    at, heights = rng.random((_LEAST - 1, 2)), rng.normal(size=_LEAST - 1)
    np.testing.assert_allclose(interpolator(at, heights, "smooth")(at), heights, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_contour_through_noise_is_nearer_to_the_truth(seed: int) -> None:
    plane = circle(0.35, seed)
    off = {kind: float(np.sqrt(np.mean(distances(plane, kind) ** 2))) for kind in INTERPOLATIONS}
    assert off["smooth"] < 0.9 * min(off["linear"], off["cubic"])


@pytest.mark.parametrize("seed", range(4))
def test_no_kites_no_kinks(seed: int) -> None:
    """One line, which turns as slowly as the circle does, where triangles make islands and corners."""

    def sharpest(lines: Any) -> float:
        line = max(lines, key=len)
        steps = np.diff(line[:: max(1, len(line) // 60)], axis=0)
        angles = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        return float(np.abs(np.diff(angles)).max())

    plane = circle(0.35, seed)
    smooth, linear = (contour_lines(plane, "observed", kind) for kind in ("smooth", "linear"))
    assert len(smooth) == 1
    assert sharpest(smooth) < 0.5 * sharpest(linear)


def test_without_noise_all_agree_with_the_truth() -> None:
    for kind in INTERPOLATIONS:
        assert np.abs(distances(circle(0.0), kind)).max() < 0.05


def test_points_that_are_left_out() -> None:
    """Against the surface fitted anew without each point; at the rim nothing is predicted."""
    plane = circle(0.35)
    at = plane.positions / 8.0
    for kind in INTERPOLATIONS:
        errors = prediction_errors(plane, "observed", kind)
        inner = np.all((plane.positions > 0) & (plane.positions < 8), axis=1)
        assert np.isfinite(errors[inner]).all()
        assert np.isnan(errors[[0, 8, 72, 80]]).all()
        i = int(np.flatnonzero(inner)[17])
        others = np.arange(len(at)) != i
        heights = plane.heights["observed"]
        again = interpolator(at[others], heights[others], kind)(at[i : i + 1])[0] - heights[i]
        assert errors[i] == pytest.approx(again)
        np.testing.assert_allclose(left_out(at, heights, kind), errors)
    text = validation_text(plane)
    sizes = [float(line.split()[2]) for line in text.splitlines()[1:]]
    assert sizes[2] < min(sizes[:2])
    # no better than the noise allows, and not much worse
    assert 0.3 < sizes[2] < 0.6


def test_no_plane_predicts_nothing() -> None:
    with pytest.raises(InputError, match="all points lie on one line"):
        prediction_errors(take_slice(scan_of(("x", "y"), {(x, 1): 1.0 for x in range(5)})), "observed")
