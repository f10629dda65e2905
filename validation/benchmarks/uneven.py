"""Random small models whose systematics are as large as what they vary: their likelihoods have several minima.

Every model comes from a kind and two numbers, and is the same wherever it is made. A kind is a shape of the
generator: few bins, many channels, data far below or above what is expected, yields that go negative, and so on.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import (
    CONVENTIONS,
    Channel,
    ConstraintTerm,
    Conventions,
    Function,
    HistoSys,
    HistoSysCode,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    NormSysCode,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    TermKind,
    Workspace,
)

Floats = NDArray[np.float64]
Range = tuple[int, int]


_FUNCTIONS = (
    ("xx*yy^2", "xx[1,0,10],yy[1,0.2,3]"),
    ("1+0.7*xx-0.4*xx*xx", "xx[0.5,-3,3]"),
    ("sqrt(xx)*exp(-0.5*yy)", "xx[1,0,20],yy[0,-3,3]"),
    ("max(xx,0.2)", "xx[1,-2,5]"),
)
#: Linear in each parameter.
_PRODUCTS = (
    ("xx*yy", "xx[1,0,10],yy[1,0.2,3]"),
    ("xx*(1-0.5*yy)", "xx[1,0,10],yy[0.3,0,1]"),
    ("1+0.2*xx-0.1*yy", "xx[0,-3,3],yy[0,-3,3]"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What models of a kind have in common.

    Attributes
    ----------
    channels, bins, samples, systematics
        smallest and largest numbers: per model, per channel, per channel, per model.
    effect
        relative sizes of the effects of systematics at one standard deviation.
    one_sided
        probability that a systematic has an effect on one side only, or twice to the same side.
    symmetric
        whether systematics of two sides have the same effect on both, of opposite signs.
    spread
        probability that a systematic affects a sample.
    expected
        events of a sample per bin, smallest and largest.
    scale
        what the drawn observed events are multiplied by.
    data
        ``"toy"`` (drawn at a random parameter point), ``"mean"`` (expected there), ``"nominal"`` (drawn around the
        initial values), ``"empty"`` (nothing, or one event), or ``"any"`` of them.
    negative
        probability that a bin of a sample is below zero.
    functions
        expressions of which one makes a factor, and its dependents; none without.
    terms
        whether systematics have LogNormal and Gamma terms.
    """

    channels: Range = (1, 3)
    bins: Range = (1, 5)
    samples: Range = (2, 4)
    systematics: Range = (1, 5)
    effect: tuple[float, float] = (0.6, 1.2)
    one_sided: float = 0.4
    symmetric: bool = False
    spread: float = 0.7
    expected: tuple[float, float] = (0.2, 500.0)
    scale: tuple[float, float] = (1.0, 1.0)
    data: str = "any"
    negative: float = 0.0
    additive_codes: tuple[HistoSysCode, ...] = ("code4p",)
    factor_codes: tuple[NormSysCode, ...] = ("code4",)
    functions: tuple[tuple[str, str], ...] = ()
    terms: bool = False
    bin_factors: float = 0.3
    normfactors: int = 2


KINDS = {
    "plain": Kind(),
    "one_sided": Kind(one_sided=1.0, bin_factors=0.2),
    "few_bins": Kind(channels=(1, 1), bins=(1, 2), systematics=(2, 7), normfactors=1),
    "many_channels": Kind(channels=(4, 8), bins=(1, 3), samples=(2, 3), systematics=(2, 6), bin_factors=0.05),
    "shared": Kind(channels=(2, 4), spread=1.0, systematics=(1, 3)),
    "clipped": Kind(negative=0.15, effect=(0.8, 2.5)),
    "empty": Kind(expected=(0.1, 10.0), data="empty"),
    "deficit": Kind(scale=(0.05, 0.5)),
    "excess": Kind(scale=(2.0, 8.0)),
    "codes": Kind(additive_codes=("code0", "code2", "code4p"), factor_codes=("code0", "code1", "code2", "code4")),
    "functions": Kind(functions=_FUNCTIONS),
    "extreme": Kind(effect=(0.5, 6.0)),
    "moderate": Kind(effect=(0.1, 0.5)),
    "large_yields": Kind(expected=(30.0, 3000.0), data="toy"),
    "asimov": Kind(data="mean", one_sided=0.6),
    "symmetric": Kind(symmetric=True, one_sided=0.0),
    "terms": Kind(terms=True),
    "products": Kind(functions=_PRODUCTS),
}


@dataclass(slots=True)
class _Plan:
    """What the samples of one model share."""

    kind: Kind
    rng: np.random.Generator
    names: tuple[str, ...]
    normfactors: tuple[str, ...] = ("k0", "k1")
    stat: dict[str, Floats] = field(default_factory=dict)

    def sides(self) -> tuple[float, float]:
        """Relative effects at -1 and +1."""
        low, high = self.kind.effect
        up, down = self.rng.uniform(low, high, 2)
        down = up if self.kind.symmetric else down
        sign = self.rng.choice([-1.0, 1.0])
        if self.rng.random() >= self.kind.one_sided:
            return -sign * down, sign * up
        return ((0.0, sign * up), (sign * down, 0.0), (sign * up, sign * up), (sign * down, sign * up))[
            self.rng.integers(4)
        ]

    def normsys(self, name: str) -> NormSys:
        lo, hi = (max(0.02, 1.0 + s) for s in self.sides())
        return NormSys(name=name, lo=lo, hi=hi, interpolation=self.rng.choice(self.kind.factor_codes))

    def histosys(self, name: str, nominal: Floats) -> HistoSys:
        if self.rng.random() < 0.5:  # all bins alike, or each its own
            sides = np.array([self.sides() for _ in nominal]).T
        else:
            sides = np.array(self.sides())[:, None] * self.rng.uniform(0.3, 1.0, len(nominal))
        if self.kind.negative == 0.0:
            sides = np.maximum(sides, -0.98)
        lo, hi = nominal + sides * np.abs(nominal)
        code = self.rng.choice(self.kind.additive_codes)
        return HistoSys(name=name, lo_data=tuple(lo), hi_data=tuple(hi), interpolation=code)


def _systematics(plan: _Plan, nominal: Floats) -> list[Modifier]:
    found: list[Modifier] = []
    for name in plan.names:
        if plan.rng.random() < plan.kind.spread:
            which = plan.rng.integers(5)
            if which != 0 and which != 1:
                found.append(plan.histosys(name, nominal))
            if which != 3 and which != 4:
                found.append(plan.normsys(name))
    if len({m.interpolation == "code4" or m.interpolation == "code1" for m in found if isinstance(m, NormSys)}) > 1:
        found = [m for m in found if not isinstance(m, NormSys) or m.interpolation in ("code4", "code1")]
    additive = [m for m in found if isinstance(m, NormSys) and m.interpolation in ("code0", "code2")]
    if len(additive) > 1 and any(isinstance(m, HistoSys) for m in found):  # their order would matter
        found = [m for m in found if m not in additive[1:]]
    return found


def _sample(plan: _Plan, channel: int, number: int, n_bins: int, size: float) -> Sample:
    rng, kind = plan.rng, plan.kind
    nominal = size * rng.uniform(0.3, 1.5, n_bins)
    nominal = np.where(rng.random(n_bins) < kind.negative, -0.1 * nominal, nominal)
    modifiers = _systematics(plan, nominal)
    if number == 0:
        modifiers.append(NormFactor(name="mu"))
    elif rng.random() < 0.4:
        modifiers.append(NormFactor(name=str(rng.choice(plan.normfactors))))
    if number and kind.functions and rng.random() < 0.5:
        modifiers.append(NormFactor(name="f"))
    if rng.random() < 0.4:
        modifiers.append(Lumi())
    errors = np.abs(nominal) * rng.choice([0.02, 0.1, 0.5, 1.0], n_bins)
    if rng.random() < kind.bin_factors:
        modifiers.append(StatError(name=f"staterror_c{channel}", data=tuple(errors)))
    elif number and rng.random() < kind.bin_factors:
        modifiers.append(ShapeSys(name=f"shape_{channel}_{number}", data=tuple(errors)))
    return Sample(name=f"s{number}", nominal=tuple(nominal), modifiers=tuple(modifiers))


def _between(rng: np.random.Generator, ends: Range) -> int:
    return int(rng.integers(ends[0], ends[1] + 1))


def workspace(kind: str, seed: int, number: int) -> Workspace:
    """A random model without data, under the conventions of ROOT or of pyhf."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    chosen = KINDS[kind]
    names = tuple(f"sys{i}" for i in range(_between(rng, chosen.systematics)))
    plan = _Plan(kind=chosen, rng=rng, names=names, normfactors=("k0", "k1")[: chosen.normfactors])
    size = np.exp(rng.uniform(*np.log(chosen.expected)))
    channels = []
    for c in range(_between(rng, chosen.channels)):
        n_bins = _between(rng, chosen.bins)
        samples = tuple(
            _sample(plan, c, s, n_bins, size * np.exp(rng.normal(0.0, 1.0)))
            for s in range(_between(rng, chosen.samples))
        )
        channels.append(Channel(name=f"c{c}", samples=samples, observed=(0.0,) * n_bins))
    poi = ParameterConfig(name="mu", inits=(1.0,), bounds=(((0, 10), (-10, 50), (-5, 3), (0, 100))[rng.integers(4)],))
    used = {m.name for c in channels for s in c.samples for m in s.modifiers}
    lumi = ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(0.1,), bounds=((0.5, 1.5),))
    formulas = chosen.functions or _FUNCTIONS
    expression, dependents = formulas[rng.integers(len(formulas))]
    functions = (Function(name="f", expression=expression, dependents=dependents),) if "f" in used else ()
    terms = tuple(_term(rng, name) for name in names if chosen.terms and name in used)
    parameters = (poi, *((lumi,) if "lumi" in used else ()))
    measurement = Measurement(name="m", pois=("mu",), parameters=parameters, constraint_terms=terms)
    conventions = CONVENTIONS[str(rng.choice(["root", "pyhf"]))]
    made = Workspace(
        channels=tuple(channels), measurements=(measurement,), functions=functions, conventions=conventions
    )
    return _with_data(made, chosen, rng)


def _term(rng: np.random.Generator, name: str) -> ConstraintTerm:
    kind: TermKind = ("lognormal", "gamma")[rng.integers(2)]
    return ConstraintTerm(name=name, kind=kind, relative_uncertainty=float(rng.uniform(0.05, 0.6)))


def _with_data(space: Workspace, kind: Kind, rng: np.random.Generator) -> Workspace:
    """The same with observed events."""
    model, _ = compile_model(space)
    p = model.parameters
    how = str(rng.choice(["toy", "mean", "nominal"])) if kind.data == "any" else kind.data
    truth = p.init.copy()
    if how in ("toy", "mean"):
        truth = np.clip(p.init + p.width * rng.normal(0.0, 1.0, len(p)), *p.bounds.T)
        truth[p.poi_index] = np.clip(rng.uniform(0.0, 2.0), *p.bounds[p.poi_index])
    rates = np.clip(model.rates(truth), 0.0, 1e6) * rng.uniform(*kind.scale)
    observed = rates if how == "mean" else rng.poisson(rates).astype(np.float64)
    if how == "empty":
        observed = (rng.random(len(rates)) < 0.2).astype(np.float64)
    channels, first = [], 0
    for c in space.channels:
        channels.append(replace(c, observed=tuple(observed[first : first + c.n_bins])))
        first += c.n_bins
    return replace(space, channels=tuple(channels))


def models(kind: str, seed: int, n: int, most: int = 20) -> list[tuple[str, Workspace, Model, Data]]:
    """The first ``n`` models of a kind that have 2 to ``most`` free parameters, each with a name."""
    found: list[tuple[str, Workspace, Model, Data]] = []
    number = 0
    while len(found) < n:
        space = workspace(kind, seed, number)
        model, data = compile_model(space)
        if 2 <= int(np.sum(~model.parameters.fixed)) <= most:
            found.append((f"{kind}-{seed}-{number}", space, model, data))
        number += 1
    return found


__all__ = ["KINDS", "Conventions", "Kind", "models", "workspace"]
