"""Interpolation codes: the yield and its derivatives against the parameter of a systematic."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hftranslate.errors import InputError
from hftranslate.likelihood.interpolation import relative_yield
from hftranslate.plots.figures import DEFAULT_PLOT, Floats, PlotOptions, in_style, new_figure, worded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours for all kinds of colour vision (M. Okabe and K. Ito), and dashes for prints without colours.
_LOOKS = (
    ("#0072b2", "-"),
    ("#d55e00", "--"),
    ("#009e73", "-."),
    ("#cc79a7", ":"),
    ("#000000", (0, (6, 1, 1, 1, 1, 1))),
    ("#e69f00", (0, (1, 1))),
)
_TITLES = ("yield / nominal", "first derivative", "second derivative")
#: The codes change their formula here: at most there a derivative may jump.
_JOINTS = (-1.0, 0.0, 1.0)
_POINTS = 40  # of each piece


@in_style
def interpolation(
    codes: Sequence[str],
    lo: float = 0.8,
    hi: float = 1.5,
    *,
    reach: float = 2.2,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """The yield that interpolation codes make of one systematic, and its first and second derivative.

    Parameters
    ----------
    codes
        which codes, by the names of :func:`~hftranslate.likelihood.interpolation.relative_yield`.
    lo, hi
        the yield at -1 and +1, relative to the nominal one: the points that every code goes through.
    reach
        how far the parameter goes to both sides, in standard deviations.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        with three panels.

    Raises
    ------
    InputError
        There are no codes, or too many, or the picture ends before the variations.
    """
    if not codes or len(codes) > len(_LOOKS):
        raise InputError(f"{len(codes)} interpolation codes cannot be drawn together; take 1 to {len(_LOOKS)}")
    if not reach > 1.0:
        raise InputError(f"a picture up to {reach:g} standard deviations does not reach the variations at one")
    figure = new_figure(8.4, 2.9)
    panels = figure.subplots(1, 3)
    for code, (colour, dashes) in zip(codes, _LOOKS, strict=False):
        for order, axes in enumerate(panels):
            for first, (x, values) in enumerate(pieces(code, lo, hi, reach)):
                label = code if first == 0 and order == 0 else None
                axes.plot(x, values[order], color=colour, ls=dashes, lw=1.5, label=label)
    for axes, name in zip(panels, _TITLES, strict=True):
        axes.set(xlim=(-reach, reach), title=name, xlabel=r"$\alpha$")
        axes.margins(y=0.08)
        axes.minorticks_off()
        for joint in _JOINTS:
            axes.axvline(joint, color="0.8", lw=0.6, zorder=0)
    panels[0].plot(_JOINTS, (lo, 1.0, hi), "o", color="black", ms=4, zorder=5)
    if len(codes) > 1:
        figure.legend(loc="outside lower center", ncols=len(codes))
    if options.title:
        figure.suptitle(worded(options.title), fontsize=10)
    return figure


def pieces(code: str, lo: float, hi: float, reach: float) -> list[tuple[Floats, tuple[Floats, Floats, Floats]]]:
    """The curve of a code between the places where its formula changes: ``alpha`` and value with two derivatives.

    Ends are approached from inside, so that a jump of a derivative is left open.
    """
    ends = (-reach, *_JOINTS, reach)
    found = []
    for left, right in pairwise(ends):
        x = np.linspace(left, right, _POINTS)
        found.append((x, relative_yield(np.clip(x, left + 1e-9, right - 1e-9), code, lo, hi)))
    return found
