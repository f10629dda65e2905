"""The picture of an exclusion contour: observed and expected, with the points that it was interpolated from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.display import terminal
from hftranslate.errors import InputError
from hftranslate.inference import ProfileScan
from hftranslate.plots.figures import DEFAULT_PLOT, PlotOptions, in_style, literal, new_axes, shortened, worded
from hftranslate.plots.profiles import scan
from hftranslate.signal_grid.contour import (
    Interpolation,
    Lines,
    Slice,
    contour_lines,
    crossings,
    refined,
    shown,
    surface,
    take_slice,
)
from hftranslate.signal_grid.scan import Scan, scan_from_document
from hftranslate.signal_grid.smoothing import USUAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

Floats = NDArray[np.float64]
#: A contour to stand beside: a scan, or its points in a plane, or curves ``(k, 2)``.
Beside: TypeAlias = Slice | Scan | Mapping[str, Any] | Lines

_BAND, _OBSERVED, _EXPECTED, _POINT = "#f3dc6b", "#a11d21", "#1f1f1f", "#4a5568"
_FAILED = "#d62728"
_WHITE: dict[str, Any] = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8}


#: Other analyses, told apart by colour and dashes.
_BESIDE: tuple[tuple[str, Any], ...] = (
    ("#0072b2", (0, (5, 1))),
    ("#009e73", (0, (3, 1, 1, 1))),
    ("#832db6", (0, (1, 1))),
    ("#a96b59", "-."),
    ("#717581", "--"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourOptions:
    """What contours can be told besides.

    Attributes
    ----------
    overlays
        names and contours of other analyses, or published ones: a scan, its points in a plane, or curves
        (:func:`hftranslate.signal_grid.overlays.read_overlay`). Of scans the observed contour is drawn.
    theory
        relative uncertainties of the predicted cross section of each point, up and down, ``(n_points,)`` each
        (:func:`hftranslate.signal_grid.overlays.read_theory`): the observed contour is drawn for both, dotted. Of
        limits only: CLs of another cross section is not known.
    """

    overlays: Sequence[tuple[str, Beside]] = ()
    theory: tuple[Floats, Floats] | None = None


DEFAULT_CONTOUR = ContourOptions()


@in_style
def contour(
    found: Slice | Scan | ProfileScan | Mapping[str, Any],
    *,
    interpolation: Interpolation = USUAL,
    x_name: str | None = None,
    y_name: str | None = None,
    ax: "Axes | None" = None,
    beside: ContourOptions = DEFAULT_CONTOUR,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """Draw the contour in a plane, or the heights along one label.

    Parameters
    ----------
    found
        a scan of a signal grid or its JSON document, in the plane of its first labels, or its points in another one
        (:func:`hftranslate.signal_grid.contour.take_slice`). A profile scan of two parameters is drawn by
        :func:`hftranslate.plots.scan`.
    interpolation
        between the points of a plane: as smooth as predicts points best that are left out, or through the points.
    x_name, y_name
        of the axes; by default the labels.
    ax
        where to draw; by default in a figure of its own.
    beside
        other analyses, published curves, and uncertainties of the cross section.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``ax``.

    Raises
    ------
    InputError
        The points make no plane, or something is to stand beside it that cannot.
    """
    if isinstance(found, ProfileScan):
        return scan(found, ax=ax, options=options)
    found = _points(found)
    figure, axes = new_axes(7.2, 5.2, ax)
    if len(found.labels) == 1:
        if beside.overlays or beside.theory is not None:
            raise InputError("other contours and uncertainties of the cross section stand in a plane of two labels")
        _draw_line(axes, found)
    else:
        _draw_plane(axes, found, interpolation, beside)
    held = ", ".join(literal(f"{label} = {value}") for label, value in found.fixed.items())
    axes.set_title("   ".join(filter(None, (worded(options.title), held))), fontsize=11)
    axes.set_xlabel(worded(x_name) if x_name else literal(found.labels[0]))
    if len(found.labels) == 2 or y_name:
        axes.set_ylabel(worded(y_name) if y_name else literal(found.labels[1]))
    axes.tick_params(direction="in", top=True, right=True)
    return figure


def _points(found: Slice | Scan | Mapping[str, Any]) -> Slice:
    if isinstance(found, Mapping):
        found = scan_from_document(found, "the scan")
    return take_slice(found) if isinstance(found, Scan) else found


def _percent(found: Slice) -> str:
    return f"{100.0 * (1.0 - found.level):.4g}% CL"


# -------------------------------------------------------------------------------------------------------------- a plane
def _draw_plane(axes: "Axes", found: Slice, interpolation: Interpolation, beside: ContourOptions) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    legend: list[Line2D | Patch] = []
    if _draw_band(axes, found, interpolation):
        legend.append(Patch(facecolor=_BAND, edgecolor="none", label=r"expected $\pm1\sigma$"))
    for curve, colour, style, width in (("expected", _EXPECTED, "--", 1.4), ("observed", _OBSERVED, "-", 2.0)):
        lines = contour_lines(found, curve, interpolation)
        for line in lines:
            axes.plot(line[:, 0], line[:, 1], color=colour, ls=style, lw=width, zorder=3, gid=curve)
        label = curve if lines else f"{curve}: no point {'allowed' if _all_above(found, curve) else 'excluded'}"
        legend.insert(0, Line2D([], [], color=colour, ls=style, lw=width, label=label))
    legend += _draw_theory(axes, found, interpolation, beside.theory)
    legend += _draw_overlays(axes, interpolation, beside.overlays)
    legend += _draw_points(axes, found)
    axes.use_sticky_edges = False
    axes.margins(0.04)
    low, high = axes.get_ylim()
    rows = -(-len(legend) // 2)
    axes.set_ylim(low, high + (0.12 + 0.06 * rows) * (high - low))  # room for the legend
    axes.legend(
        handles=legend, loc="upper left", ncols=2, frameon=False, fontsize=9, title=_percent(found), alignment="left"
    )


def _draw_theory(
    axes: "Axes", found: Slice, interpolation: Interpolation, theory: tuple[Floats, Floats] | None
) -> "list[Line2D | Patch]":
    """The observed contour for larger and smaller cross sections: limits on them in units of theirs move."""
    from matplotlib.lines import Line2D

    if theory is None:
        return []
    if found.what != "limit":
        raise InputError("uncertainties of the cross section move limits (patchset scan --what limit), not CLs")
    look: dict[str, Any] = {"color": _OBSERVED, "ls": ":", "lw": 1.2}
    up, down = theory
    if up.shape != down.shape or up.shape != (len(found.names),):
        raise InputError(f"uncertainties of {len(up)} cross sections for {len(found.names)} points")
    for factor in (1.0 + up, 1.0 - down):
        moved = {**found.heights, "observed": found.heights["observed"] + np.log(factor)}
        for line in contour_lines(replace(found, heights=moved), "observed", interpolation):
            axes.plot(line[:, 0], line[:, 1], zorder=3, gid="theory", **look)
    return [Line2D([], [], label=r"observed $\pm1\sigma_\mathrm{theory}$", **look)]


def _draw_overlays(
    axes: "Axes", interpolation: Interpolation, overlays: Sequence[tuple[str, Beside]]
) -> "list[Line2D | Patch]":
    from matplotlib.lines import Line2D

    if len(overlays) > len(_BESIDE):
        raise InputError(f"{len(overlays)} other contours cannot be told apart; take {len(_BESIDE)} at most")
    legend: list[Line2D | Patch] = []
    for (name, other), (colour, dashes) in zip(overlays, _BESIDE, strict=False):
        lines = other if isinstance(other, tuple) else contour_lines(_points(other), "observed", interpolation)
        for line in lines:
            axes.plot(
                line[:, 0], line[:, 1], color=colour, ls=dashes, lw=1.6, zorder=2.5, gid=f"beside {terminal(name)}"
            )
        legend.append(Line2D([], [], color=colour, ls=dashes, lw=1.6, label=shortened(name)))
    return legend


def _all_above(found: Slice, curve: str) -> bool:
    return bool(np.nanmin(found.heights[curve]) >= 0.0)


def _draw_band(axes: "Axes", found: Slice, interpolation: Interpolation) -> bool:
    """Fill what is excluded at -1 sigma and not at +1 sigma; whether there is any."""
    from matplotlib.tri import Triangulation

    low, high = found.heights["expected_-1"], found.heights["expected_+1"]
    both = np.isfinite(low) & np.isfinite(high)
    at = found.positions[both]
    outer, inner = (surface(at, h[both], interpolation) for h in (low, high))
    if interpolation == "linear":
        outer, inner = refined(outer), refined(inner)
    between = np.minimum(outer.heights, -inner.heights)
    if between.max() < 0.0:
        return False
    triangulation = Triangulation(outer.vertices[:, 0], outer.vertices[:, 1], outer.triangles)
    levels = [0.0, max(1.01 * float(between.max()), 1e-9)]
    axes.tricontourf(triangulation, between, levels=levels, colors=[_BAND], zorder=1)
    return True


def _draw_points(axes: "Axes", found: Slice) -> "list[Line2D | Patch]":
    common: dict[str, Any] = {"ls": "", "ms": 4.5, "color": _POINT}
    drawn: list[Line2D | Patch] = []
    styles: tuple[tuple[str, Floats, dict[str, Any]], ...] = (
        ("excluded", found.positions[found.excluded], {"marker": "o", "mfc": _POINT}),
        ("allowed", found.positions[found.allowed], {"marker": "o", "mfc": "white"}),
        ("failed", found.without_value, {"marker": "x", "color": _FAILED, "mew": 1.6}),
    )
    for label, at, style in styles:
        if len(at):
            drawn += axes.plot(at[:, 0], at[:, 1], label=label, gid=label, zorder=4, **{**common, **style})
    return drawn


# --------------------------------------------------------------------------------------------------------------- a line
def _draw_line(axes: "Axes", found: Slice) -> None:
    x = np.unique(np.concatenate([found.positions[:, 0], np.linspace(*_range(found), 400)]))
    curve = {name: shown(found, _along(found, name, x)) for name in found.heights}
    axes.fill_between(x, curve["expected_+1"], curve["expected_-1"], color=_BAND, lw=0, label=r"expected $\pm1\sigma$")
    axes.plot(x, curve["expected"], color=_EXPECTED, ls="--", lw=1.4, label="expected")
    axes.plot(x, curve["observed"], color=_OBSERVED, lw=2.0, label="observed")
    at_level = float(shown(found, np.zeros(1))[0])
    for label, chosen, fill in (("excluded", found.excluded, _POINT), ("allowed", found.allowed, "white")):
        if chosen.any():
            y = shown(found, found.heights["observed"][chosen])
            axes.plot(found.positions[chosen, 0], y, "o", color=_POINT, mfc=fill, ms=4.5, label=label)
    if len(failed := found.without_value):
        y = np.full(len(failed), at_level)
        axes.plot(failed[:, 0], y, "x", color=_FAILED, mew=1.6, ms=5, label="failed")
    axes.axhline(at_level, color="black", lw=0.8, ls=":")
    for value in crossings(found, "observed"):
        axes.axvline(value, color=_OBSERVED, lw=0.8, ls=":")
        axes.annotate(f"{value:.4g}", (value, at_level), (3, 4), textcoords="offset points", fontsize=8, bbox=_WHITE)
    axes.set_yscale("log")
    if found.what == "cls":
        lowest = min(float(np.nanmin(c)) for c in curve.values())
        axes.set_ylim(max(0.5 * lowest, 1e-6), 1.4)
        axes.set_ylabel(r"$\mathrm{CL_s}$" + f" (excluded below {at_level:.4g})")
    else:
        axes.set_ylabel(f"upper limit at {_percent(found)} (excluded below {at_level:.4g})")
    axes.legend(frameon=False, fontsize=9)


def _range(found: Slice) -> tuple[float, float]:
    return float(found.positions[:, 0].min()), float(found.positions[:, 0].max())


def _along(found: Slice, curve: str, x: Floats) -> Floats:
    order = np.argsort(found.positions[:, 0])
    order = order[np.isfinite(found.heights[curve][order])]
    return np.interp(x, found.positions[order, 0], found.heights[curve][order])
