"""Yields of a channel as a :class:`hist.Hist`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hftranslate.errors import needs_extra

if TYPE_CHECKING:
    from hist import Hist

#: Name of the axis that has one entry for each sample.
SAMPLES = "samples"


def stacked(
    name: str,
    samples: Sequence[str],
    edges: Sequence[Sequence[float]] | None,
    values: ArrayLike,
    variances: ArrayLike,
) -> "Hist[Any]":
    """A histogram with a sample axis and the axes of the channel.

    Parameters
    ----------
    name
        of the channel.
    samples
        names of the samples, ``n_samples`` of them.
    edges
        bin edges of each axis, x first; ``None``: bins of the width one from zero on.
    values, variances
        ``(n_samples, n_bins)`` each, several axes flattened with x running fastest.

    Returns
    -------
    Hist
        with weights.

    Raises
    ------
    MissingExtra
        The package hist is not installed.
    """
    with needs_extra("hist", "histograms of the hist library"):
        from hist import Hist, axis
        from hist.storage import Weight

    contents, squares = np.asarray(values, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    used = edges or (tuple(range(contents.shape[1] + 1)),)
    axes = [axis.Variable(e, name=n, flow=False) for n, e in zip("xyz", used, strict=False)]
    histogram = Hist(axis.StrCategory(samples, name=SAMPLES, flow=False), *axes, storage=Weight(), name=name)
    shape = tuple(len(e) - 1 for e in used)
    view = histogram.view()
    for i in range(len(samples)):
        view["value"][i] = np.reshape(contents[i], shape, order="F")
        view["variance"][i] = np.reshape(squares[i], shape, order="F")
    return histogram
