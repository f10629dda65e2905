"""Yields before and after a fit, as JSON values and as tables."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np

from hftranslate.display import terminal
from hftranslate.inference.fit import FitResult
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.yields import ChannelYields, Yields, expected_yields, prior_covariance

Stage = Literal["prefit", "postfit"]

#: Bins that stand side by side in a table.
_COLUMNS = 7


def fitted_yields(model: Model, best: FitResult | None = None) -> Yields:
    """The yields of a fit with its covariance; without a fit, those at the initial values with the constraints' widths.

    Uncertainties are propagated to first order with exact derivatives, ``J C J^T``, correlations included. Before a fit
    free parameters without constraint term contribute nothing.
    """
    if best is None:
        return expected_yields(model, model.parameters.init, prior_covariance(model))
    return expected_yields(model, best.values, best.covariance)


def scaled_samples(model: Model) -> tuple[frozenset[str], ...]:
    """The samples of each channel that move with the parameter of interest: the signal; none where there is no such."""
    p = model.parameters
    if not p.poi_names or p.poi_names[0] not in p.names:
        return tuple(frozenset() for _ in model.samples)
    moved = p.init.copy()
    moved[p.poi_index] += 1.0
    changed = model.state(moved).nu != model.state(p.init).nu
    found, cell = [], 0
    for (_, n_bins), samples in zip(model.channels, model.samples, strict=True):
        of_channel = changed[cell : cell + n_bins * len(samples)].reshape(n_bins, len(samples)).any(axis=0)
        cell += n_bins * len(samples)
        found.append(frozenset(name for name, moves in zip(samples, of_channel, strict=True) if moves))
    return tuple(found)


def yields_document(model: Model, data: Data, yields: Yields, stage: Stage) -> dict[str, Any]:
    """Yields as plain JSON values, with the observed events; what could not be computed is ``None``."""
    start = 0
    channels = []
    for channel, signals in zip(yields.channels, scaled_samples(model), strict=True):
        observed = data.observed[start : start + len(channel.total)]
        start += len(channel.total)
        channels.append(
            {
                "name": channel.name,
                "edges": None if channel.edges is None else [list(axis) for axis in channel.edges],
                "observed": _plain(observed),
                "samples": [
                    {
                        "name": name,
                        "scaled_by_poi": name in signals,
                        "yields": _plain(channel.rates[i]),
                        "uncertainties": _plain(channel.uncertainties[i]),
                        "sum": _number(channel.sample_sums[i]),
                        "sum_uncertainty": _number(channel.sample_sum_uncertainties[i]),
                    }
                    for i, name in enumerate(channel.samples)
                ],
                "total": {
                    "yields": _plain(channel.total),
                    "uncertainties": _plain(channel.total_uncertainties),
                    "sum": channel.sum,
                    "sum_uncertainty": _number(channel.sum_uncertainty),
                },
            }
        )
    return {
        "stage": stage,
        "channels": channels,
        "samples": {name: [value, _number(sigma)] for name, (value, sigma) in yields.sample_sums.items()},
        "total": [yields.sum, _number(yields.sum_uncertainty)],
        "observed": float(np.sum(data.observed)),
        "conventions": model.conventions.name,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _plain(values: Any) -> list[float | None]:
    return [_number(v) for v in values]


# -------------------------------------------------------------------------------------------------------------- tables
def yields_table(data: Data, yields: Yields, stage: Stage) -> str:
    """The yields as text: for each channel a line per sample and a column per bin, with the sum over bins."""
    blocks = []
    start = 0
    for channel in yields.channels:
        observed = data.observed[start : start + len(channel.total)]
        start += len(channel.total)
        parts = _folded(_rows(channel, observed))
        blocks.append(f"{terminal(channel.name)} ({stage})\n" + "\n".join(map(_aligned, parts)))
    sums = [[name, _pair(v, u)] for name, (v, u) in yields.sample_sums.items()]
    sums += [["total", _pair(yields.sum, yields.sum_uncertainty)], ["observed", _events(float(np.sum(data.observed)))]]
    blocks.append(f"all channels ({stage})\n" + _aligned([["", "sum"], *sums]))
    return "\n".join(blocks)


def _rows(channel: ChannelYields, observed: Any) -> list[list[str]]:
    rows = [["", *_bin_names(channel), "sum"]]
    for i, name in enumerate(channel.samples):
        cells = map(_pair, channel.rates[i], channel.uncertainties[i])
        rows.append([name, *cells, _pair(channel.sample_sums[i], channel.sample_sum_uncertainties[i])])
    totals = map(_pair, channel.total, channel.total_uncertainties)
    rows.append(["total", *totals, _pair(channel.sum, channel.sum_uncertainty)])
    rows.append(["observed", *map(_events, observed), _events(float(np.sum(observed)))])
    return rows


def _folded(rows: list[list[str]]) -> list[list[list[str]]]:
    """A table of many columns as several of few, with the names before each."""
    n = len(rows[0])
    return [[[row[0], *row[i : i + _COLUMNS]] for row in rows] for i in range(1, n, _COLUMNS)]


def _bin_names(channel: ChannelYields) -> list[str]:
    if channel.edges is not None and len(channel.edges) == 1:
        return [f"[{low:g}, {high:g})" for low, high in pairwise(channel.edges[0])]
    return [f"bin {i}" for i in range(len(channel.total))]


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *others = row
        lines.append(
            "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]).rstrip()
        )
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(map(terminal, lines)) + "\n"


def _pair(value: float, uncertainty: float) -> str:
    """A number and its uncertainty, to two digits of the latter."""
    if not np.isfinite(uncertainty):
        return f"{_events(value)} ± ?"
    if uncertainty <= 0.0:
        return _events(value)
    places = max(0, 1 - int(np.floor(np.log10(uncertainty))))
    if places > 4:
        return f"{value:.4g} ± {uncertainty:.2g}"
    return f"{value:.{places}f} ± {uncertainty:.{places}f}"


def _events(value: float) -> str:
    return f"{value:.6g}"
