"""What is drawn of a contour."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hftranslate.errors import InputError
from hftranslate.plots import PlotOptions
from hftranslate.plots.contour import contour
from hftranslate.signal_grid.contour import contour_document, contour_lines, crossings, take_slice
from tests.signal_grid.test_contour import scan_of

PLANE = {(x, y): 5.0 - 0.8 * x for x in range(8) for y in range(4)}


def drawn(figure: Any, gid: str) -> list[Any]:
    return [line for line in figure.axes[0].lines if line.get_gid() == gid]


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_lines_that_are_written_are_those_that_are_drawn() -> None:
    """Of points that scatter, where interpolations differ."""
    scatter = np.random.default_rng(2).normal(0.0, 0.3, len(PLANE))
    heights = dict(zip(PLANE, (np.array(list(PLANE.values())) + scatter).tolist(), strict=True))
    plane = take_slice(scan_of(("m1", "m2"), heights))
    [line] = drawn(contour(plane), "observed")
    (written,) = contour_lines(plane, "observed")
    assert np.array(line.get_xydata()) == pytest.approx(written)
    document = contour_document(plane)
    assert (document["contours"]["observed"], document["interpolation"]) == ([written.tolist()], "smooth")
    assert max(map(len, contour_lines(plane, "observed", "linear"))) < len(written)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_plane(interpolation: Any) -> None:
    plane = take_slice(scan_of(("m1", "m2"), PLANE, [(9, 2)]))
    figure = contour(plane, interpolation=interpolation, y_name="m2 [GeV]", options=PlotOptions(title="a title"))
    axes = figure.axes[0]
    assert axes.get_title() == "a title"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("m1", "m2 [GeV]")
    for curve in ("observed", "expected"):
        [line] = drawn(figure, curve)
        assert np.array(line.get_xydata()) == pytest.approx(contour_lines(plane, curve, interpolation)[0])
    [excluded], [allowed], [failed] = (drawn(figure, gid) for gid in ("excluded", "allowed", "failed"))
    assert len(excluded.get_xdata()) == int(plane.excluded.sum())
    assert len(allowed.get_xdata()) == int((~plane.excluded).sum())
    assert failed.get_xydata().tolist() == [[9.0, 2.0]]
    assert set(legend(figure)) == {"observed", "expected", r"expected $\pm1\sigma$", "excluded", "allowed", "failed"}
    assert axes.get_legend().get_title().get_text() == "95% CL"
    [band] = axes.collections
    box = band.get_paths()[0].get_extents()
    low, high = (contour_lines(plane, c, interpolation)[0][:, 0] for c in ("expected_+1", "expected_-1"))
    assert box.x0 == pytest.approx(low.min(), abs=0.02)
    assert box.x1 == pytest.approx(high.max(), abs=0.02)
    # nothing lies on the frame
    assert axes.get_xlim()[0] < 0.0
    assert axes.get_xlim()[1] > 9.0


@pytest.mark.parametrize(("shift", "word"), [(20.0, "allowed"), (-20.0, "excluded")])
def test_a_plane_without_a_contour_says_so(shift: float, word: str) -> None:
    plane = take_slice(scan_of(("m1", "m2"), {at: z + shift for at, z in PLANE.items()}))
    figure = contour(plane)
    assert f"observed: no point {word}" in legend(figure)
    assert not drawn(figure, "observed")
    assert len(figure.axes[0].collections) == 0


def test_along_one_label() -> None:
    along = take_slice(scan_of(("m1", "m2"), PLANE, [(9, 2), (9, 3)]), "m1", at={"m2": 2})
    figure = contour(along)
    axes = figure.axes[0]
    assert axes.get_title() == "m2 = 2"
    assert axes.get_yscale() == "log"
    assert "excluded below 0.05" in axes.get_ylabel()
    assert set(legend(figure)) == {"observed", "expected", r"expected $\pm1\sigma$", "excluded", "allowed", "failed"}
    by_label = {line.get_label(): line for line in axes.lines}
    x, y = by_label["observed"].get_data()
    [crossing] = crossings(along, "observed")
    assert np.interp(crossing, x, y) == pytest.approx(0.05, rel=1e-3)  # type: ignore[arg-type]
    assert by_label["failed"].get_xydata().tolist() == [[9.0, pytest.approx(0.05)]]
    assert [t.get_text() for t in axes.texts] == [f"{crossing:.4g}"]


def test_limits_along_one_label() -> None:
    scan = scan_of(("m1",), {(x,): 1.0 for x in range(4)})
    points = tuple(
        replace(p, result={"observed": 0.5 * 2.0**i, "expected": [0.5 * 2.0**i * f for f in (0.5, 0.7, 1.0, 1.4, 2.0)]})
        for i, p in enumerate(scan.points)
    )
    along = take_slice(replace(scan, points=points, task={"what": "limit", "level": 0.1}))
    assert crossings(along, "observed") == pytest.approx([1.0])
    axes = contour(along).axes[0]
    assert axes.get_ylabel() == "upper limit at 90% CL (excluded below 1)"
    by_label = {line.get_label(): line for line in axes.lines}
    assert by_label["observed"].get_ydata()[0] == pytest.approx(0.5)


def test_points_without_an_observed_value_are_neither_excluded_nor_allowed() -> None:
    scan = scan_of(("m1", "m2"), PLANE)
    points = tuple(replace(p, result={"observed": 0.5, "expected": [0.3, 0.4, 0.5, 0.6, 0.7]}) for p in scan.points)
    without = replace(points[5], result={"observed": None, "expected": [0.3, None, 0.5, 0.6, 0.7]})
    scan = replace(scan, points=(*points[:5], without, *points[6:]), task={"what": "limit", "level": 0.05})
    plane = take_slice(scan)
    figure = contour(plane)
    [failed] = drawn(figure, "failed")
    assert failed.get_xydata().tolist() == [[1.0, 1.0]]
    assert not drawn(figure, "allowed")
    [excluded] = drawn(figure, "excluded")
    assert len(excluded.get_xdata()) == len(PLANE) - 1
    assert [p["excluded"] for p in contour_document(plane)["points"]].count(None) == 1
    along = contour(take_slice(scan, "m1", at={"m2": 1}))
    by_label = {line.get_label(): line for line in along.axes[0].lines}
    assert by_label["failed"].get_xydata().tolist() == [[1.0, 1.0]]


def test_points_on_a_line_make_no_plane() -> None:
    with pytest.raises(InputError, match="all points lie on one line"):
        contour(take_slice(scan_of(("x", "y"), {(x, 1): 1.0 for x in range(5)})))
