"""Profile-likelihood scans of one and two parameters."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hftranslate.errors import FormatError, InputError
from hftranslate.plots.figures import (
    BELOW,
    DEFAULT_PLOT,
    MARK,
    Drawn,
    Floats,
    PlotOptions,
    document,
    in_style,
    literal,
    new_axes,
    worded,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

#: ``-2 Delta ln L`` at 68.27 % and 95 % probability, for one and two parameters (quantiles of the chi-square).
LEVELS = {1: (1.0, 3.841), 2: (2.296, 5.991)}


@in_style
def scan(scan: Drawn, *, ax: "Axes | None" = None, options: PlotOptions = DEFAULT_PLOT) -> "Figure":
    """A profile scan: a curve, or contours of two parameters.

    Levels are those at which the true values lie inside with 68 % and 95 % probability, asymptotically.

    Parameters
    ----------
    scan
        a scan, or the JSON document that ``hftranslate scan`` writes.
    ax
        where to draw; by default in a figure of its own.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``ax``.

    Raises
    ------
    FormatError
        The document is none of a scan.
    InputError
        There is nothing to draw: no fit succeeded.
    """
    try:
        found = document(scan)
        names = [literal(str(n)) for n in found["parameters"]]
        values = [np.array(v, dtype=np.float64) for v in found["values"]]
        rise = np.array(found["twice_delta_nll"], dtype=np.float64)
        best = [float(v) for v in found["best_fit"]]
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"no scan as 'hftranslate scan' writes it: {error} is missing or wrong") from None
    if rise.shape != tuple(len(v) for v in values) or len(names) != len(values) or len(names) not in LEVELS:
        raise FormatError("no scan as 'hftranslate scan' writes it: its values do not fit its parameters")
    if len(best) != len(names) or not all(
        len(v) > 1 and np.isfinite(v).all() and (np.diff(v) > 0).all() for v in values
    ):
        raise FormatError(
            "no scan as 'hftranslate scan' writes it: its values do not increase, or its best fit is none"
        )
    if not np.isfinite(rise).any():
        raise InputError("the scan holds no successful fit to draw")
    figure, axes = new_axes(6.0, 4.3 if len(names) == 1 else 4.9, ax)
    if len(names) == 1:
        _curve(axes, names[0], values[0], rise, best[0])
    else:
        _contours(axes, names, values, rise, best)
    axes.set_title(worded(options.title))
    return figure


def _curve(axes: "Axes", name: str, x: Floats, rise: Floats, best: float) -> None:
    good = np.isfinite(rise)
    top = min(1.05 * float(np.nanmax(rise)), 12.0)
    fine = np.linspace(x[good][0], x[good][-1], 400)
    axes.plot(fine, _smooth(x[good], rise[good], fine), color=BELOW, lw=1.8)
    axes.plot(x[good], rise[good], "o", color=BELOW, ms=2.5)
    for level, text in zip(LEVELS[1], ("68 %", "95 %"), strict=True):
        if level > top:
            continue
        axes.axhline(level, color=MARK, lw=0.9, ls="--")
        axes.annotate(text, (x[-1], level), (-4, 3), textcoords="offset points", ha="right", color=MARK, fontsize=8.5)
    axes.axvline(best, color="0.4", lw=0.9, ls=":")
    side = -1 if best - x[0] > 0.7 * (x[-1] - x[0]) else 1
    axes.annotate(
        f"best fit {best:.3g}",
        (best, 0.93 * top),
        (5 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        fontsize=8.5,
    )
    axes.set(xlim=(x[0], x[-1]), ylim=(0.0, max(top, 1.2)), xlabel=name, ylabel=r"$-2\,\Delta\ln L$")


def _smooth(x: Floats, rise: Floats, fine: Floats) -> Floats:
    """A curve through the points that does not swing between them."""
    from scipy.interpolate import PchipInterpolator

    if len(x) < 3:
        return np.interp(fine, x, rise)
    smooth: Floats = PchipInterpolator(x, rise)(fine)
    return smooth


def _finer(x: Floats, y: Floats, rise: Floats) -> tuple[Floats, Floats, Floats]:
    """The scan on a finer grid, by cubic splines, where no point of it is missing."""
    from scipy.interpolate import RectBivariateSpline

    if min(rise.shape) < 4 or not np.isfinite(rise).all():
        return x, y, rise
    finer_x, finer_y = (np.linspace(axis[0], axis[-1], 161) for axis in (x, y))
    return finer_x, finer_y, RectBivariateSpline(x, y, rise)(finer_x, finer_y)


def _contours(axes: "Axes", names: list[str], values: list[Floats], rise: Floats, best: list[float]) -> None:
    from matplotlib.lines import Line2D

    x, y, smooth = _finer(values[0], values[1], rise)
    shown = np.ma.masked_invalid(smooth.T)
    colours: dict[str, Any] = {"cmap": "Blues_r", "vmin": 0.0, "vmax": 12.0}
    image: ScalarMappable
    if smooth is rise:
        image = axes.pcolormesh(x, y, shown, shading="gouraud", rasterized=True, **colours)
    else:  # evenly spaced: an image, which is the smaller file
        half_x, half_y = 0.5 * (x[1] - x[0]), 0.5 * (y[1] - y[0])
        extent = (x[0] - half_x, x[-1] + half_x, y[0] - half_y, y[-1] + half_y)
        image = axes.imshow(shown, origin="lower", extent=extent, aspect="auto", interpolation="bilinear", **colours)
    drawn = []
    for level, text, dashes in zip(LEVELS[2], ("68 %", "95 %"), ("-", "--"), strict=True):
        if np.nanmin(rise) < level < np.nanmax(rise):
            axes.contour(x, y, shown, levels=[level], colors="black", linewidths=1.5, linestyles=dashes)
            drawn.append(Line2D([], [], color="black", lw=1.5, ls=dashes, label=text))
    axes.plot(*best, "P", color=MARK, ms=8, mec="white", mew=0.8)
    drawn.append(Line2D([], [], color=MARK, marker="P", ls="", ms=7, mec="white", label="best fit"))
    axes.set(xlim=values[0][[0, -1]], ylim=values[1][[0, -1]], xlabel=names[0], ylabel=names[1])
    axes.legend(handles=drawn, loc="upper right", frameon=True, framealpha=0.85, edgecolor="none")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, extend="max")
    bar.set_label(r"$-2\,\Delta\ln L$")
