"""Exclusion contours: where the results of a scan, interpolated between its points, cross the level.

What is interpolated is smooth and nearly linear where CLs is not: the excess in significance,

    height = z(CLs) - z(level),    z(p) the number of standard deviations with tail probability p,

or, for limits on the parameter of interest, the logarithm of tested value over limit. A point with a positive height is
excluded. Between points the height is linear on the triangles of a Delaunay triangulation, made where both axes have
unit length, or a cubic through the same points (Clough and Tocher), or, where nothing is asked for, a thin plate as
smooth as predicts points best that are left out: the statistics of simulated signals scatter, and contours that follow
them have kites and kinks. Outside the hull of the points there is nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import InputError, MissingInput, did_you_mean
from hftranslate.likelihood.scipy_parts import ndtr, ndtri
from hftranslate.signal_grid.document import Value
from hftranslate.signal_grid.scan import FailedPoint, Point, Scan
from hftranslate.signal_grid.smoothing import INTERPOLATIONS, USUAL, interpolator, left_out
from hftranslate.signal_grid.smoothing import Interpolation as Interpolation
from hftranslate.signal_grid.tasks import What

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
#: Lines ``(k, 2)`` in a plane; the first point of a closed one is its last.
Lines: TypeAlias = tuple[Floats, ...]

#: The curves: observed, and expected at -1, 0, +1 standard deviations of the background-only expectation.
CURVES = ("observed", "expected_-1", "expected", "expected_+1")
#: A triangle is divided into the square of this many, on each of which a cubic is taken to be linear.
_DIVISIONS = 8
#: Triangles at the rim are left out below this roundness, which is one for equal sides.
_FLAT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The points of a scan along one label or in the plane of two.

    Attributes
    ----------
    labels
        of the one or two axes.
    names
        of the points.
    positions
        ``(n, 1)`` or ``(n, 2)``.
    heights
        for each of :data:`CURVES`, ``(n,)``: positive where a point is excluded, NaN where it has no value.
    failed
        positions of points without result, ``(m, 1)`` or ``(m, 2)``.
    fixed
        the values that the other labels were held at.
    what, level
        what the scan holds, and CLs at the contour: one minus the confidence level.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    positions: Floats
    heights: Mapping[str, Floats]
    failed: Floats
    fixed: Mapping[str, Value] = field(default_factory=dict)
    what: What = "cls"
    level: float = 0.05

    @property
    def excluded(self) -> Booleans:
        """Which points are excluded by the data, ``(n,)``."""
        return self.heights["observed"] >= 0.0

    @property
    def allowed(self) -> Booleans:
        """Which points are not excluded by the data, ``(n,)``; those without an observed value are neither."""
        return self.heights["observed"] < 0.0

    @property
    def without_value(self) -> Floats:
        """Positions of the points that failed, and of those without an observed value."""
        missing = ~(self.excluded | self.allowed)
        return np.concatenate([self.failed, self.positions[missing]])


def heights(points: Sequence[Point], what: What, level: float) -> dict[str, Floats]:
    """How far each point lies beyond the level, ``(n,)`` for each of :data:`CURVES`."""
    observed, expected = ("CLs_obs", "CLs_exp") if what == "cls" else ("observed", "expected")
    columns = {"observed": [p.result[observed] for p in points]}
    for curve, band in (("expected_-1", 1), ("expected", 2), ("expected_+1", 3)):
        columns[curve] = [p.result[expected][band] for p in points]
    found = {}
    for curve, column in columns.items():
        values = np.array([np.nan if v is None else v for v in column], dtype=np.float64)
        if what == "cls":
            found[curve] = ndtri(level) - ndtri(np.clip(values, 1e-300, 1.0 - 1e-16))
        else:
            found[curve] = -np.log(np.maximum(values, 1e-300))
    return found


def shown(found: Slice, height: Floats) -> Floats:
    """CLs, or the limit in units of the value that is tested (one), of heights."""
    return np.asarray(ndtr(ndtri(found.level) - height) if found.what == "cls" else np.exp(-height))


def take_slice(
    scan: Scan, x: str | None = None, y: str | None = None, *, at: Mapping[str, Value] | None = None
) -> Slice:
    """The points of a scan in the plane of two labels, or along one.

    Parameters
    ----------
    scan
        all points.
    x, y
        labels of the axes; by default the first labels that are not held. Where only ``x`` is given, or one label is
        left, the points lie along a line. Other labels have to be held, but where both axes are given.
    at
        the values at which other labels are held.

    Returns
    -------
    Slice
        the points with positions of numbers.

    Raises
    ------
    MissingInput
        There is no such label, or no point at these values.
    InputError
        A label of an axis has values that are no numbers, or several points lie at one place: another label has to be
        held.
    """
    held = dict(at or {})
    axes = _axes(scan.labels, x, y, held)
    columns = [scan.labels.index(a) for a in axes]
    points = [p for p in scan.points if _is_at(scan.labels, p, held)]
    failed = [p for p in scan.failed if _is_at(scan.labels, p, held)]
    if not points:
        where = f" at {', '.join(f'{k}={v}' for k, v in held.items())}" if held else ""
        raise MissingInput(f"the scan has no point with a result{where}")
    for p in points:
        for label, k in zip(axes, columns, strict=True):
            if isinstance(p.values[k], str):
                raise InputError(f"{label!r} cannot be an axis: its value of {p.name!r} is {p.values[k]!r}, no number")
    _check_apart(scan.labels, points, columns, any_plane=x is not None and y is not None)
    return Slice(
        labels=axes,
        names=tuple(p.name for p in points),
        positions=_positions(points, columns),
        heights=heights(points, scan.what, scan.level),
        failed=_positions([f for f in failed if not any(isinstance(f.values[k], str) for k in columns)], columns),
        fixed=held,
        what=scan.what,
        level=scan.level,
    )


def _axes(labels: tuple[str, ...], x: str | None, y: str | None, held: Mapping[str, Value]) -> tuple[str, ...]:
    for label in (*filter(None, (x, y)), *held):
        if label not in labels:
            raise MissingInput(f"the scan has no label {label!r}" + did_you_mean(label, labels))
    if x is not None and x == y:
        raise InputError(f"both axes cannot be {x!r}")
    for label in filter(None, (x, y)):
        if label in held:
            raise InputError(f"{label!r} cannot be an axis and held at {held[label]}")
    left = [a for a in labels if a not in held and a not in (x, y)]
    if x is None and not left:
        raise InputError("all labels are held: no axis is left")
    first = x or left.pop(0)
    if y is None and x is None and left:
        y = left.pop(0)
    return (first,) if y is None else (first, y)


def _is_at(labels: tuple[str, ...], point: Point | FailedPoint, held: Mapping[str, Value]) -> bool:
    return all(point.values[labels.index(label)] == value for label, value in held.items())


def _check_apart(labels: tuple[str, ...], points: Sequence[Point], columns: Sequence[int], *, any_plane: bool) -> None:
    """Refuse points that no axis tells apart; a plane that was asked for may cut through others."""

    def hold(k: int) -> str:
        there = sorted({p.values[k] for p in points}, key=_rank)
        shown = ", ".join(map(str, there[:8])) + (", ..." if len(there) > 8 else "")
        return f"hold {labels[k]!r} at one of its values ({shown})"

    varying = [k for k in range(len(labels)) if k not in columns and len({p.values[k] for p in points}) > 1]
    if varying and not any_plane:
        axes = " and ".join(repr(labels[k]) for k in columns)
        raise InputError(f"along {axes} the points differ in {labels[varying[0]]!r} too: {hold(varying[0])}")
    seen: dict[tuple[Value, ...], Point] = {}
    for p in points:
        place = tuple(p.values[k] for k in columns)
        other = seen.setdefault(place, p)
        if other is not p:
            differs = [k for k in range(len(labels)) if p.values[k] != other.values[k]]
            hint = f": {hold(differs[0])}" if differs else ""
            at = ", ".join(map(str, place))
            raise InputError(f"{other.name!r} and {p.name!r} lie at the same place ({at}){hint}")


def _rank(value: Value) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def _positions(points: Sequence[Point | FailedPoint], columns: Sequence[int]) -> Floats:
    rows = [[float(p.values[k]) for k in columns] for p in points]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))


# --------------------------------------------------------------------------------------------------------------- along
def crossings(along: Slice, curve: str) -> tuple[float, ...]:
    """Where a curve crosses the level along one label, in increasing order."""
    x, h = along.positions[:, 0], along.heights[curve]
    order = np.argsort(x)
    order = order[np.isfinite(h[order])]
    x, h = x[order], h[order]
    at = np.flatnonzero((h[:-1] >= 0.0) != (h[1:] >= 0.0))
    return tuple((x[at] - h[at] * (x[at + 1] - x[at]) / (h[at + 1] - h[at])).tolist())


# ----------------------------------------------------------------------------------------------------------- in a plane
@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """A surface over a plane, linear on triangles: vertices ``(n, 2)``, triangles ``(m, 3)``, heights ``(n,)``."""

    vertices: Floats
    triangles: Integers
    heights: Floats


def surface(positions: Floats, height: Floats, interpolation: Interpolation = "linear") -> Mesh:
    """The surface through the points of a plane; points without a height (NaN) are left out.

    Parameters
    ----------
    positions, height
        ``(n, 2)`` and ``(n,)``.
    interpolation
        ``"linear"`` on the triangles between points, or ``"cubic"`` or ``"smooth"`` on finer triangles, the latter near
        the points and not through them (:func:`hftranslate.signal_grid.smoothing.interpolator`).

    Returns
    -------
    Mesh
        triangles with a height at each corner.

    Raises
    ------
    InputError
        There are fewer than three points, or all lie on one line.
    """
    from scipy.spatial import Delaunay, QhullError

    there = np.isfinite(height)
    positions, height = positions[there], height[there]
    if len(positions) < 3:
        raise InputError(f"{len(positions)} points make no plane; a contour needs three")
    low, extent = positions.min(axis=0), np.ptp(positions, axis=0)
    unit = (positions - low) / np.where(extent > 0.0, extent, 1.0)
    try:
        triangulation = Delaunay(unit)
    except QhullError:
        raise InputError("all points lie on one line: choose one label as axis") from None
    triangles = _without_slivers(unit, triangulation.simplices.astype(np.int64))
    if interpolation == "linear":
        return Mesh(vertices=positions, triangles=triangles, heights=height)
    fine, triangles = _divided(unit, triangles, _DIVISIONS)
    # a vertex of the rim may lie a rounding error outside of the triangulation
    inwards = fine + 1e-9 * (unit.mean(axis=0) - fine)
    values = interpolator(unit, height, interpolation)(inwards)
    return Mesh(vertices=low + fine * extent, triangles=triangles, heights=values)


def prediction_errors(plane: Slice, curve: str, interpolation: Interpolation = "linear") -> Floats:
    """How well an interpolation predicts each inner point of a plane from the others: heights, ``(n,)``.

    NaN at the rim of the plane and where there is no height.

    Raises
    ------
    InputError
        The points make no plane.
    """
    surface(plane.positions, plane.heights[curve])  # there is one
    there = np.isfinite(plane.heights[curve])
    at = plane.positions[there]
    found = np.full(len(there), np.nan)
    found[there] = left_out((at - at.min(axis=0)) / np.ptp(at, axis=0), plane.heights[curve][there], interpolation)
    return found


def validation_text(plane: Slice) -> str:
    """How far each interpolation is off where points are left out, for people."""
    lines = ["left out and predicted from the others: root mean square of the differences, in units of the height"]
    for interpolation in INTERPOLATIONS:
        errors = [prediction_errors(plane, curve, interpolation) for curve in CURVES]
        sizes = [
            float(np.sqrt(np.mean(np.square(e[np.isfinite(e)])))) if np.isfinite(e).any() else np.nan for e in errors
        ]
        lines.append(f"  {interpolation:8}" + "  ".join(f"{c} {v:.3f}" for c, v in zip(CURVES, sizes, strict=True)))
    return "\n".join(lines)


def _without_slivers(vertices: Floats, triangles: Integers) -> Integers:
    """The triangles without very flat ones at the rim, which join points that are far from each other.

    Along a rim that is not quite straight they make spikes of the contour. One that would leave a point without
    triangle stays.
    """
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    sides = np.stack([np.linalg.norm(q - p, axis=1) for p, q in ((a, b), (b, c), (c, a))])
    area = 0.5 * np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    # twice the ratio of the radii of the inner and the outer circle: one for equal sides, zero for a line
    roundness = 16.0 * area**2 / np.maximum(sides.sum(axis=0) * sides.prod(axis=0), 1e-300)
    kept = np.ones(len(triangles), dtype=np.bool_)
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2)
    while True:
        _, place, count = np.unique(edges[kept].reshape(-1, 2), axis=0, return_inverse=True, return_counts=True)
        at_rim = (count[place.reshape(-1, 3)] == 1).any(axis=1)
        uses = np.bincount(triangles[kept].ravel(), minlength=len(vertices))
        needed = (uses[triangles[kept]] == 1).any(axis=1)
        gone = np.flatnonzero(kept)[at_rim & ~needed & (roundness[kept] < _FLAT)]
        if not len(gone):
            return triangles[kept]
        kept[gone[np.argmin(roundness[gone])]] = False


def refined(mesh: Mesh) -> Mesh:
    """The same surface on finer triangles."""
    stacked = np.column_stack([mesh.vertices, mesh.heights])
    fine, triangles = _divided(stacked, mesh.triangles, _DIVISIONS)
    return Mesh(vertices=fine[:, :2], triangles=triangles, heights=fine[:, 2])


def _divided(vertices: Floats, triangles: Integers, n: int) -> tuple[Floats, Integers]:
    """Each triangle as ``n * n`` of equal shape, with common vertices once."""
    steps = [(i, j) for i in range(n + 1) for j in range(n + 1 - i)]
    number = {step: k for k, step in enumerate(steps)}
    weights = np.array([[n - i - j, i, j] for i, j in steps]) / n
    corners = vertices[triangles]
    fine = np.einsum("kc,tcd->tkd", weights, corners).reshape(-1, vertices.shape[1])
    inner = [(number[i, j], number[i + 1, j], number[i, j + 1]) for i, j in steps if i + j < n]
    inner += [(number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]) for i, j in steps if i + j < n - 1]
    all_triangles = (np.array(inner)[None] + len(steps) * np.arange(len(triangles))[:, None, None]).reshape(-1, 3)
    _, first, place = np.unique(np.round(fine[:, :2], 12), axis=0, return_index=True, return_inverse=True)
    return fine[first], place.reshape(-1)[all_triangles]


def level_lines(mesh: Mesh) -> Lines:
    """The lines on which a surface is zero, longest first; closed ones end where they begin.

    A height of exactly zero counts as above.
    """
    above = mesh.heights >= 0.0
    neighbours: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b, c in mesh.triangles[above[mesh.triangles].any(axis=1) & ~above[mesh.triangles].all(axis=1)].tolist():
        crossed = [(min(p, q), max(p, q)) for p, q in ((a, b), (b, c), (c, a)) if above[p] != above[q]]
        for here, there in (crossed, crossed[::-1]):
            neighbours.setdefault(here, []).append(there)
    lines = []
    left = dict(sorted(neighbours.items(), key=lambda item: (len(item[1]), item[0])))  # ends before inner edges
    while left:
        edge = next(iter(left))
        path = [edge]
        following = left.pop(edge)
        closed = len(following) == 2
        while step := [e for e in following if e in left][:1]:
            path += step
            following = left.pop(step[0])
        lines.append(path + path[:1] * (closed and len(path) > 2))
    found = [_where_zero(mesh, np.array(line, dtype=np.int64)) for line in lines]
    return tuple(sorted(found, key=lambda line: (-len(line), line.tolist())))


def _where_zero(mesh: Mesh, edges: Integers) -> Floats:
    start, end = edges[:, 0], edges[:, 1]
    h, k = mesh.heights[start], mesh.heights[end]
    fraction = (h / (h - k))[:, None]
    line: Floats = mesh.vertices[start] * (1.0 - fraction) + mesh.vertices[end] * fraction
    return line


def contour_lines(plane: Slice, curve: str, interpolation: Interpolation = USUAL) -> Lines:
    """The exclusion contour of one of :data:`CURVES` in a plane.

    Parameters
    ----------
    plane
        the points in a plane of two labels.
    curve
        which of :data:`CURVES`: ``"observed"``, ``"expected"``, or an end of its band.
    interpolation
        between the points.

    Returns
    -------
    list of array
        lines of points, each ``(n, 2)`` in the units of the labels; empty where the curve is nowhere at the level.

    Raises
    ------
    InputError
        The points make no plane.
    """
    return level_lines(surface(plane.positions, plane.heights[curve], interpolation))


def contour_document(found: Slice, interpolation: Interpolation = USUAL) -> dict[str, Any]:
    """The contours as plain JSON values: for each curve its lines of points, or its crossings along one label.

    Parameters
    ----------
    found
        the points in a plane, or along one label.
    interpolation
        between the points of a plane.

    Returns
    -------
    dict
        plain JSON values; positions are in the units of the labels.

    Raises
    ------
    InputError
        The points make no plane.
    """
    if len(found.labels) == 1:
        curves: dict[str, Any] = {curve: list(crossings(found, curve)) for curve in CURVES}
    else:
        curves = {curve: [line.tolist() for line in contour_lines(found, curve, interpolation)] for curve in CURVES}
    return {
        "labels": list(found.labels),
        "fixed": dict(found.fixed),
        "level": found.level,
        "interpolation": interpolation,
        "contours": curves,
        "points": [
            {"name": name, "values": position, "excluded": None if np.isnan(height) else bool(height >= 0.0)}
            for name, position, height in zip(
                found.names, found.positions.tolist(), found.heights["observed"], strict=True
            )
        ],
        "failed": found.failed.tolist(),
    }
