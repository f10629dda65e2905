"""At which parameter values the yields and the NLL are recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from zlib import crc32

import numpy as np
from evaluation import Parameter

#: With more parameters than this, a seeded selection of the bin factors and systematics is moved one by one.
ONE_BY_ONE = 40
N_RANDOM = 5

_ALPHA_PAIRS = ((-1.7, 0.5), (1.7, -0.5), (1.0, -1.0), (0.5, -1.3))


@dataclass(frozen=True, slots=True)
class Point:
    """A labelled set of parameter values; parameters not named stay at their initial values."""

    label: str
    values: dict[str, float]


def _kind(name: str) -> str:
    if name == "Lumi":
        return "lumi"
    return next((kind for kind in ("alpha", "gamma") if name.startswith(f"{kind}_")), "normfactor")


def _inside(parameter: Parameter, values: Sequence[float]) -> list[float]:
    low = -np.inf if parameter.low is None else parameter.low
    high = np.inf if parameter.high is None else parameter.high
    return [round(v, 6) for v in values if low <= round(v, 6) <= high and round(v, 6) != parameter.init]


def _width(parameter: Parameter) -> float:
    """The uncertainty of a bin factor, which ROOT's range [0, 1 + 5 sigma] tells; 0.2 for a free one."""
    return (parameter.high - 1.0) / 5.0 if parameter.high is not None and parameter.high < 10.0 else 0.2


def parameter_points(case: str, parameters: Sequence[Parameter], lumi_error: float) -> Iterator[Point]:
    """Nominal, each parameter alone at two values, then random points seeded by the name of the case."""
    random = np.random.default_rng(crc32(case.encode()))
    free = [p for p in parameters if not p.fixed]
    yield Point("nominal", {})
    moved = free
    if len(free) > ONE_BY_ONE:
        constrained = [p for p in free if _kind(p.name) in ("alpha", "gamma")]
        chosen = random.choice(len(constrained), size=ONE_BY_ONE - 10, replace=False)
        kept = {constrained[i].name for i in chosen} | {"alpha_lumi"}
        moved = [p for p in free if p.name in kept or _kind(p.name) not in ("alpha", "gamma")]
    pairs = cycle(_ALPHA_PAIRS)
    for parameter in moved:
        match _kind(parameter.name):
            case "alpha":
                values: Sequence[float] = [parameter.init + shift for shift in next(pairs)]
            case "gamma":
                high = 1.2 if parameter.high is None else min(1.2, 0.2 + 0.8 * parameter.high)
                values = (0.7, high)
            case "lumi":
                values = [parameter.init * (1.0 + shift * lumi_error) for shift in (-1.5, 0.8)]
            case _:
                values = (0.0, 0.5, 2.0)
        for value in _inside(parameter, values):
            yield Point(f"{parameter.name} = {value:g}", {parameter.name: value})
    for number in range(N_RANDOM):
        drawn = {p.name: _draw(p, lumi_error, random) for p in free}
        yield Point(f"random {number}", {name: value for name, value in drawn.items() if value is not None})


def _draw(parameter: Parameter, lumi_error: float, random: np.random.Generator) -> float | None:
    normal = float(np.clip(random.normal(), -2.5, 2.5))
    match _kind(parameter.name):
        case "alpha":
            value = parameter.init + 0.8 * normal
        case "gamma":
            value = 1.0 + 0.7 * _width(parameter) * normal
        case "lumi":
            value = parameter.init * (1.0 + lumi_error * normal)
        case _:
            value = float(random.uniform(0.4, 1.7))
    return next(iter(_inside(parameter, [round(value, 4)])), None)
