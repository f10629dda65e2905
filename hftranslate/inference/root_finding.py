"""Where falling curves cross zero, when every point of a curve costs fits and several curves share their points."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf, isfinite, nan, sqrt

from hftranslate.errors import FitFailed

#: Points of the inverse interpolation.
_POINTS = 4
#: By how much a bracket grows or shrinks at most at a step.
_STRIDE = 20.0
#: How far from the guess a root is looked for.
_FAR = 1e12
#: How often a shorter step is tried where a point cannot be evaluated.
_RETREATS = 6
#: Points that are tried along straight lines from one that is thought to be near the root.
_SECANTS = 5
#: The part of the tolerance within which straight lines end: they come nearer at a step.
_PART = 0.05


class NoCrossing(Exception):
    """A curve that does not cross zero.

    Attributes
    ----------
    last
        the last point where the curve is above zero; zero where there is none.
    first
        the first point where it is below zero; infinite where there is none.
    beyond
        where and why the curve has no value on the way to the crossing; empty where that is not the reason.
    """

    def __init__(self, *, last: float, first: float = inf, beyond: str = "") -> None:
        super().__init__(f"no crossing between {last} and {first}")
        self.last, self.first, self.beyond = last, first, beyond


def crossing(
    curve: Callable[[float], float],
    known: list[float],
    guess: float,
    relative_tolerance: float,
    highest: float = inf,
    slope: float = nan,
) -> float:
    """The positive root of a curve that falls from above zero.

    A bracket grows from what is known, or from the guess, until it holds the root, which inverse interpolation through
    the nearest points then finds; where that makes no progress, bisection does.

    Parameters
    ----------
    curve
        the function; cheap at points where it was called before. Raises
        :class:`~hftranslate.errors.FitFailed` where it has no value.
    known
        positive points where it was called before.
    guess
        where to begin if they do not bracket the root.
    relative_tolerance
        of the root, which is a point where the curve was called.
    highest
        where to stop looking.
    slope
        of the curve around the guess, if that is thought to be near the root: straight lines may lead to it from there.

    Raises
    ------
    NoCrossing
        The curve does not cross zero below ``highest``, within a factor of 1e12 around the guess.
    """
    values = {}
    for x in known:
        with suppress(FitFailed):
            values[x] = curve(x)
    if slope < 0.0 and (found := _along(curve, values, guess, slope, relative_tolerance, highest)):
        return found
    low = max((x for x, y in values.items() if y > 0.0), default=0.0)
    high = min((x for x, y in values.items() if x > low and y <= 0.0), default=None)
    if high is None:
        low, high = _grown(curve, values, low, guess, highest)
    if low == 0.0:
        low, high = _shrunk(curve, values, high, guess)
    return _refined(curve, values, low, high, relative_tolerance)


def _along(
    curve: Callable[[float], float],
    values: dict[float, float],
    x: float,
    slope: float,
    relative_tolerance: float,
    highest: float,
) -> float | None:
    """The root by the secant method, with a slope to begin with; ``None`` if it does not end soon."""
    last = x
    for _ in range(_SECANTS):
        try:
            values[x] = curve(x)
        except FitFailed:
            break
        if x != last:
            slope = (values[x] - values[last]) / (x - last)
        if not slope < 0.0:
            break
        way = -values[x] / slope
        if abs(way) <= _PART * relative_tolerance * x:
            return x
        last, x = x, min(max(x + way, x / _STRIDE), highest)
    return None


def _grown(
    curve: Callable[[float], float], values: dict[float, float], low: float, guess: float, highest: float
) -> tuple[float, float]:
    """A bracket whose upper end is above what is known."""
    if low >= highest:
        raise NoCrossing(last=low)
    x = min(max(guess, 1.5 * low), highest)
    retreats, beyond = 0, ""
    while True:
        try:
            values[x] = curve(x)
        except FitFailed as error:
            if retreats == 0:
                beyond = f"at {x:.3g}: {error}"
            retreats += 1
            if retreats > _RETREATS:
                raise NoCrossing(last=low, beyond=beyond) from error
            x = sqrt(low * x) if low > 0.0 else x / _STRIDE
            continue
        if values[x] <= 0.0:
            return low, x
        if x > _FAR * guess or x >= highest:
            raise NoCrossing(last=x)
        step = 2.0 if retreats else _extrapolated(values, low, x) / x
        low, x = x, min(x * min(max(step, 1.3), _STRIDE), highest)


def _extrapolated(values: dict[float, float], low: float, x: float) -> float:
    """Where the straight line through two points reaches zero, and a bit further; far where it does not fall."""
    if low == 0.0:
        return 2.0 * x
    slope = (values[x] - values[low]) / (x - low)
    return x - 1.2 * values[x] / slope if slope < 0.0 else _STRIDE * x


def _shrunk(
    curve: Callable[[float], float], values: dict[float, float], high: float, guess: float
) -> tuple[float, float]:
    """A bracket whose lower end is below what is known: at zero itself there may be no value."""
    stride = 2.0
    while high > guess / _FAR:
        x = high / stride
        try:
            values[x] = curve(x)
        except FitFailed as error:
            raise NoCrossing(last=0.0, first=high, beyond=f"at {x:.3g}: {error}") from error
        if values[x] > 0.0:
            return x, high
        high, stride = x, min(2.0 * stride, _STRIDE)
    raise NoCrossing(last=0.0, first=high)


def _refined(
    curve: Callable[[float], float], values: dict[float, float], low: float, high: float, relative_tolerance: float
) -> float:
    """The root within a bracket, which closes around it: no point is taken for the root on its looks alone."""
    sizes: list[float] = []
    while high - low > relative_tolerance * high:
        margin = 0.4 * relative_tolerance * high
        x = _inverse(values, low, high)
        if len(sizes) > 2 and sizes[-1] > 0.5 * sizes[-3]:
            x = low + 0.5 * (high - low)
        x = min(max(x, low + margin), high - margin)
        try:
            values[x] = curve(x)
        except FitFailed as error:
            raise NoCrossing(last=low, first=high, beyond=f"at {x:.3g}: {error}") from error
        sizes.append(abs(values[x]))
        low, high = (x, high) if values[x] > 0.0 else (low, x)
    return low if abs(values[low]) < abs(values[high]) else high


def _inverse(values: Mapping[float, float], low: float, high: float) -> float:
    """Where the curve is zero, by the polynomial that gives the argument from the value (Neville's scheme)."""
    near = sorted(values, key=lambda x: abs(values[x]))
    points = [low, high, *(x for x in near if x not in (low, high))][:_POINTS]
    y = [values[x] for x in points]
    if len(set(y)) < len(y) or not all(map(isfinite, y)):
        return low + 0.5 * (high - low)
    x = list(points)
    for level in range(1, len(x)):
        for i in range(len(x) - level):
            x[i] = (y[i + level] * x[i] - y[i] * x[i + 1]) / (y[i + level] - y[i])
    return x[0]


def foreseen(values: Mapping[float, float]) -> tuple[float, float, float]:
    """Where a falling curve seems to cross zero, how sure that is, and its slope there, by inverse interpolation.

    Returns
    -------
    tuple
        the root, by how much it changes with one point less, and the slope; NaN where nothing can be told.
    """
    near = sorted(values, key=lambda x: abs(values[x]))[:_POINTS]
    if len(near) < _POINTS:
        return nan, nan, nan
    slope = (values[near[0]] - values[near[1]]) / (near[0] - near[1])
    x, rougher = (_inverse({n: values[n] for n in near[:k]}, near[0], near[1]) for k in (_POINTS, _POINTS - 1))
    within = max(0.5 * min(near[:2]), 0.0) < x <= 2.0 * max(near[:2])
    return (x, abs(x - rougher), slope) if slope < 0.0 and within else (nan, nan, nan)
