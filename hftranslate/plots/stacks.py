"""Stacks of samples with their uncertainty and the data, and the ratio of data to model below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from hftranslate.display.speaking import named
from hftranslate.errors import FormatError, InputError, MissingInput, did_you_mean
from hftranslate.inference.fit import FitResult
from hftranslate.inference.postfit import fitted_yields
from hftranslate.likelihood.model import Model
from hftranslate.plots.figures import (
    DEFAULT_PLOT,
    SAMPLES,
    SIGNAL,
    Drawn,
    Floats,
    PlotOptions,
    document,
    in_style,
    literal,
    new_figure,
    shortened,
    shortened_all,
    worded,
)
from hftranslate.records import record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Samples that have a colour of their own; the smallest others are drawn as one.
_MOST_SAMPLES = len(SAMPLES)
_OTHER, _OTHER_COLOUR = "other samples", "#d9d9d9"
_STAGES = {"prefit": "pre-fit", "postfit": "post-fit"}
#: Channels of one bin that stand side by side in one panel.
_LONGEST_SUMMARY = 24
#: Panels of one figure.
_MOST_PANELS = 6


@record
class _Panel:
    """Bins that are drawn side by side: ``(n_bins,)`` each, and the samples by name."""

    name: str
    stage: str
    edges: Floats
    labels: tuple[str, ...] | None
    observed: Floats
    samples: Mapping[str, Floats]
    total: Floats
    uncertainty: Floats
    agreement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What stacks can be told besides.

    Attributes
    ----------
    overlay
        draw the signal as a line besides, so many times what is expected of it; not where it is zero.
    blind
        patterns (``*`` and ``?`` as in file names) of channels whose data are not drawn.
    blind_above
        data are not drawn either in bins where the signal is more than this fraction of the other samples.
    agreement
        write chi-square and its probability into each panel, where the yields say them and no data are hidden.
    """

    overlay: float = 0.0
    blind: tuple[str, ...] = ()
    blind_above: float | None = None
    agreement: bool = True


DEFAULT_STACK = StackOptions()


@in_style
def yields(
    found: Drawn | Sequence[Drawn] | Model,
    fit: FitResult | None = None,
    *,
    channels: str | Sequence[str] | None = None,
    log: bool | None = None,
    x_name: str = "observable",
    fig: "Figure | None" = None,
    stack: StackOptions = DEFAULT_STACK,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """Expected events as stacks with the uncertainty of their sum, the data, and their ratio.

    Parameters
    ----------
    found, fit
        a model and its fit; or yields, or the JSON document that ``hftranslate yields`` writes, or several of them,
        which stand side by side: before and after the fit.
    channels
        which channels; all by default. Channels of one bin share one panel.
    log
        whether events stand on a logarithmic axis; by default where they differ by more than a factor of 100.
    x_name
        name of the horizontal axis of channels whose bin edges are known.
    fig
        the figure, or the part of one, to draw in; by default one of its own.
    stack
        what is blinded, and whether the signal is overlaid as a line, and how many times.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``fig``.

    Raises
    ------
    FormatError
        The document is none of yields.
    InputError
        There is no such channel, or there are none.
    """
    if isinstance(found, Model):
        found = fitted_yields(found, fit)
    given = [document(one) for one in (found if isinstance(found, Sequence) else [found])]
    channels = None if channels is None else named(channels)
    try:
        panels = [panel for one in given for panel in _panels(_blinded(one, stack), channels)]
        palette = _palette(given)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"no yields as 'hftranslate yields' writes them: {error} is missing or wrong") from None
    if not panels:
        raise InputError("there are no channels to draw")
    rows = len(panels) // len(given)
    if len(given) > 1:  # one row for each channel, one column for each document
        panels = [panels[d * rows + r] for r in range(rows) for d in range(len(given))]
        columns = len(given)
    else:
        columns = min(len(panels), 1 if panels[0].labels else 3)
        rows = ceil(len(panels) / columns)
    wide = max(len(p.observed) for p in panels) > 14
    width = (6.4 if columns == 1 else 4.2) + (1.6 if wide else 0.0)
    names_below = max((0.07 * min(len(label), 44) for p in panels for label in p.labels or ()), default=0.0)
    figure = new_figure(width * columns, 4.1 * rows + 0.7 + names_below, tight=True, fig=fig)
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[3.2, 1.0] * rows)
    logarithmic = _differ_much(panels) if log is None else log
    handles: dict[str, Any] = {}
    side_by_side = len(given)
    for k, panel in enumerate(panels):
        row, column = divmod(k, columns)
        main = figure.add_subplot(grid[2 * row, column])
        ratio = figure.add_subplot(grid[2 * row + 1, column], sharex=main)
        first = k - k % side_by_side
        handles |= _draw(
            main, ratio, panel, palette, _Axis.of(panels[first : first + side_by_side], logarithmic), x_name
        )
        if stack.overlay:
            handles |= _draw_overlay(main, panel, palette, stack.overlay)
    order = (
        ["data", "uncertainty"]
        + [n for n in handles if n not in (*palette, "data", "uncertainty")]
        + [n for n in reversed(palette) if n in handles]
    )
    names = shortened_all(order, 30)
    fitting = max(1, int(width * columns / (0.5 + 0.072 * max(map(len, names)))))
    where: Any = f"outside {'lower' if options.title else 'upper'} center"  # matplotlib would put both in one place
    figure.legend([handles[n] for n in order], names, loc=where, ncols=min(fitting, 6), fontsize=8.5)
    if options.title:
        figure.suptitle(worded(options.title), fontsize=10)
    return figure


def pages(found: Drawn, channels: str | Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """The channels of each figure, where all of them would be too many for one.

    Parameters
    ----------
    found
        yields, or the JSON document that ``hftranslate yields`` writes.
    channels
        which channels; all by default.

    Returns
    -------
    list
        the names of the channels of each figure.

    Raises
    ------
    FormatError
        The document is none of yields.
    """
    channels = None if channels is None else named(channels)
    try:
        bins = {str(c["name"]): _n_bins(c) for c in document(found)["channels"]}
    except (KeyError, TypeError) as error:
        raise FormatError(f"no yields as 'hftranslate yields' writes them: {error} is missing or wrong") from None
    every = [name for name in bins if channels is None or name in channels]
    single = [name for name in every if bins[name] == 1]
    several = [name for name in every if bins[name] > 1]
    if len(single) == 1:
        single, several = [], every
    return [
        tuple(names[i : i + size])
        for names, size in ((several, _MOST_PANELS), (single, _LONGEST_SUMMARY))
        for i in range(0, len(names), size)
    ]


# --------------------------------------------------------------------------------------------------------------- panels
def _panels(document: Mapping[str, Any], channels: Sequence[str] | None) -> list[_Panel]:
    by_name = {str(c["name"]): c for c in document["channels"]}
    for name in channels or ():
        if name not in by_name:
            raise MissingInput(f"no channel {name!r} in the yields" + did_you_mean(name, by_name))
    chosen = [by_name[n] for n in (by_name if channels is None else channels)]
    stage = _STAGES.get(str(document["stage"]), str(document["stage"]))
    single = [c for c in chosen if _n_bins(c) == 1]
    if len(single) < 2:
        single = []
    panels = [_panel([c], stage) for c in chosen if c not in single]
    return panels + ([_panel(single, stage)] if single else [])


def _panel(channels: Sequence[Mapping[str, Any]], stage: str) -> _Panel:
    """One channel, or several of one bin side by side."""
    n = sum(map(_n_bins, channels))
    samples: dict[str, Floats] = {}
    start = 0
    for channel in channels:
        stop = start + _n_bins(channel)
        for sample in channel["samples"]:
            samples.setdefault(str(sample["name"]), np.zeros(n))[start:stop] += _numbers(sample["yields"])
        start = stop
    total, spread = (np.concatenate([_numbers(c["total"][k]) for c in channels]) for k in ("yields", "uncertainties"))
    observed = np.concatenate([_numbers(c["observed"] or [None] * _n_bins(c)) for c in channels])
    if len(observed) != n or len(spread) != n or (observed < 0.0).any():
        raise ValueError("the total or the observed events of a bin")
    edges = channels[0]["edges"]
    several = len(channels) > 1
    uniform = several or edges is None or len(edges) != 1
    return _Panel(
        name="" if several else str(channels[0]["name"]),
        stage=stage,
        edges=np.arange(n + 1.0) - 0.5 if uniform else np.array(edges[0], dtype=np.float64),
        labels=tuple(str(c["name"]) for c in channels) if several else None,
        observed=observed,
        samples=samples,
        total=total,
        uncertainty=spread,
        agreement="" if several else _agreement(channels[0].get("agreement")),
    )


def _agreement(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return rf"$\chi^2$ / ndf = {float(found['chi2']):.1f} / {int(found['ndf'])},  $p$ = {float(found['p_value']):.2g}"


def _blinded(document: Mapping[str, Any], stack: StackOptions) -> Mapping[str, Any]:
    """Yields without the data that are not to be seen, nor what they would tell."""
    channels = []
    for c in document["channels"]:
        observed = c["observed"]
        if observed is not None and any(fnmatchcase(str(c["name"]), pattern) for pattern in named(stack.blind)):
            observed = None
        elif observed is not None and stack.blind_above is not None:
            hidden = _mostly_signal(c, stack.blind_above)
            observed = [None if hide else n for hide, n in zip(hidden, observed, strict=True)]
        hides = observed != c["observed"] or not stack.agreement
        channels.append({**c, "observed": observed, **({"agreement": None} if hides else {})})
    return {**document, "channels": channels}


def _mostly_signal(channel: Mapping[str, Any], fraction: float) -> list[bool]:
    """In which bins the signal is more than a fraction of the other samples."""
    signal, others = np.zeros(_n_bins(channel)), np.zeros(_n_bins(channel))
    for sample in channel["samples"]:
        part = signal if sample.get("scaled_by_poi") else others
        part += np.nan_to_num(_numbers(sample["yields"]))
    hidden: list[bool] = (signal > fraction * others).tolist()
    return hidden


def _n_bins(channel: Mapping[str, Any]) -> int:
    return len(channel["total"]["yields"])


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _palette(documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Colours of the samples, from the bottom of the stacks up: small ones first, the signal last."""
    sizes: dict[str, float] = {}
    signals: list[str] = []
    for channel in documents[0]["channels"]:
        for sample in channel["samples"]:
            name = str(sample["name"])
            sizes[name] = sizes.get(name, 0.0) + abs(float(np.nansum(_numbers(sample["yields"]))))
            if sample.get("scaled_by_poi") and name not in signals:
                signals.append(name)
    ranked = sorted((n for n in sizes if n not in signals), key=lambda n: -sizes[n])
    coloured = dict(zip(ranked[:_MOST_SAMPLES], SAMPLES, strict=False))
    bottom = {_OTHER: _OTHER_COLOUR} if len(ranked) > _MOST_SAMPLES else {}
    return {**bottom, **dict(reversed(coloured.items())), **dict.fromkeys(signals, SIGNAL)}


def _differ_much(panels: Sequence[_Panel]) -> bool:
    return any(p.total.max() > 100.0 * max(p.total[p.total > 0.0].min(initial=np.inf), 1e-3) for p in panels)


# -------------------------------------------------------------------------------------------------------------- drawing
@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """The ranges of panels that stand side by side: events, and the distance of the ratio from one."""

    log: bool
    low: float
    high: float
    reach: float

    @classmethod
    def of(cls, panels: Sequence[_Panel], log: bool) -> "_Axis":
        lowest, top, reach = np.inf, 1e-3, 0.12
        for p in panels:
            spread, (down, up) = np.nan_to_num(p.uncertainty), _poisson_errors(p.observed)
            top = max(top, float(np.nanmax(np.fmax(p.total + spread, p.observed + up))))
            good = p.total > 0.0
            lowest = min(lowest, float(p.total[good].min(initial=np.inf)))
            ends = [p.total - spread, p.total + spread, p.observed - down, p.observed + up]
            far = [np.abs(end[good] / p.total[good] - 1.0) for end in ends]
            reach = max(reach, *(float(np.nanmax(distance, initial=0.0)) for distance in far))
        reach = min(1.08 * reach, 0.99)
        if log:
            return cls(log=True, low=0.3 * max(min(lowest, 1.0), 1e-3), high=12.0 * max(top, 1.0), reach=reach)
        return cls(log=False, low=0.0, high=1.35 * top, reach=reach)


def _draw(
    main: "Axes", ratio: "Axes", panel: _Panel, palette: Mapping[str, str], axis: _Axis, x_name: str
) -> dict[str, Any]:
    handles = _draw_stack(main, panel, palette)
    centres, low, high = 0.5 * (panel.edges[1:] + panel.edges[:-1]), *_poisson_errors(panel.observed)
    shown = panel.observed > 0.0 if axis.log else np.isfinite(panel.observed)
    handles["data"] = main.errorbar(
        centres[shown],
        panel.observed[shown],
        yerr=(low[shown], high[shown]),
        fmt="o",
        color="black",
        ms=3.5,
        lw=1.0,
        zorder=5,
    )
    if axis.log:
        main.set_yscale("log")
    else:
        main.ticklabel_format(axis="y", style="sci", scilimits=(-3, 5), useOffset=False, useMathText=True)
    main.tick_params(axis="x", which="both", labelbottom=False)
    main.set_ylim(axis.low, axis.high)
    main.set_ylabel("events" if panel.labels or len(panel.observed) == 1 else "events per bin")
    named_so = "  ".join(t for t in (shortened(panel.name, 40), literal(panel.stage)) if t)
    main.annotate(
        "\n".join(filter(None, (named_so, panel.agreement))),
        (0.0, 1.0),
        (6, -6),
        "axes fraction",
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=9,
    )
    _draw_ratio(ratio, panel, axis.reach, centres, low, high)
    _label_bins(ratio, panel, x_name)
    return handles


def _draw_stack(axes: "Axes", panel: _Panel, palette: Mapping[str, str]) -> dict[str, Any]:
    handles: dict[str, Any] = {}
    parts: dict[str, Floats] = {}
    for name, values in panel.samples.items():
        key = name if name in palette else _OTHER
        parts[key] = parts.get(key, np.zeros(len(values))) + values
    bottom = np.zeros(len(panel.total))
    for name, colour in palette.items():
        if name not in parts:
            continue
        top = bottom + parts[name]
        handles[name] = axes.stairs(top, panel.edges, baseline=bottom, fill=True, color=colour, lw=0)
        bottom = top
    axes.stairs(panel.total, panel.edges, color="black", lw=0.8, baseline=None)
    spread = np.nan_to_num(panel.uncertainty)
    handles["uncertainty"] = _hatched(axes, panel.edges, panel.total - spread, panel.total + spread)
    return handles


def _draw_overlay(axes: "Axes", panel: _Panel, palette: Mapping[str, str], times: float) -> dict[str, Any]:
    """The signal as a line, so many times what is expected of it."""
    signals = [values for name, values in panel.samples.items() if palette.get(name) == SIGNAL]
    if not signals:
        return {}
    label = "signal as a line" if times == 1.0 else f"signal × {times:g}"
    events = times * np.sum(signals, axis=0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, max(high, 1.35 * float(np.max(events))))
    return {label: axes.stairs(events, panel.edges, color=SIGNAL, lw=1.6, ls="--", baseline=None, zorder=4)}


def _hatched(axes: "Axes", edges: Floats, low: Floats, high: Floats) -> Any:
    return axes.stairs(high, edges, baseline=low, fill=True, fc="none", ec="0.25", hatch="//////", lw=0.0)


def _poisson_errors(observed: Floats) -> tuple[Floats, Floats]:
    """Lengths of the error bars of counts: central intervals of 68.27 % probability (F. Garwood 1936)."""
    from scipy.stats import chi2, norm

    tail = norm.sf(1.0)
    low = np.where(observed > 0.0, 0.5 * chi2.ppf(tail, 2.0 * np.maximum(observed, 1e-9)), 0.0)
    high = 0.5 * chi2.isf(tail, 2.0 * (observed + 1.0))
    return observed - low, high - observed


def _draw_ratio(axes: "Axes", panel: _Panel, reach: float, centres: Floats, low: Floats, high: Floats) -> None:
    good = panel.total > 0.0
    total = np.where(good, panel.total, 1.0)
    ratio = np.where(good, panel.observed / total, np.nan)
    spread = np.where(good, np.nan_to_num(panel.uncertainty) / total, 0.0)
    _hatched(axes, panel.edges, 1.0 - spread, 1.0 + spread)
    axes.axhline(1.0, color="black", lw=0.8)
    inside = good & (np.abs(ratio - 1.0) <= reach)
    errors = (low[inside] / total[inside], high[inside] / total[inside])
    axes.errorbar(centres[inside], ratio[inside], yerr=errors, fmt="o", color="black", ms=3.5, lw=1.0)
    for marker, beyond, y in (
        ("^", ratio > 1.0 + reach, 1.0 + 0.9 * reach),
        ("v", ratio < 1.0 - reach, 1.0 - 0.9 * reach),
    ):
        axes.plot(centres[good & beyond], np.full(int((good & beyond).sum()), y), marker, color="0.35", ms=4.5)
    axes.set_ylim(1.0 - reach, 1.0 + reach)
    axes.set_ylabel("data / model", loc="center")


def _label_bins(axes: "Axes", panel: _Panel, x_name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(panel.edges[0], panel.edges[-1])
    n = len(panel.observed)
    if panel.labels is not None:
        axes.set_xticks(range(n), shortened_all(panel.labels, 40), rotation=90, fontsize=7.5)
    elif panel.edges[0] == -0.5:
        axes.set_xlabel("bin")
        if n <= 12:
            axes.set_xticks(range(n))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.set_xlabel(worded(x_name))
        return
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
