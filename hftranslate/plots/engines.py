"""Pictures of two engines' results of one model: those of the reference as lines with dots, ours as crosses.

In every mapping from the name of an engine to its results the reference comes first.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.plots.figures import MARK, in_style, new_axes, shortened, shortened_all
from hftranslate.plots.fitted import most_notable, pull_axes, tell_left_out
from hftranslate.plots.limits import draw_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 40  # letters of a name
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#1f5fbf", "marker": "o", "ms": 4.0},
    {"color": "#d1570b", "marker": "x", "ms": 6.5, "mew": 1.6, "ls": "", "zorder": 4},
    {"color": "0.35", "marker": "D", "ms": 8.5, "mfc": "none", "ls": ""},
)


@in_style
def pulls(
    names: Sequence[str],
    fits: Mapping[str, Sequence[tuple[float, float]]],
    *,
    factors: bool = False,
    most: int = 60,
    style: str = "ROOT",
) -> "Figure":
    """Best fits: systematics in prior standard deviations, or factors relative to their initial values.

    Parameters
    ----------
    fits
        of each engine, for each name the value and its uncertainty, zero where there is none.
    factors
        whether all would be one, rather than zero, where nothing is pulled.
    most
        how many are drawn: those that the reference pulls or constrains most.
    """
    (first, *_), centre = fits.values(), float(factors)
    kept = most_notable([(v - 1.0, e + 1.0) if factors else (v, e) for v, e in first], most)
    y = np.arange(len(kept), dtype=np.float64)
    figure, axes = pull_axes(shortened_all([names[i] for i in kept], _LONGEST), y.tolist(), 0 if factors else len(y))
    axes.axvline(centre, color="black", lw=0.8, ls=":")
    reach = 0.3 if factors else 2.2
    for (engine, fit), look, shift in zip(fits.items(), _LOOKS, (-0.15, 0.15), strict=False):
        value, error = np.array([fit[i] for i in kept]).T
        axes.errorbar(value, y + shift, xerr=error, label=shortened(engine), lw=1.2, **look | {"ls": "", "ms": 3.8})
        reach = max(reach, float(np.max(np.abs(value - centre) + error)))
    axes.set_xlim(centre - 1.05 * reach, centre + 1.05 * reach)
    axes.set_xlabel("fitted / initial value" if factors else "(fitted − initial value) / prior uncertainty")
    tell_left_out(axes, len(kept), len(names))
    figure.legend(loc="outside upper right", ncols=2)
    return figure


@in_style
def statistics(tests: Mapping[str, ArrayLike], *, poi_name: str, style: str = "ROOT") -> "Figure":
    """The test statistic against the tested value: in the data, and dashed in background-only Asimov data.

    Parameters
    ----------
    tests
        of each engine: tested values, statistic in the data and in Asimov data, ``(3, n)``, NaN where there is none.
    """
    figure, axes = new_axes(6.2, 4.2)
    for (engine, found), look in zip(tests.items(), _LOOKS, strict=False):
        poi, data, asimov = np.asarray(found, dtype=np.float64)
        axes.plot(poi, data, label=shortened(engine), **look)
        axes.plot(poi, asimov, **{"ls": "--", **look})
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel("test statistic")
    return _finished(figure, axes, poi_name)


@in_style
def cls(
    tests: Mapping[str, ArrayLike], expected: ArrayLike, *, level: float, poi_name: str, style: str = "ROOT"
) -> "Figure":
    """CLs against the tested value: observed by all engines, and the bands that the reference expects.

    Parameters
    ----------
    tests
        of each engine: tested values and observed CLs, ``(2, n)``.
    expected
        by the reference at its tested values, at -2 ... +2 standard deviations, ``(5, n)``, NaN where there is none.
    level
        where a signal is excluded; drawn as a line.
    """
    figure, axes = new_axes(6.2, 4.2)
    (first, *_) = tests.values()
    poi, bands = np.asarray(first, dtype=np.float64)[0], np.asarray(expected, dtype=np.float64)
    lowest = min(float(np.min(np.asarray(found)[1], initial=level)) for found in tests.values())
    if len(poi) == 1:  # a band has a width
        poi, bands = poi + np.array([-0.1, 0.1]), np.repeat(bands, 2, axis=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    draw_bands(axes, poi, bands)
    for (engine, found), look in zip(tests.items(), _LOOKS, strict=False):
        axes.plot(*np.asarray(found, dtype=np.float64), label=shortened(engine), **look)
    axes.axhline(level, color=MARK, lw=1.2, ls="--", label=f"{level:g}")
    axes.set_ylim(max(0.5 * lowest, 1e-6), 1.5)
    axes.set_ylabel("CLs")
    return _finished(figure, axes, poi_name)


def _finished(figure: "Figure", axes: "Axes", poi_name: str) -> "Figure":
    axes.set_xlabel(shortened(poi_name))
    axes.margins(x=0.06)
    axes.minorticks_off()
    figure.legend(loc="outside upper right", ncols=4)
    return figure
