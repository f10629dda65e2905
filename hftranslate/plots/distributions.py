"""The distribution of a test statistic in pseudo-experiments, beside its asymptotic form."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from hftranslate.display.speaking import Result
from hftranslate.errors import InputError
from hftranslate.plots.figures import BELOW, DEFAULT_PLOT, SIGNAL, Floats, PlotOptions, in_style, new_axes, worded
from hftranslate.toys.samples import KeptToys, ToySample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Of the height, above what is drawn; of the toys of each hypothesis, what is drawn at least.
_FOR_LEGEND, _SHOWN = 0.22, 0.995


@in_style
def toys(
    signal: ArrayLike | ToySample | KeptToys,
    background: ArrayLike | None = None,
    observed: float | None = None,
    *,
    asimov: float | None = None,
    test_stat: str = "qtilde",
    bins: int = 40,
    ax: "Axes | None" = None,
    options: PlotOptions = DEFAULT_PLOT,
) -> "Figure":
    """The test statistic under both hypotheses, the observed value, and the asymptotic densities.

    Parameters
    ----------
    signal, background
        the statistic in pseudo-experiments with and without signal, ``(n_toys,)`` each; NaN is left out. Or both in
        one: a sample of toys, or those that were kept of one tested value.
    observed
        in the data; kept toys know it.
    asimov
        in the background-only Asimov data; gives the asymptotic densities (arXiv:1007.1727, section 3.7), which are
        left out where it is ``None`` or 0.
    test_stat
        ``"qtilde"`` or ``"q"``: which densities, and the name of the axis.
    bins
        of the histograms.
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
    InputError
        There are no toys, or nothing says what was observed.
    """
    if isinstance(signal, Result):
        raise InputError(
            "a result has the p-values, not the toys: BatchOptions(resume=FILE) keeps them when they are made, and "
            "hftranslate.toys.kept.kept_sample([FILE]) reads them"
        )
    if isinstance(signal, KeptToys):
        observed = signal.observed["q"] if observed is None else observed
    if isinstance(signal, KeptToys | ToySample):
        sample = signal.sample if isinstance(signal, KeptToys) else signal
        signal, background = sample.signal, sample.background
    if background is None or observed is None:
        raise InputError("toys are drawn of both hypotheses, with the statistic that was observed")
    with_signal, without = (_finite(np.asarray(v, dtype=np.float64)) for v in (signal, background))
    if not len(with_signal) or not len(without):
        raise InputError("there are no pseudo-experiments to draw for one of the hypotheses")
    figure, axes = new_axes(6.4, 4.6, ax)
    # as far as toys reach: a few far ones would leave half of the picture empty
    reach = max(float(np.quantile(values, _SHOWN)) for values in (with_signal, without))
    right = max(1.05 * reach, 1.15 * observed, 0.1)
    edges = np.linspace(0.0, right, bins + 1)
    for values, colour, text in ((without, BELOW, "background only"), (with_signal, SIGNAL, "signal + background")):
        density = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
        label = f"{text}, {len(values)} toys"
        axes.stairs(density, edges, color=colour, lw=1.4, label=label)
        axes.stairs(density, edges, color=colour, alpha=0.18, fill=True)
    axes.axvline(observed, ymax=1.0 - _FOR_LEGEND, color="black", lw=1.5, label=f"observed, {observed:.3g}")
    if asimov is not None and asimov > 0.0:
        _draw_densities(axes, edges, asimov, test_stat)
    axes.set_yscale("log")
    bottom = 0.5 / (max(len(with_signal), len(without)) * (edges[1] - edges[0]))
    top = axes.dataLim.ymax
    axes.set_ylim(bottom, top * (top / bottom) ** (_FOR_LEGEND / (1.0 - _FOR_LEGEND)))
    name = r"$\tilde{q}_\mu$" if test_stat == "qtilde" else r"$q_\mu$"
    axes.set(xlim=(0.0, right), xlabel=name, ylabel="probability density", title=worded(options.title))
    axes.legend(loc="upper right", ncols=2, columnspacing=1.0)
    return figure


def _finite(values: Floats) -> Floats:
    kept: Floats = values[np.isfinite(values)]
    return kept


def _draw_densities(axes: "Axes", edges: Floats, asimov: float, test_stat: str) -> None:
    """Means of the asymptotic densities over each bin, the point mass at zero included, as a histogram has it."""
    looks = ((np.sqrt(asimov), BELOW, "background only"), (0.0, SIGNAL, "signal + background"))
    for shift, colour, text in looks:
        cumulative = asymptotic_distribution(edges, shift, asimov, test_stat)
        cumulative[0] = 0.0
        axes.stairs(
            np.diff(cumulative) / np.diff(edges), edges, color=colour, lw=1.3, ls="--", label=f"{text}, asymptotic"
        )


def asymptotic_distribution(q: Sequence[float] | Floats, shift: float, asimov: float, test_stat: str) -> Floats:
    """Probability that q_mu or q-tilde_mu lies at or below ``q`` (arXiv:1007.1727, equations 57 and 65).

    Parameters
    ----------
    shift
        ``(mu - mu') / sigma`` where ``mu'`` is true: 0 under the tested hypothesis, ``sqrt(asimov)`` without signal.
    asimov
        ``(mu / sigma)^2``.
    """
    values = np.maximum(np.asarray(q, dtype=np.float64), 0.0)
    root: Floats = norm.cdf(np.sqrt(values) - shift)
    if test_stat == "q":
        return root
    beyond: Floats = norm.cdf((values + asimov) / (2.0 * np.sqrt(asimov)) - shift)
    return np.where(values <= asimov, root, beyond)
