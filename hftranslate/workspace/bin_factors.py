"""Bin factors as ROOT settles them where several modifiers share them.

ROOT builds the channels one by one. Within a channel it goes through the samples in their order, and through the
modifiers of a sample as staterror, shapefactors, shapesys:

* the first modifier of a type gives all factors its range: [0, 1000] a shapefactor, [0, 10] the others;
* each shapesys makes a factor constant where its uncertainty is zero, for good, and elsewhere sets its range to
  [0, 1 + 5 uncertainty] and constrains it, unless it is constrained already;
* the staterror does so last, with the combined uncertainty of its samples; below its threshold a factor is constant.

Then the channels are put together in alphabetical order: range and constancy of a factor come from the first that has
it, its constraint from the first that constrains it; but the centre of a Poisson constraint from the first one as the
model lists the channels.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import hypot
from typing import TypeAlias

from hftranslate.errors import InvalidWorkspace
from hftranslate.records import record
from hftranslate.workspace import BinConstraint, Number, Sample, ShapeFactor, ShapeSys, StatError
from hftranslate.workspace.caching import Same
from hftranslate.workspace.parameter_names import DeclaredParameter, Use

Range: TypeAlias = tuple[float, float]

#: ROOT's range of free bin factors, and of others that have no uncertainty.
ROOT_SHAPEFACTOR_RANGE: Range = (0.0, 1000.0)
UNCERTAIN_RANGE: Range = (0.0, 10.0)
#: In what order ROOT takes the modifiers of a sample.
_ORDER = {StatError: 0, ShapeFactor: 1, ShapeSys: 2}
#: Poisson constraints weaker than this (relative uncertainties of 1e145) or as much stronger are cut off there.
_SMALLEST_SCALE = 1e-290


@record
class BinFactor:
    """One bin factor.

    Attributes
    ----------
    kind, width
        of its constraint, relative to the yield; ``None`` and zero where there is none.
    scale, centre
        of a Poisson constraint: ``1 / width^2``, and the auxiliary count; of a Gaussian one the centre is one.
    range
        ROOT's.
    constant
        its uncertainty is zero, or below a threshold.
    """

    kind: BinConstraint | None = None
    width: float = 0.0
    scale: float = 1.0
    centre: float = 1.0
    range: Range = UNCERTAIN_RANGE
    constant: bool = False


def bin_factors(declared: DeclaredParameter) -> tuple[BinFactor, ...]:
    """The factors of a set as its modifiers make them.

    Raises
    ------
    InvalidWorkspace
        Modifiers that contradict each other in a way that has no meaning, in ROOT either.
    """
    return _bin_factors(Same(declared))


@lru_cache(maxsize=128)  # every step of a translation asks, several times
def _bin_factors(key: Same[DeclaredParameter]) -> tuple[BinFactor, ...]:
    declared = key.value
    by_channel: dict[str, list[Use]] = {name: [] for name in sorted(declared.listed)}
    for use in declared.uses:
        by_channel[use[0].name].append(use)
    made = {channel: _of_channel(declared.name, uses) for channel, uses in by_channel.items()}
    if len(declared.bin_channels) > 1:  # a staterror whose channels are strung together
        return tuple(factor for channel in declared.bin_channels for factor in made[channel])
    if len(made) == 1:
        return tuple(*made.values())
    listed = [made[channel] for channel in declared.listed]
    return tuple(
        _over_channels(
            declared.root_names[i], [of_channel[i] for of_channel in made.values()], [of[i] for of in listed]
        )
        for i in range(declared.size)
    )


def bin_widths(declared: DeclaredParameter) -> tuple[BinConstraint | None, list[float]]:
    """Constraint kind and relative uncertainty of each bin factor; zero where the factor has none.

    Where the bins have constraints of both kinds, the kind is Gaussian.
    """
    kinds = {m.constraint for _, _, m in declared.uses if isinstance(m, ShapeSys | StatError)}
    if not kinds:
        return None, [0.0] * declared.size
    factors = bin_factors(declared)
    made = {f.kind for f in factors if f.kind is not None} or kinds
    return "poisson" if made == {"poisson"} else "gaussian", [f.width for f in factors]


def _of_channel(name: str, uses: Sequence[Use]) -> list[BinFactor]:
    channel = uses[0][0]
    bins = [BinFactor()] * channel.n_bins
    samples = {s.name: i for i, s in enumerate(channel.samples)}
    begun: set[type] = set()
    for _, sample, m in sorted(uses, key=lambda use: (samples[use[1].name], _ORDER[type(use[2])])):
        if type(m) not in begun:
            begun.add(type(m))
            range_ = ROOT_SHAPEFACTOR_RANGE if isinstance(m, ShapeFactor) else UNCERTAIN_RANGE
            bins = [replace(b, range=range_) for b in bins]
        if isinstance(m, ShapeSys):
            nominal = (1.0,) * channel.n_bins if m.relative else sample.nominal
            for u in m.uncertainties:
                widths = [_width(d, h) for d, h in zip(u.data, nominal, strict=True)]
                bins = [_with_uncertainty(b, u.constraint, *width) for b, width in zip(bins, widths, strict=True)]
    staterrors = [(s, m) for _, s, m in uses if isinstance(m, StatError)]
    if not staterrors:
        return bins
    settings = {(m.constraint, m.threshold) for _, m in staterrors}
    if len(settings) > 1:
        raise InvalidWorkspace(f"staterror {name!r} has conflicting constraint types or thresholds: {settings}")
    ((kind, threshold),) = settings
    combined = _combined_widths(staterrors, channel.n_bins)
    return [_with_uncertainty(b, kind, w, _scale(1.0, w), threshold) for b, w in zip(bins, combined, strict=True)]


def _with_uncertainty(
    factor: BinFactor, kind: BinConstraint, width: float, scale: float, threshold: float = 0.0
) -> BinFactor:
    """What one more uncertainty of the factor does to it."""
    if width <= 0.0:
        return replace(factor, constant=True)
    if factor.kind is None:
        factor = replace(factor, kind=kind, width=width, scale=scale, centre=scale if kind == "poisson" else 1.0)
    return replace(factor, range=(0.0, 1.0 + 5.0 * width), constant=factor.constant or width < threshold)


def _over_channels(name: str, alphabetical: Sequence[BinFactor], listed: Sequence[BinFactor]) -> BinFactor:
    """One factor of several channels."""
    variable = alphabetical[0]
    term = next((f for f in alphabetical if f.kind is not None), variable)
    centre = next((f for f in listed if f.kind is not None), variable)
    if centre.kind != term.kind:
        raise InvalidWorkspace(
            f"{name!r} has a {term.kind} constraint in one channel and a {centre.kind} one in another, of which ROOT "
            "mixes the one's width with the other's centre; give both the same type, or list the channels in "
            "alphabetical order"
        )
    return replace(term, centre=centre.centre, range=variable.range, constant=variable.constant)


def _combined_widths(staterrors: Sequence[tuple[Sample, StatError]], n_bins: int) -> list[float]:
    """``sqrt(sum e^2) / sum h`` over the samples that carry a staterror, zero where ``sum h <= 0``."""
    total, error = [0.0] * n_bins, [0.0] * n_bins
    for sample, m in staterrors:
        for i, (h, e) in enumerate(zip(sample.nominal, m.data, strict=True)):
            total[i] += h
            error[i] = hypot(error[i], e)
    return [e / t if t > 0.0 else 0.0 for t, e in zip(total, error, strict=True)]


def _width(uncertainty: Number, nominal: Number) -> tuple[float, float]:
    """Relative uncertainty of a bin, and the scale of its Poisson constraint."""
    if uncertainty <= 0 or nominal <= 0:
        return 0.0, 1.0
    return uncertainty / nominal, _scale(nominal, uncertainty)


def _scale(nominal: Number, uncertainty: Number) -> float:
    """``(nominal / uncertainty)^2``, kept within what double precision can hold; exact for integers, as in pyhf."""
    if uncertainty <= 0.0:
        return 1.0
    try:
        scale = float(nominal**2 / uncertainty**2)
    except (OverflowError, ZeroDivisionError):
        ratio = nominal / uncertainty
        scale = ratio * ratio
    return min(max(scale, _SMALLEST_SCALE), 1.0 / _SMALLEST_SCALE)
