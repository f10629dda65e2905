"""What a systematic does to the template of a sample: nominal, up and down, and their ratios to nominal."""

import dataclasses
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from hftranslate.doctor.systematics import flags_by_place
from hftranslate.errors import MissingInput, did_you_mean
from hftranslate.plots.figures import (
    ABOVE,
    BELOW,
    DEFAULT_PLOT,
    Floats,
    PlotOptions,
    in_style,
    new_figure,
    shortened,
    worded,
)
from hftranslate.workspace import HistoSys, Modifier, NormSys, Sample, ShapeSys, StatError, Workspace
from hftranslate.workspace.model import check_workspaces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What varies a template by one standard deviation.
_VARIATIONS = HistoSys | NormSys | ShapeSys | StatError
#: Letters of a title that are as wide as a picture.
_LONGEST_TITLE = 60
#: The space that a line of the legend's title takes, of the highest bin.
_LINE = 0.1


@in_style
def templates(
    workspace: Workspace,
    channel: str,
    sample: str,
    systematic: str,
    *,
    fig: "Figure | None" = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """The template of a sample with a systematic one standard deviation up and down, as the workspace has it.

    What the doctor finds suspicious in it stands below its name (:mod:`hftranslate.doctor`).

    Parameters
    ----------
    workspace
        the model.
    channel, sample
        where the systematic acts, by name.
    systematic
        the name of a modifier on the sample; a HistoSys and a NormSys of one name vary together. Of uncertainties of
        bins (ShapeSys, StatError) each bin is drawn up and down.
    fig
        the figure, or the part of one, to draw in; by default one of its own.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the templates in events, and below their ratios to the nominal one.

    Raises
    ------
    MissingInput
        There is no such channel, no such sample in it, or no such systematic on that.
    """
    check_workspaces(workspace)
    where = workspace.channel(channel)
    by_name = {s.name: s for s in where.samples}
    if sample not in by_name:
        raise MissingInput(f"channel {channel!r} has no sample {sample!r}" + did_you_mean(sample, by_name))
    nominal, (down, up) = np.array(by_name[sample].nominal, dtype=np.float64), variation(by_name[sample], systematic)
    one_axis = where.edges is not None and len(where.edges) == 1
    edges = np.array(where.edges[0]) if where.edges and one_axis else np.arange(len(nominal) + 1.0) - 0.5
    figure = new_figure(6.4, 4.8, tight=True, fig=fig)
    main, ratio = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, 1.0])
    errors = next((np.array(m.data) for m in by_name[sample].modifiers if isinstance(m, StatError)), None)
    base = np.where(nominal != 0.0, nominal, np.nan)
    for axes, scale in ((main, 1.0), (ratio, base)):
        if errors is not None:
            band: dict[str, Any] = {"fill": True, "fc": "none", "ec": "0.6", "hatch": "//////", "lw": 0.0}
            low, high = ((nominal + side * errors) / scale for side in (-1.0, 1.0))
            axes.stairs(high, edges, baseline=low, label="statistical" if axes is main else None, **band)
        axes.stairs(nominal / scale, edges, color="black", lw=1.3, baseline=None, label="nominal")
        for name, values, colour, dashes in (("up", up, ABOVE, "-"), ("down", down, BELOW, "--")):
            label = f"{name}, {_percent(values, nominal)}"
            axes.stairs(values / scale, edges, color=colour, lw=1.3, ls=dashes, baseline=None, label=label)
    lines = _titles(channel, sample, systematic)
    if flags := flags_by_place(dataclasses.replace(workspace, channels=(where,))).get((channel, sample, systematic)):
        lines.append(", ".join(flags))
    top = float(np.max([up, down, nominal + (0.0 if errors is None else errors)])) * (1.3 + _LINE * len(lines))
    main.set(xlim=(edges[0], edges[-1]), ylim=(min(0.0, 1.1 * float(np.min([up, down, nominal]))), top or 1.0))
    main.set(ylabel="events per bin", title=worded(options.title))
    main.legend(loc="upper right", ncols=2, title="\n".join(lines), title_fontsize="small")
    main.tick_params(axis="x", which="both", labelbottom=False)
    ratio.set(xlabel="observable" if one_axis else "bin", ylabel="/ nominal")
    if not one_axis:
        for axes in (main, ratio):
            axes.tick_params(axis="x", which="minor", bottom=False, top=False)
        ratio.xaxis.get_major_locator().set_params(integer=True)
    return figure


def _titles(channel: str, sample: str, systematic: str) -> list[str]:
    """What is shown, in a line where it fits beside the axes, else in three."""
    names = [*map(shortened, (channel, sample, systematic))]
    in_one = "{}, {}: {}".format(*names)
    return [in_one] if len(in_one) <= _LONGEST_TITLE else names


#: Rows and columns of pictures on a page.
_ROWS, _COLUMNS = 3, 2


def template_pages(
    workspace: Workspace,
    channel: str = "*",
    sample: str = "*",
    systematic: str = "*",
    *,
    options: PlotOptions = DEFAULT_PLOT,
) -> "list[Figure]":
    """Templates of all channels, samples and systematics whose names fit patterns, six on a page.

    Parameters
    ----------
    workspace
        the model.
    channel, sample, systematic
        patterns (``*`` and ``?`` as in file names).
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    list of Figure
        one for each page.

    Raises
    ------
    MissingInput
        Nothing fits them.
    """
    places = [
        (c.name, s.name, name)
        for c in workspace.channels
        for s in c.samples
        for name in dict.fromkeys(m.name for m in s.modifiers if isinstance(m, _VARIATIONS))
        if all(map(_fits, (c.name, s.name, name), (channel, sample, systematic)))
    ]
    if not places:
        raise MissingInput(f"no systematic fits channel {channel!r}, sample {sample!r}, systematic {systematic!r}")
    if len(places) == 1:
        return [templates(workspace, *places[0], options=options)]
    size = _ROWS * _COLUMNS
    figures = []
    for start in range(0, len(places), size):
        page = places[start : start + size]
        rows = -(-len(page) // _COLUMNS)
        figure = new_figure(5.4 * _COLUMNS, 4.0 * rows)
        parts = np.ravel(figure.subfigures(rows, _COLUMNS, squeeze=False))
        for part, place in zip(parts, page, strict=False):
            templates(workspace, *place, fig=part, options=dataclasses.replace(options, title=""))
        if options.title:
            figure.suptitle(worded(options.title), fontsize=10)
        figures.append(figure)
    return figures


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is a pattern itself, or fits it."""
    return name == pattern or fnmatchcase(name, pattern)


def variation(sample: Sample, systematic: str) -> tuple[Floats, Floats]:
    """The template of a sample one standard deviation down and up, ``(n_bins,)`` each.

    Raises
    ------
    MissingInput
        No modifier of that name varies the sample.
    """
    found = [m for m in sample.modifiers if isinstance(m, _VARIATIONS)]
    chosen: list[Modifier] = [m for m in found if m.name == systematic]
    if not chosen:
        hint = did_you_mean(systematic, (m.name for m in found))
        raise MissingInput(f"no systematic {systematic!r} varies sample {sample.name!r}" + hint)
    nominal = np.array(sample.nominal, dtype=np.float64)
    down, up = nominal, nominal
    for m in sorted(chosen, key=lambda m: isinstance(m, NormSys)):  # factors come after what is added
        match m:
            case HistoSys():
                down, up = np.array(m.lo_data, dtype=np.float64), np.array(m.hi_data, dtype=np.float64)
            case NormSys():
                down, up = down * m.lo, up * m.hi
            case ShapeSys() | StatError():
                size = np.array(m.data) * (nominal if isinstance(m, ShapeSys) and m.relative else 1.0)
                down, up = down - size, up + size
    return down, up


def _percent(values: Floats, nominal: Floats) -> str:
    """How much of all events a variation adds."""
    total = float(nominal.sum())
    return f"{100.0 * (float(values.sum()) / total - 1.0):+.2g} %" if total else "of nothing"
