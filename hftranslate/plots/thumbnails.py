"""Small pictures of variations as lines of SVG, for pages that hold thousands of them; nothing is imported for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hftranslate.likelihood.cells import Floats

#: Size of a picture, and of the upper panel; the lower one is the ratio to nominal.
WIDTH, HEIGHT = 240, 150
_MAIN, _GAP, _MARGIN = 92, 8, 1
_LEAST_REACH = 0.005


def thumbnail(variation: Mapping[str, Any]) -> dict[str, Any]:
    """The lines of a picture of nominal, up and down above, and of their ratios to nominal below.

    Parameters
    ----------
    variation
        with lists ``nominal``, ``down``, ``up``, and ``statistics`` and ``edges`` or ``None``, as
        :class:`hftranslate.doctor.SampleVariation` has them.

    Returns
    -------
    dict
        ``d`` of the paths ``nominal``, ``down``, ``up``, ``band`` above and ``ratio_down``, ``ratio_up``,
        ``ratio_band`` below, ``middle`` of the ratio panel in SVG's units, and its ``reach`` as a fraction.
    """
    nominal, down, up = (np.array(variation[name], dtype=np.float64) for name in ("nominal", "down", "up"))
    if not len(nominal) or not nominal.shape == down.shape == up.shape:
        raise ValueError("the bins of a variation")
    errors = None if variation["statistics"] is None else np.array(variation["statistics"], dtype=np.float64)
    edges = np.arange(len(nominal) + 1.0) if variation["edges"] is None else np.array(variation["edges"])
    x = (WIDTH - 2 * _MARGIN) * (edges - edges[0]) / (edges[-1] - edges[0]) + _MARGIN
    with_errors = nominal if errors is None else nominal + errors
    low = min(0.0, *(float(v.min()) for v in (nominal, down, up)))
    high = max(float(v.max()) for v in (with_errors, down, up)) or 1.0

    def above(values: Floats) -> Floats:
        return _MAIN - (_MAIN - 4.0) * (values - low) / (high - low)

    base = np.where(nominal != 0.0, nominal, np.nan)
    ratios = [v / base - 1.0 for v in (down, up)]
    reach = max(_LEAST_REACH, *(float(np.nanmax(np.abs(r), initial=0.0)) for r in ratios))
    half = 0.5 * (HEIGHT - _MAIN - _GAP)
    middle = _MAIN + _GAP + half

    def below(values: Floats) -> Floats:
        return middle - (half - 3.0) * np.clip(values / reach, -1.0, 1.0)

    paths = {name: steps(x, above(v)) for name, v in (("nominal", nominal), ("down", down), ("up", up))}
    paths |= {f"ratio_{name}": steps(x, below(r)) for name, r in zip(("down", "up"), ratios, strict=True)}
    if errors is not None:
        relative = np.abs(errors / base)
        paths["band"] = area(x, above(nominal + errors), above(nominal - errors))
        paths["ratio_band"] = area(x, below(relative), below(-relative))
    return {**paths, "middle": middle, "reach": reach}


def steps(x: Floats, y: Floats) -> str:
    """The ``d`` of a path along the tops of bins: edges ``(n + 1,)``, heights ``(n,)``; a gap where one is NaN."""
    parts, pen = [], False
    for left, right, height in zip(x[:-1], x[1:], y, strict=True):
        if not np.isfinite(height):
            pen = False
            continue
        parts.append(f"V{height:.1f}" if pen else f"M{left:.1f} {height:.1f}")
        parts.append(f"H{right:.1f}")
        pen = True
    return "".join(parts)


def area(x: Floats, top: Floats, bottom: Floats) -> str:
    """The ``d`` of a path around boxes between two heights of each bin; without those where one is NaN."""
    boxes: Sequence[str] = [
        f"M{left:.1f} {a:.1f}H{right:.1f}V{b:.1f}H{left:.1f}Z"
        for left, right, a, b in zip(x[:-1], x[1:], top, bottom, strict=True)
        if np.isfinite(a) and np.isfinite(b)
    ]
    return "".join(boxes)
