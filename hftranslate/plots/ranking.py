"""The ranking of nuisance parameters by their impact, with their pulls on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hftranslate.errors import FormatError, InputError
from hftranslate.plots.figures import (
    ABOVE,
    BELOW,
    DEFAULT_PLOT,
    Drawn,
    PlotOptions,
    document,
    in_style,
    literal,
    new_figure,
    shortened_all,
    worded,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Two blanks are as wide as a digit in the letters of all styles; not all of them have a figure space.
_WIDE_AS_A_DIGIT = "  "
#: Of the bars below and above: prints without colours tell them apart.
_HATCH = ("/////", "")


@in_style
def impacts(
    impacts: Drawn,
    *,
    top: int = 25,
    first: int = 0,
    fig: "Figure | None" = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """Impacts as bars and pulls as points, on one row for each parameter, those with the largest impact on top.

    Filled bars are post-fit impacts with the parameter above (red) and below (blue) its best-fit value, empty bars
    pre-fit ones; their axis is the upper one. Points are pulls with their uncertainty after the fit; their axis is the
    lower one. Of parameters without constraint the value stands beside the bars.

    Parameters
    ----------
    impacts
        impacts, or the JSON document that ``hftranslate impacts`` writes.
    top, first
        how many parameters are drawn, and how many with larger impacts are left out before.
    fig
        the figure, or the part of one, to draw in; by default one of its own.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``fig``.

    Raises
    ------
    FormatError
        The document is none of impacts.
    InputError
        There is nothing to draw.
    """
    try:
        found = document(impacts)
        rows = [_Row.of(row) for row in found["parameters"]]
        poi, count, drawn = found["poi"], len(rows), rows[first : first + top]
        poi_name, poi_text = str(poi["name"]), _measured(poi)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(f"no impacts as 'hftranslate impacts' writes them: {error} is missing or wrong") from None
    if not drawn:
        raise InputError("there are no impacts to draw")
    if not any(shift for row in rows for shift in (*row.post, *row.pre) if np.isfinite(shift)):
        raise InputError(f"there are no impacts to draw: no parameter moves {poi_name!r}, which may lie at its bound")
    ranks = [f"{first + k + 1:>3}".replace(" ", _WIDE_AS_A_DIGIT) for k in range(len(drawn))]
    names = shortened_all([row.name for row in drawn], 44)
    labels = [f"{name} {rank}" for name, rank in zip(names, ranks, strict=True)]
    figure = new_figure(4.6 + 0.075 * max(map(len, labels)), 2.0 + 0.24 * max(len(drawn), 4), fig=fig)
    axes = figure.add_subplot()
    _draw_pulls(axes, drawn)
    bars = axes.twiny()
    _draw_bars(bars, drawn)
    axes.set_zorder(bars.get_zorder() + 1)  # points above bars
    axes.patch.set_visible(False)
    axes.set_yticks(range(len(drawn)), labels, fontsize=8)
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.set_xlabel(r"pull  $(\hat\theta - \theta_0)\,/\,\Delta\theta$")
    bars.set_xlabel(f"impact on {literal(poi_name)}", loc="right")
    figure.suptitle(worded(options.title) or literal(poi_text), fontsize=9.5, x=0.99, ha="right")
    figure.legend(handles=_key(), loc="outside lower center", ncols=3, fontsize=8)
    if count > len(drawn):
        which = f"{first + 1} to {first + len(drawn)} of {count}"
        figure.text(0.01, 0.995, which, ha="left", va="top", fontsize=8, color="0.35")
    return figure


def _measured(poi: Mapping[str, Any]) -> str:
    low, high = poi["uncertainty"]
    text = f"{poi['name']} = {poi['value']:.3g}"
    if low is None and high is None:
        return text
    return text + f"  −{'?' if low is None else f'{low:.2g}'}  +{'?' if high is None else f'{high:.2g}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A parameter: its shifts ``(below, above)``, NaN where unknown, its pull, and its value as text."""

    name: str
    post: tuple[float, float]
    pre: tuple[float, float]
    pull: float | None
    constraint: float
    value: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "_Row":
        low, high = row["uncertainty"]
        value = f"{row['value']:.2f}"
        if low is not None and high is not None:
            same = abs(high - low) < 0.01 * max(abs(high), abs(low))
            value += f" ± {high:.2f}" if same else f" −{low:.2f} +{high:.2f}"
        return cls(
            name=str(row["name"]),
            post=_shifts(row["postfit"]),
            pre=_shifts(row["prefit"] or (None, None)),
            pull=None if row["pull"] is None else float(row["pull"]),
            constraint=0.0 if row["constraint"] is None else float(row["constraint"]),
            value=value,
        )


def _shifts(pair: Sequence[float | None]) -> tuple[float, float]:
    below, above = (np.nan if v is None else float(v) for v in pair)
    return below, above


def _draw_pulls(axes: "Axes", rows: Sequence[_Row]) -> None:
    at = [k for k, row in enumerate(rows) if row.pull is not None]
    pull = [row.pull for row in rows if row.pull is not None]
    error = [rows[k].constraint for k in at]
    reach = 1.08 * max(2.2, *(abs(p) + e for p, e in zip(pull, error, strict=True))) if pull else 2.4
    for x in (-1.0, 0.0, 1.0):
        axes.axvline(x, color="0.4", lw=0.6, ls=(0, (4, 3)))
    axes.errorbar(pull, at, xerr=error, fmt="o", color="black", ms=3.2, lw=1.1)
    for k, row in enumerate(rows):
        if row.pull is None:  # beside the bars, at the frame's right edge
            axes.annotate(
                row.value, (1.0, k), (5, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=8
            )
    axes.set_xlim(-reach, reach)
    axes.tick_params(axis="x", which="both", top=False)
    axes.tick_params(axis="y", which="both", length=0)


def _draw_bars(axes: "Axes", rows: Sequence[_Row]) -> None:
    y = np.arange(len(rows))
    for side, colour in ((1, ABOVE), (0, BELOW)):
        look: dict[str, Any] = {"hatch": _HATCH[side], "ec": "white", "lw": 0.0}
        axes.barh(y, [row.post[side] for row in rows], height=0.74, fc=colour, alpha=0.75, **look)
        axes.barh(y, [row.pre[side] for row in rows], height=0.74, fill=False, ec=colour, lw=0.8)
    sizes = [abs(v) for row in rows for v in (*row.post, *row.pre) if np.isfinite(v)]
    reach = 1.1 * max(sizes, default=0.0) or 1.0
    axes.set_xlim(-reach, reach)
    axes.tick_params(axis="x", which="both", bottom=False)
    axes.tick_params(axis="y", which="both", length=0)


def _key() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(fc=ABOVE, alpha=0.75, label=r"post-fit, $\hat\theta + \Delta\hat\theta$"),
        Patch(
            fc=BELOW,
            alpha=0.75,
            hatch=_HATCH[0],
            ec="white",
            lw=0.0,
            label=r"post-fit, $\hat\theta - \Delta\hat\theta$",
        ),
        Patch(fill=False, ec=ABOVE, label=r"pre-fit, $\hat\theta + \Delta\theta$"),
        Patch(fill=False, ec=BELOW, label=r"pre-fit, $\hat\theta - \Delta\theta$"),
        Line2D([], [], color="black", marker="o", ms=3.2, lw=1.1, label="pull"),
    ]
