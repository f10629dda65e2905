"""The channels of a RooWorkspace: what multiplies what in the density of each, in the words of HistFactory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isclose
from typing import Any

from hftranslate.formats.root_histograms.container import Damaged
from hftranslate.formats.root_workspace.graph import CLASS, At
from hftranslate.formats.root_workspace.roofit import Binned, RooFit, name_of
from hftranslate.formats.root_workspace.streamed import Object
from hftranslate.workspace import HistoSysCode, NormSysCode

#: Interpolation codes by ROOT's number.
_NORM_CODES: dict[int, NormSysCode] = {0: "code0", 1: "code1", 2: "code2", 4: "code4", 5: "code4"}
_HISTO_CODES: dict[int, HistoSysCode] = {
    0: "code0",
    1: "code1",
    2: "code2",
    4: "code4p",
    5: "code4",
    6: "code6",
}
_FLEXIBLE = "RooStats::HistFactory::FlexibleInterpVar"
#: What HistFactory calls the histogram of a sample, after sample and channel.
_OF_SAMPLE = ("_Hist_alphanominal", "_Hist_alpha", "_nominal")
#: A scale that is one but for rounding is one.
_ROUNDING = 1e-12
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """One parameter of a FlexibleInterpVar: ``place`` is that of what enters, a variable or a function of one."""

    place: At
    lo: float
    hi: float
    code: NormSysCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One parameter of a PiecewiseInterpolation."""

    place: At
    lo: tuple[float, ...]
    hi: tuple[float, ...]
    code: HistoSysCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """A ParamHistFunc: its name, and where its factors lie, in the order of the bins."""

    name: str
    places: tuple[At, ...]


@dataclass(slots=True, kw_only=True)
class Summand:
    """A sample: its yields, and what multiplies them."""

    name: str
    nominal: tuple[float, ...] = ()
    shapes: list[Shape] = field(default_factory=list)
    norms: list[Norm] = field(default_factory=list)
    bins: list[Bins] = field(default_factory=list)
    factors: list[At] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A channel: its samples in order, and what they are functions of."""

    name: str
    observables: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    samples: tuple[Summand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """A pdf taken apart.

    Attributes
    ----------
    channels
        the sum of each channel, by the name of the channel.
    terms
        its other factors.
    category
        the name of the category that tells the channels apart, where there is one.
    """

    channels: dict[str, Object]
    terms: list[Object]
    category: Object | None = None


def density(roofit: RooFit, pdf: Object) -> Density:
    """A pdf taken apart into channels and constraint terms.

    Raises
    ------
    Unsupported
        It has a part that HistFactory makes none of.
    """
    found = Density(channels={}, terms=[])
    category: list[Object] = []
    _take_apart(roofit, pdf, None, found, category, 0)
    if not found.channels:
        roofit.refuse(pdf, "has no channels (RooRealSumPdf)")
    if len(category) > 1:
        roofit.refuse(pdf, "has a RooSimultaneous in another")
    return Density(channels=found.channels, terms=found.terms, category=category[0] if category else None)


def _take_apart(
    roofit: RooFit, pdf: Object, channel: str | None, found: Density, category: list[Object], depth: int
) -> None:
    if depth > _MAX_DEPTH:
        raise Damaged(f"densities lie deeper than {_MAX_DEPTH} in each other")
    if pdf[CLASS] == "RooProdPdf":
        for _, factor in roofit.listed(pdf, "_pdfList"):
            _take_apart(roofit, factor, channel, found, category, depth + 1)
    elif pdf[CLASS] == "RooSimultaneous" and depth > 0:
        roofit.refuse(pdf, "is a factor of a product, which ROOT does not evaluate as channels")
    elif pdf[CLASS] == "RooSimultaneous":
        category.append(roofit.target(pdf, "_indexCat")[1])
        labels = {name_of(proxy): proxy for _, proxy in roofit.listed(pdf, "_pdfProxyList")}
        states = [label for label in roofit.states(category[-1]).values() if label in labels]
        if len(states) != len(labels):
            roofit.refuse(pdf, "has channels that its category does not have")
        for label in states:
            _take_apart(roofit, roofit.target(labels[label], "_arg")[1], label, found, category, depth + 1)
    elif pdf[CLASS] == "RooRealSumPdf":
        name = channel if channel is not None else name_of(pdf).removesuffix("_model")
        if name in found.channels:
            roofit.refuse(pdf, f"is the second one of the channel {name!r}")
        found.channels[name] = pdf
    elif not any(term is pdf for term in found.terms):
        found.terms.append(pdf)


def region(roofit: RooFit, name: str, pdf: Object) -> Region:
    """The samples of a channel.

    Raises
    ------
    Unsupported
        A sample has a factor that HistFactory makes none of.
    """
    functions, coefficients = roofit.listed(pdf, "_funcList"), roofit.listed(pdf, "_coefList")
    if len(functions) != len(coefficients) or not pdf.get("_extended"):
        roofit.refuse(pdf, "is not the extended sum of functions with a coefficient each that HistFactory makes")
    if not functions:
        roofit.refuse(pdf, "has no samples")
    samples: list[Summand] = []
    first: Binned | None = None
    for function, coefficient in zip(functions, coefficients, strict=True):
        sample, binned = _Sample(roofit, name, function[1]).summand([function, coefficient])
        if first is not None and (binned.edges, binned.observables) != (first.edges, first.observables):
            roofit.refuse(function[1], "has other bins than the first sample of its channel")
        first = binned
        if any(sample.name == other.name for other in samples):
            roofit.refuse(function[1], f"is the second sample {sample.name!r} of its channel")
        samples.append(sample)
    assert first is not None
    for axis in first.edges:
        if any(b <= a for a, b in pairwise(axis)):
            roofit.refuse(pdf, "has bin edges that do not increase")
    return Region(name=name, observables=first.observables, edges=first.edges, samples=tuple(samples))


class _Sample:
    """Takes the product of one sample apart."""

    def __init__(self, roofit: RooFit, channel: str, function: Object) -> None:
        self.roofit = roofit
        self.channel = channel
        self.function = function
        own = name_of(function).removeprefix("L_x_")
        if own.startswith(f"model_{channel}_"):  # as ROOT's importer of HS3 calls it
            own = own.removeprefix(f"model_{channel}_").removesuffix("_shapes")
        self.sample = Summand(name=own)
        self.binned: Binned | None = None
        self.scale = 1.0
        self.by_width = 1

    def summand(self, parts: Sequence[tuple[At, Object]]) -> tuple[Summand, Binned]:
        for at, part in parts:
            for place, factor in self._factors(at, part, 0):
                self._factor(place, factor)
        if self.binned is None:
            self.roofit.refuse(self.function, "has no histogram among its factors")
        widths = [width**self.by_width * self.scale for width in self.binned.widths()]
        self.sample.nominal = self._scaled(self.binned.contents, widths)
        for i, shape in enumerate(self.sample.shapes):
            lo, hi = self._scaled(shape.lo, widths), self._scaled(shape.hi, widths)
            self.sample.shapes[i] = Shape(place=shape.place, lo=lo, hi=hi, code=shape.code)
        return self.sample, self.binned

    @staticmethod
    def _scaled(contents: Sequence[float], widths: Sequence[float]) -> tuple[float, ...]:
        pairs = zip(contents, widths, strict=True)
        return tuple(c if isclose(w, 1.0, rel_tol=_ROUNDING) else c * w for c, w in pairs)

    def _factors(self, place: At, one: Object, depth: int) -> Iterator[tuple[At, Object]]:
        """The factors of a product, of products in it too."""
        if one[CLASS] != "RooProduct":
            yield place, one
            return
        if depth > _MAX_DEPTH:
            raise Damaged(f"products lie deeper than {_MAX_DEPTH} in each other")
        if self.roofit.listed(one, "_compCSet"):
            self.roofit.refuse(one, "has a category among its factors")
        for at, factor in self.roofit.listed(one, "_compRSet"):
            yield from self._factors(at, factor, depth + 1)

    def _factor(self, place: At, one: Object) -> None:
        kind = one[CLASS]
        if kind in ("RooHistFunc", "PiecewiseInterpolation"):
            if self.binned is not None:
                self.roofit.refuse(one, f"is the second histogram of the sample {self.sample.name!r}")
            self.binned = self._histogram(place, one)
            self._name(name_of(one))
        elif kind == "ParamHistFunc":
            places = tuple(at for at, _ in self.roofit.listed(one, "_paramSet"))
            self.sample.bins.append(Bins(name=name_of(one), places=places))
        elif kind == _FLEXIBLE:
            self._norms(one)
        elif kind == "RooBinWidthFunction":
            self.by_width += -1 if one.get("_divideByBinWidth") else 1
        elif kind == "RooConstVar" or (kind == "RooRealVar" and self._is_width(one)):
            self.scale *= self.roofit.number(one, "_value")
        else:
            self.sample.factors.append(place)

    def _is_width(self, one: Object) -> bool:
        """Before 6.26 the inverse bin width is a variable that never varies."""
        return name_of(one).startswith("binWidth_") and self.roofit.is_constant(one)

    def _name(self, histogram: str) -> None:
        """The name of the sample, which HistFactory gives its histogram with that of the channel."""
        for suffix in _OF_SAMPLE:
            if histogram.endswith(f"_{self.channel}{suffix}"):
                self.sample.name = histogram.removesuffix(f"_{self.channel}{suffix}") or self.sample.name
                return

    def _histogram(self, place: At, one: Object) -> Binned:
        if one[CLASS] == "RooHistFunc":
            return self.roofit.binned(place)
        binned = self.roofit.binned(self.roofit.target(one, "_nominal")[0])
        sides = [self.roofit.listed(one, member) for member in ("_lowSet", "_highSet", "_paramSet")]
        codes = self.roofit.numbers(one, "_interpCode", len(sides[2]))
        if not len(sides[0]) == len(sides[1]) == len(sides[2]):
            raise Damaged(f"{one[CLASS]} {name_of(one)} has not as many sides as parameters")
        if sides[2] and not one.get("_positiveDefinite"):
            self.roofit.refuse(one, "may be negative (it is not 'positive definite', as HistFactory makes it)")
        for (low, _), (high, _), (at, _), code in zip(*sides, codes, strict=True):
            lo, hi = self.roofit.binned(low), self.roofit.binned(high)
            if not lo.edges == hi.edges == binned.edges:
                self.roofit.refuse(one, "has sides with other bins")
            self.sample.shapes.append(
                Shape(place=at, lo=lo.contents, hi=hi.contents, code=self._code(one, _HISTO_CODES, code))
            )
        return binned

    def _norms(self, one: Object) -> None:
        parameters = self.roofit.listed(one, "_paramList")
        n = len(parameters)
        low, high = self.roofit.numbers(one, "_low", n), self.roofit.numbers(one, "_high", n)
        codes = self.roofit.numbers(one, "_interpCode", n)
        nominal = self.roofit.number(one, "_nominal")
        if nominal == 0.0 or (n and one.get("_interpBoundary", 1.0) != 1.0):
            self.roofit.refuse(one, "interpolates between other points than minus one, zero and one")
        self.scale *= nominal
        for (at, _), lo, hi, code in zip(parameters, low, high, codes, strict=True):
            self.sample.norms.append(
                Norm(place=at, lo=lo / nominal, hi=hi / nominal, code=self._code(one, _NORM_CODES, code))
            )

    def _code(self, one: Object, codes: dict[int, Any], number: Any) -> Any:
        if number not in codes:
            self.roofit.refuse(one, f"has the interpolation code {number}; expected one of {sorted(codes)}")
        return codes[number]
