"""Pictures of what a fit did to its parameters: pulls and correlations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hftranslate.display.speaking import named
from hftranslate.errors import FormatError, InputError
from hftranslate.plots.figures import (
    DEFAULT_PLOT,
    ONE_SIGMA,
    TWO_SIGMA,
    Drawn,
    PlotOptions,
    document,
    finite,
    in_style,
    literal,
    new_axes,
    shortened_all,
    worded,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions:
    """In what order pulls stand.

    Attributes
    ----------
    groups
        titles and the patterns (``*`` and ``?`` as in file names) of their parameters, which stand together below the
        title; each parameter in the first group that it fits, the others at the end.
    by_name
        in alphabetical order, and not in that of the fit.
    """

    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    by_name: bool = False


DEFAULT_PULL = PullOptions()
#: Constrained parameters that one page has room for.
_PAGE = 30
_OTHERS = "others"
_Pull: TypeAlias = tuple[str, float, float]


@in_style
def pulls(
    fit: Drawn,
    *,
    most: int = _PAGE,
    exclude: str | Sequence[str] = (),
    ranked: bool = False,
    first: int = 0,
    ax: "Axes | None" = None,
    pull: PullOptions = DEFAULT_PULL,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """Pulls of the constrained parameters, and the values of the free ones.

    Parameters
    ----------
    fit
        a fit, or the JSON document that ``hftranslate fit`` writes. A pull is (fitted - initial value) / prior
        uncertainty.
    most
        how many constrained parameters are drawn: the ones pulled or constrained most; the first ones where they stand
        in groups or by name.
    exclude
        patterns (``*`` and ``?`` as in file names) of parameters that are left out.
    ranked
        whether the most notable ones stand on top, and not all in the order of the fit; within each group.
    first
        how many are left out before, and the free parameters with them: for a page after the first
        (:func:`pull_pages`).
    ax
        where to draw; by default in a figure of its own.
    pull
        groups of the parameters, and whether they stand by name.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    Figure
        the figure, or that of ``ax``.

    Raises
    ------
    FormatError
        The document is none of a fit.
    InputError
        There is nothing to draw.
    """
    constrained, free = _shown(fit, exclude)
    chosen, titles = _chosen(constrained, most, first, ranked, pull)
    if first:
        free = []
        if not chosen:
            raise InputError(f"there are no more than {len(constrained)} constrained parameters to draw")
    rows: list[_Pull | str] = []
    for k, (one, title) in enumerate(zip(chosen, titles, strict=True)):
        if pull.groups and (not k or title != titles[k - 1]):
            rows.append(title)
        rows.append(one)
    at = [float(k) for k, row in enumerate(rows) if not isinstance(row, str)]
    names, values, errors = [c[0] for c in chosen], [c[1] for c in chosen], [c[2] for c in chosen]
    shown = iter(shortened_all([*names, *(name for name, _, _ in free)]))
    labels = [literal(row) if isinstance(row, str) else next(shown) for row in rows]
    beside = [len(rows) + 0.5 + k for k in range(len(free))]
    figure, axes = pull_axes([*labels, *shown], [*map(float, range(len(rows))), *beside], len(rows), ax)
    for row, label in zip(rows, axes.get_yticklabels(), strict=False):
        if isinstance(row, str):
            label.set_fontweight("bold")
    reach = 1.1 * max(2.2, *(abs(p) + e for p, e in zip(values, errors, strict=True))) if names else 2.4
    axes.errorbar(values, at, xerr=errors, fmt="o", color="black", ms=3.2, lw=1.1)
    for k, (_, value, sigma) in enumerate(free):
        text = f"{value:.3f}" + ("" if sigma is None else f" ± {sigma:.3f}" if sigma else " at its bound")
        box = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none"}
        axes.annotate(text, (0.0, beside[k]), ha="center", va="center", fontsize=8.5, bbox=box)
    axes.set(xlim=(-reach, reach), title=worded(options.title))
    axes.set_xlabel(r"(fitted $-$ initial value) / prior uncertainty" + ("; free parameters: value" if free else ""))
    tell_left_out(axes, len(names), len(constrained), first, ordered=bool(pull.groups) or pull.by_name)
    return figure


def pull_pages(
    fit: Drawn,
    *,
    most: int = _PAGE,
    exclude: str | Sequence[str] = (),
    ranked: bool = False,
    pull: PullOptions = DEFAULT_PULL,
    options: PlotOptions = DEFAULT_PLOT,
) -> "list[Figure]":
    """All pulls of a fit, on as many pages as they take; the parameters are those of :func:`pulls`.

    Parameters
    ----------
    fit
        a fit, or the JSON document that ``hftranslate fit`` writes.
    most
        how many constrained parameters are on a page.
    exclude
        patterns (``*`` and ``?`` as in file names) of parameters that are left out.
    ranked
        whether the most notable ones come first.
    pull
        groups of the parameters, and whether they stand by name.
    options
        title, style, and the labels of experiment, luminosity and energy.

    Returns
    -------
    list of Figure
        one for each page, and one without constrained parameters where there are none.

    Raises
    ------
    FormatError
        The document is none of a fit.
    """
    firsts = range(0, max(len(_shown(fit, exclude)[0]), 1), most)
    how: dict[str, Any] = {"most": most, "exclude": exclude, "ranked": ranked, "pull": pull, "options": options}
    return [pulls(fit, first=first, **how) for first in firsts]


def _shown(fit: Drawn, exclude: str | Sequence[str]) -> "tuple[list[_Pull], list[tuple[str, float, float | None]]]":
    """Constrained and free parameters without those that are left out."""
    constrained, free = _fitted(document(fit))
    hidden = named(exclude)
    return [c for c in constrained if not _fits(c[0], hidden)], [f for f in free if not _fits(f[0], hidden)]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name fits a pattern, in which brackets stand for themselves."""
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


def _chosen(
    constrained: Sequence[_Pull], most: int, first: int, ranked: bool, pull: PullOptions
) -> tuple[list[_Pull], list[str]]:
    """The parameters of a page, and the title of the group of each."""

    def group(name: str) -> int:
        found = (k for k, (_, patterns) in enumerate(pull.groups) if _fits(name, patterns))
        return next(found, len(pull.groups))

    titles = [*(title for title, _ in pull.groups), _OTHERS]
    if not pull.groups and not pull.by_name:
        places = most_notable([c[1:] for c in constrained], most, ranked=ranked, first=first)
        return [constrained[i] for i in places], [_OTHERS] * len(places)
    ordered = sorted(constrained, key=lambda c: c[0]) if pull.by_name else list(constrained)
    if ranked:
        ordered = [ordered[i] for i in most_notable([c[1:] for c in ordered], len(ordered), ranked=True)]
    page = sorted(ordered, key=lambda c: group(c[0]))[first : first + most]
    return page, [titles[group(c[0])] for c in page]


def pull_axes(
    labels: Sequence[str], at: Sequence[float], pulled: int, ax: "Axes | None" = None
) -> tuple["Figure", "Axes"]:
    """A row for each parameter, from the top, and behind the first ``pulled`` bands of one and two deviations."""
    widest = max(map(len, labels), default=0)
    figure, axes = new_axes(4.2 + 0.075 * widest, 1.2 + 0.22 * max(len(at) + 1.5 * (len(at) > pulled), 4), ax)
    if pulled:
        span = [-0.8, pulled - 0.2]
        axes.fill_betweenx(span, -2.0, 2.0, color=TWO_SIGMA, lw=0, alpha=0.6)
        axes.fill_betweenx(span, -1.0, 1.0, color=ONE_SIGMA, lw=0, alpha=0.8)
        axes.plot([0.0, 0.0], span, color="black", lw=0.8, ls=":")
    axes.set_yticks(at, labels, fontsize=8)
    axes.set_ylim(max(at, default=0.0) + 0.7, -0.8)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.minorticks_off()
    return figure, axes


def tell_left_out(axes: "Axes", shown: int, of: int, first: int = 0, *, ordered: bool = False) -> None:
    """Say above a picture that not all parameters are in it; ``ordered``: the first ones, not the most notable."""
    if shown < of:
        which = f"{first + 1} to {first + shown} of the" if first else f"the {shown}"
        note = f"{which} most pulled or constrained of {of} parameters"
        if ordered:
            note = f"{first + 1} to {first + shown} of {of} parameters"
        axes.annotate(note, (0.0, 1.0), (0, 4), "axes fraction", textcoords="offset points", fontsize=8, color="0.35")


def _fitted(fit: Mapping[str, Any]) -> tuple[list[tuple[str, float, float]], list[tuple[str, float, float | None]]]:
    """Constrained parameters with pull and its uncertainty, and free ones with value and uncertainty.

    The uncertainty is zero at a bound, ``None`` where it is unknown.
    """
    constrained: list[tuple[str, float, float]] = []
    free: list[tuple[str, float, float | None]] = []
    try:
        at_bound = set(fit.get("at_bound", ()))
        for name, values in fit["mle_parameters"].items():
            columns = (fit["uncertainties"][name], fit["initial_values"][name], fit["prior_uncertainties"][name])
            for i, row in enumerate(zip(values, *columns, strict=True)):
                value, initial = finite((row[0], row[2]), 2).tolist()
                sigma, prior = (None if v is None else float(finite(v)) for v in (row[1], row[3]))
                label = name if len(values) == 1 else f"{name}[{i}]"
                if sigma is not None and sigma < 0.0:
                    raise ValueError(f"the uncertainty of {label!r}")
                if at_bound & {name, f"{name}[{i}]"}:
                    sigma = 0.0
                elif sigma == 0.0:
                    continue  # constant
                if prior:
                    constrained.append((label, (value - initial) / prior, (sigma or 0.0) / prior))
                else:
                    free.append((label, value, sigma))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"no fit as 'hftranslate fit' writes it: {error} is missing or of another shape") from None
    return constrained, free


def most_notable(pulls: Sequence[tuple[float, float]], most: int, *, ranked: bool = False, first: int = 0) -> list[int]:
    """Places of those farthest from a pull of 0 with an uncertainty of 1, in their original order or ranked."""
    found = sorted(range(len(pulls)), key=lambda i: -(abs(pulls[i][0]) + abs(1.0 - pulls[i][1])))[first : first + most]
    return found if ranked else sorted(found)


# --------------------------------------------------------------------------------------------------------- correlations
@in_style
def correlations(
    fit: Drawn,
    *,
    threshold: float = 0.2,
    most: int = 30,
    ax: "Axes | None" = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """The correlation matrix of a fit without the parameters that are correlated with none.

    Parameters
    ----------
    fit
        a fit, or the JSON document that ``hftranslate fit`` writes.
    threshold
        parameters without a correlation of at least this size are left out.
    most
        how many parameters are drawn: the ones with the largest correlations.
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
        The document is none of a fit.
    InputError
        There is nothing to draw: no parameters are correlated so much.
    """
    try:
        found = document(fit)["correlations"]
        names = [str(n) for n in found["names"]]
        rows = [[np.nan if v is None else float(v) for v in row] for row in found["matrix"]]
        matrix = np.array(rows, dtype=np.float64).reshape(len(names), len(names))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"no fit as 'hftranslate fit' writes it: {error} is missing or of another shape") from None
    kept = _correlated(matrix, threshold, most)
    if not kept:
        raise InputError(f"no two parameters of the fit are correlated by {threshold:g} or more; lower the threshold")
    n, matrix = len(kept), matrix[np.ix_(kept, kept)]
    cell, size = (0.33, 6.5) if n > 12 else (0.42, 7.0)
    labels = shortened_all([names[i] for i in kept], 36)
    room = 0.072 * max(map(len, labels)) + 0.6
    figure, axes = new_axes(cell * n + room + 0.9, cell * n + room, ax)
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0, interpolation="nearest")
    for i in range(n):
        for j in range(n):
            value = matrix[i, j]
            if i != j and abs(value) >= max(threshold, 0.005):
                ink = "white" if abs(value) > 0.65 else "black"
                text = f"{value:.2f}".replace("-", "−")
                axes.text(j, i, text, ha="center", va="center", fontsize=size, color=ink, in_layout=False)
    axes.set_xticks(range(n), labels, rotation=90, fontsize=7.5)
    axes.set_yticks(range(n), labels, fontsize=7.5)
    axes.tick_params(which="both", top=False, bottom=False, left=False, right=False)
    axes.minorticks_off()
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 2.4 / (cell * n) + 0.3), pad=0.02)
    bar.set_label("correlation", fontsize=8.5)
    bar.ax.tick_params(labelsize=8)
    bar.ax.minorticks_off()
    axes.set_title(worded(options.title))
    return figure


def _correlated(matrix: Any, threshold: float, most: int) -> list[int]:
    """Parameters with a correlation of at least the threshold, the strongest ones, in their original order."""
    apart = np.nan_to_num(np.abs(matrix))
    np.fill_diagonal(apart, 0.0)
    strongest = apart.max(axis=1, initial=0.0)
    ranked = [int(i) for i in np.argsort(-strongest, kind="stable") if strongest[i] >= threshold]
    return sorted(ranked[:most])
