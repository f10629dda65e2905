"""Pictures of two engines' results of one model: those of the reference as lines with dots, ours as crosses.

Results come as pairs of an engine's name and what it says; those of the reference are the first.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.plots.figures import MARK, Floats, in_style, new_axes, shortened, shortened_all
from hftranslate.plots.fitted import most_notable, pull_axes, tell_left_out
from hftranslate.plots.limits import draw_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST, _LONGEST_ENGINE = 40, 22  # letters of a name
_NONE = 1e-300  # zero on a logarithmic axis
_FARTHEST = 1e100  # a number that matplotlib can still put on an axis
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#1f5fbf", "marker": "o", "ms": 4.0},
    {"color": "#d1570b", "marker": "x", "ms": 6.5, "mew": 1.6, "ls": "", "zorder": 4},
    {"color": "0.35", "marker": "D", "ms": 8.5, "mfc": "none", "ls": ""},
)


@in_style
def pulls(
    names: Sequence[str],
    fits: Sequence[tuple[str, Sequence[tuple[float, float]]]],
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
    centre = float(factors)
    kept = most_notable([(v - 1.0, e + 1.0) if factors else (v, e) for v, e in fits[0][1]], most)
    y = np.arange(len(kept), dtype=np.float64)
    figure, axes = pull_axes(shortened_all([names[i] for i in kept], _LONGEST), y.tolist(), 0 if factors else len(y))
    axes.axvline(centre, color="black", lw=0.8, ls=":")
    reach = 0.3 if factors else 2.2
    for (engine, look, fit), shift in zip(_looks(fits), (-0.15, 0.15), strict=True):
        value, error = fit[kept].T
        axes.errorbar(value, y + shift, xerr=error, label=engine, lw=1.2, **look | {"ls": "", "ms": 3.8})
        reach = max(reach, float(np.max(np.abs(value - centre) + error)))
    axes.set_xlim(centre - 1.05 * reach, centre + 1.05 * reach)
    axes.set_xlabel("fitted / initial value" if factors else "(fitted − initial value) / prior uncertainty")
    tell_left_out(axes, len(kept), len(names))
    figure.legend(loc="outside upper right", ncols=2)
    return figure


@in_style
def statistics(tests: Sequence[tuple[str, ArrayLike]], *, poi_name: str, style: str = "ROOT") -> "Figure":
    """The test statistic against the tested value: in the data, and dashed in background-only Asimov data.

    Parameters
    ----------
    tests
        of each engine: tested values, statistic in the data and in Asimov data, ``(3, n)``, NaN where there is none.
    """
    figure, axes = new_axes(6.2, 4.2)
    for engine, look, found in _looks(tests):
        axes.plot(found[0], found[1], label=engine, **look)
        axes.plot(found[0], found[2], **{"ls": "--", **look})
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel("test statistic")
    return _finished(figure, axes, poi_name)


@in_style
def cls(
    tests: Sequence[tuple[str, ArrayLike]], expected: ArrayLike, *, level: float, poi_name: str, style: str = "ROOT"
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
    poi, bands = _held(tests[0][1])[0], _held(expected)
    observed = [float(np.min(_held(found)[1], initial=level)) for _, found in tests]
    lowest = min(*observed, max(float(np.nanmin(bands, initial=1.0)), 2e-4))
    if len(poi) == 1:  # a band has a width
        poi, bands = poi + np.array([-0.05, 0.05]) * (abs(poi) or 1.0), np.repeat(bands, 2, axis=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    draw_bands(axes, poi, np.maximum(bands, _NONE))
    for engine, look, found in _looks(tests):
        axes.plot(found[0], np.maximum(found[1], _NONE), label=engine, **look)
    axes.axhline(level, color=MARK, lw=1.2, ls="--", label=f"{level:g}")
    axes.set_ylim(max(0.5 * lowest, 1e-6), 1.5)
    axes.set_ylabel("CLs")
    return _finished(figure, axes, poi_name)


def _looks(of: Sequence[tuple[str, ArrayLike]]) -> Iterator[tuple[str, dict[str, Any], Floats]]:
    """Each engine's name for the legend, how its results look, and these, as far as an axis can hold them."""
    names = shortened_all([name for name, _ in of], _LONGEST_ENGINE)
    return zip(names, _LOOKS, (_held(found) for _, found in of), strict=False)


def _held(values: ArrayLike) -> Floats:
    return np.clip(np.asarray(values, dtype=np.float64), -_FARTHEST, _FARTHEST)


def _finished(figure: "Figure", axes: "Axes", poi_name: str) -> "Figure":
    axes.set_xlabel(shortened(poi_name))
    axes.margins(x=0.06)
    axes.minorticks_off()
    figure.legend(loc="outside upper right", ncols=4)
    return figure
