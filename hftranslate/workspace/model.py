"""The canonical description of a HistFactory model: what every file format is read into and written from.

It is the union of what the formats can say. Meaning is explicit and does not depend on where a Workspace came from:
constraint kinds, thresholds and interpolation codes stand on the modifiers, and the two places in which ROOT and pyhf
evaluate the same words differently are named by :class:`Conventions`. ``None`` stands only where a format leaves a
thing open. A Workspace holds no computation and no cache; an invalid one cannot exist.

The model (CERN-OPEN-2012-016): in each bin the expected yield is the sum over samples of

    (nominal + additive shifts of HistoSys) * product of the factors of all other modifiers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from hftranslate.display.speaking import Speaking, Table, named
from hftranslate.errors import InputError, InvalidWorkspace, MissingInput, did_you_mean
from hftranslate.workspace.arrays import Number as Number
from hftranslate.workspace.arrays import Numbers as Numbers
from hftranslate.workspace.arrays import are_taken, is_number, take_numbers
from hftranslate.workspace.caching import Same

if TYPE_CHECKING:
    from hist import Hist

#: Free-form facts without a meaning for the likelihood (an output prefix, a bin range, ...), kept for the way back.
Annotations: TypeAlias = tuple[tuple[str, str], ...]
#: Interpolation codes; :mod:`hftranslate.likelihood.interpolation` says what they are.
HistoSysCode = Literal["code0", "code1", "code2", "code4", "code4p", "code6"]
NormSysCode = Literal["code0", "code1", "code2", "code4"]
BinConstraint = Literal["gaussian", "poisson"]
TermKind = Literal["gamma", "lognormal", "uniform", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """How the words of a model are evaluated, where ROOT and pyhf differ.

    Attributes
    ----------
    name
        ``"root"``, ``"pyhf"`` or a description of a mixture.
    clip_samples
        a sample with HistoSys has its bins clipped at zero after the additive shifts (ROOT).
    truncate_constraints
        Gaussian constraints are normalised over the finite range of their global observable
        (ROOT: ten units around a nuisance parameter, [0, L + 10 sigma] for the luminosity, [0, 10] for a bin factor).
    root_ranges
        a parameter whose range is left open gets ROOT's range rather than pyhf's.
    constrain_empty
        a bin factor of zero width keeps a unit constraint term, a constant of the NLL (pyhf).
    """

    name: str
    clip_samples: bool
    truncate_constraints: bool
    root_ranges: bool
    constrain_empty: bool


ROOT = Conventions(name="root", clip_samples=True, truncate_constraints=True, root_ranges=True, constrain_empty=False)
PYHF = Conventions(name="pyhf", clip_samples=False, truncate_constraints=False, root_ranges=False, constrain_empty=True)
CONVENTIONS = {"root": ROOT, "pyhf": PYHF}


def _keep(owner: object, **fields: object) -> None:
    """Set fields of a frozen value, in its ``__post_init__``, to what was made of them."""
    for name, value in fields.items():
        if value is not getattr(owner, name):
            object.__setattr__(owner, name, value)


def _take(owner: object, what: str, *fields: str) -> None:
    """Make tuples of finite numbers of fields of a frozen value; ``what`` gets the owner and the name of the field."""
    for field_ in fields:
        values = getattr(owner, field_)
        if not are_taken(values):
            object.__setattr__(owner, field_, take_numbers(values, what.format(owner, field_)))


def _check_length(values: Sequence[Number], n: int, what: str) -> None:
    if len(values) != n:
        raise InvalidWorkspace(f"{what} has {len(values)} entries, expected {n} (one per bin)")


def _check_unique(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidWorkspace(f"{what} {name!r} appears more than once; names must be unique")
        seen.add(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lumi:
    """The luminosity: a factor shared by all samples that carry it, constrained by the measurement."""

    name: str = "lumi"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormFactor:
    """A free scale factor, raised to a power (ROOT multiplies by a factor as often as it stands on the sample).

    ``stem``, here and below: what ROOT's name of the parameter is made of, where that is not ``name``. Parameters of
    several kinds may have one name in XML, which ROOT tells apart by prefixes; here they need different ones.
    """

    name: str
    power: int = 1
    stem: str = ""

    def __post_init__(self) -> None:
        if self.power < 1:
            raise InvalidWorkspace(f"normfactor {self.name!r}: a power of {self.power}; it must be at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormSys:
    """A constrained scale factor: ``lo`` and ``hi`` at -1 and +1 sigma (ROOT: OverallSys)."""

    name: str
    lo: Number
    hi: Number
    interpolation: NormSysCode = "code4"
    stem: str = ""

    def __post_init__(self) -> None:
        if not are_taken((self.lo, self.hi)):
            lo, hi = take_numbers((self.lo, self.hi), f"normsys {self.name!r}")
            _keep(self, lo=lo, hi=hi)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoSys:
    """A constrained shape: the sample's yields at -1 and +1 sigma, ``(n_bins,)`` each."""

    name: str
    lo_data: Numbers
    hi_data: Numbers
    interpolation: HistoSysCode = "code4p"
    stem: str = ""

    def __post_init__(self) -> None:
        _take(self, "histosys {0.name!r}, {1}", "lo_data", "hi_data")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinUncertainty:
    """Uncertainties of bins and the kind of constraint they make."""

    data: Numbers
    constraint: BinConstraint

    def __post_init__(self) -> None:
        _take(self, "uncertainties of bins", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeSys:
    """Independent constrained factors per bin of one sample.

    ``data`` are the uncertainties in events, or, with ``relative``, as fractions of the nominal yield. An absolute
    uncertainty on an empty bin means nothing (the factor is fixed); a relative one keeps its constraint. ``further``
    are more uncertainties of the same factors, where XML repeats the element (the sample is multiplied once).
    """

    name: str
    data: Numbers
    relative: bool = False
    constraint: BinConstraint = "poisson"
    stem: str = ""
    further: tuple[BinUncertainty, ...] = ()

    def __post_init__(self) -> None:
        _take(self, "shapesys {0.name!r}", "data")
        _keep(self, further=tuple(self.further))

    @property
    def uncertainties(self) -> tuple[BinUncertainty, ...]:
        """All uncertainties of the factors, in order."""
        return BinUncertainty(data=self.data, constraint=self.constraint), *self.further


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeFactor:
    """Free factors per bin."""

    name: str
    stem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatError:
    """Statistical uncertainty of the simulation: factors per bin shared by all samples with this name in a channel.

    ``data`` are absolute uncertainties in events. Factors with a relative uncertainty below ``threshold`` are fixed.
    """

    name: str
    data: Numbers
    constraint: BinConstraint = "gaussian"
    threshold: float = 0.0

    def __post_init__(self) -> None:
        _take(self, "staterror {0.name!r}", "data")


Modifier: TypeAlias = Lumi | NormFactor | NormSys | HistoSys | ShapeSys | ShapeFactor | StatError

#: The word of each modifier in messages and in pyhf JSON.
MODIFIER_TYPES: dict[type[Modifier], str] = {
    HistoSys: "histosys",
    Lumi: "lumi",
    NormFactor: "normfactor",
    NormSys: "normsys",
    ShapeFactor: "shapefactor",
    ShapeSys: "shapesys",
    StatError: "staterror",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One process in one channel: its nominal yields ``(n_bins,)`` in events and what modifies them."""

    name: str
    nominal: Numbers
    modifiers: tuple[Modifier, ...] = ()
    annotations: Annotations = ()

    def __post_init__(self) -> None:
        _take(self, "sample {0.name!r}, {1} yields", "nominal")
        _keep(self, modifiers=tuple(self.modifiers))
        n = len(self.nominal)
        if n == 0:
            raise InvalidWorkspace(f"sample {self.name!r} has no bins")
        seen: set[tuple[type[Modifier], str]] = set()
        for m in self.modifiers:
            key = (type(m), m.name)
            if key in seen:
                raise InvalidWorkspace(f"{self._label(m)} appears more than once on the same sample")
            seen.add(key)
            if isinstance(m, HistoSys):
                if len(m.lo_data) != n or len(m.hi_data) != n:
                    _check_length(m.lo_data, n, f"{self._label(m)}: lo_data")
                    _check_length(m.hi_data, n, f"{self._label(m)}: hi_data")
            elif isinstance(m, (ShapeSys, StatError)):
                if len(m.data) != n:
                    _check_length(m.data, n, f"{self._label(m)}: data")
                if isinstance(m, ShapeSys) and m.further:
                    for uncertainty in m.further:
                        _check_length(uncertainty.data, n, f"{self._label(m)}: further data")

    def _label(self, m: Modifier) -> str:
        return f"sample {self.name!r}: {MODIFIER_TYPES[type(m)]} {m.name!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A region: samples with common bins, and the observed events.

    Attributes
    ----------
    observed
        events per bin, ``None`` where the input has no data.
    edges
        bin edges per axis, x first; several axes are flattened with x running fastest. ``None`` where the
        format does not state them.
    """

    name: str
    samples: tuple[Sample, ...]
    observed: Numbers | None = None
    edges: tuple[Numbers, ...] | None = None
    annotations: Annotations = ()

    def __post_init__(self) -> None:
        _keep(self, samples=tuple(self.samples))
        if not self.samples:
            raise InvalidWorkspace(f"channel {self.name!r} has no samples")
        _check_unique((s.name for s in self.samples), f"channel {self.name!r}: sample")
        first = self.samples[0]
        for s in self.samples[1:]:
            if len(s.nominal) != len(first.nominal):
                raise InvalidWorkspace(
                    f"channel {self.name!r}: sample {s.name!r} has {len(s.nominal)} bins "
                    f"but sample {first.name!r} has {len(first.nominal)}"
                )
        if self.observed is not None:
            _take(self, "channel {0.name!r}, {1}", "observed")
            _check_length(self.observed, self.n_bins, f"channel {self.name!r}: observed data")
        if self.edges is not None:
            axes = (self.edges,) if len(self.edges) and is_number(self.edges[0]) else self.edges
            edges = tuple(take_numbers(axis, f"channel {self.name!r}, bin edges") for axis in axes)
            _keep(self, edges=edges)
            n = 1
            for axis in edges:
                if len(axis) < 2 or any(b <= a for a, b in pairwise(axis)):
                    raise InvalidWorkspace(f"channel {self.name!r}: bin edges must increase")
                n *= len(axis) - 1
            if n != self.n_bins:
                raise InvalidWorkspace(f"channel {self.name!r}: edges describe {n} bins, samples have {self.n_bins}")

    @property
    def n_bins(self) -> int:
        """Number of bins, all axes together."""
        return len(self.samples[0].nominal)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterConfig:
    """What a measurement says about one parameter set; ``None`` leaves a thing open.

    ``name`` is the pyhf name of the set; a set of bin factors takes one entry per bin. ``auxdata`` are the centres of
    the constraint (its global observables), ``sigmas`` its widths, ``factors`` the scale of a Poisson constraint.
    ``nominal`` is the luminosity that ROOT makes ranges from, where the centre of its constraint lies elsewhere.
    """

    name: str
    inits: Numbers | None = None
    bounds: tuple[tuple[Number, Number], ...] | None = None
    fixed: bool | tuple[bool, ...] | None = None
    auxdata: Numbers | None = None
    sigmas: Numbers | None = None
    factors: Numbers | None = None
    nominal: Number | None = None

    def __post_init__(self) -> None:
        stated = (what for what in ("inits", "auxdata", "sigmas", "factors") if getattr(self, what) is not None)
        _take(self, "parameter {0.name!r}, {1}", *stated)
        for pair in self.bounds or ():
            if len(pair) != 2:
                raise InvalidWorkspace(f"parameter {self.name!r}: bounds {list(pair)} must be [low, high]")
            take_numbers(pair, f"parameter {self.name!r}, bounds")
            if pair[0] > pair[1]:
                raise InvalidWorkspace(f"parameter {self.name!r}: lower bound {pair[0]} above upper bound {pair[1]}")

    @property
    def root_nominal(self) -> Number | None:
        """The luminosity that ROOT makes ranges from."""
        return self.nominal if self.nominal is not None else self.auxdata[0] if self.auxdata else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintTerm:
    """Another constraint than the unit Gaussian for a systematic (ROOT: ConstraintTerm)."""

    name: str
    kind: TermKind
    relative_uncertainty: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Parameters of interest and parameter settings. ``pois`` may name parameters that no modifier uses."""

    name: str
    pois: tuple[str, ...] = ()
    parameters: tuple[ParameterConfig, ...] = ()
    constraint_terms: tuple[ConstraintTerm, ...] = ()
    annotations: Annotations = ()

    def __post_init__(self) -> None:
        _keep(self, pois=named(self.pois))
        _check_unique((p.name for p in self.parameters), f"measurement {self.name!r}: settings of parameter")
        _check_unique((t.name for t in self.constraint_terms), f"measurement {self.name!r}: constraint term")

    def parameter(self, name: str) -> ParameterConfig:
        """The settings of a parameter set; empty ones where the measurement says nothing."""
        return _parameters_by_name(Same(self.parameters)).get(name) or ParameterConfig(name=name)


@lru_cache(maxsize=32)  # every parameter is asked for, of models with any number of them
def _parameters_by_name(key: Same[tuple[ParameterConfig, ...]]) -> dict[str, ParameterConfig]:
    return {p.name: p for p in key.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A derived parameter (ROOT: Function): ``name = expression(dependents)``, as written in the XML."""

    name: str
    expression: str
    dependents: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Workspace(Speaking):
    """A complete model: channels with their data, and the measurements defined on them."""

    channels: tuple[Channel, ...]
    measurements: tuple[Measurement, ...]
    functions: tuple[Function, ...] = ()
    conventions: Conventions = field(default=PYHF)
    annotations: Annotations = ()

    def __post_init__(self) -> None:
        _keep(self, channels=tuple(self.channels), measurements=tuple(self.measurements))
        if not self.channels:
            raise InvalidWorkspace("a workspace needs at least one channel")
        if not self.measurements:
            raise InvalidWorkspace("a workspace needs at least one measurement")
        _check_unique((c.name for c in self.channels), "channel")
        _check_unique((m.name for m in self.measurements), "measurement")
        _check_unique((f.name for f in self.functions), "function")

    def headline(self) -> str:
        """What it is in a line."""
        from hftranslate.workspace.tables import headline_of

        return headline_of(self)

    def tables(self) -> tuple[Table, ...]:
        """Channels with their samples and events, and parameters with the modifiers that they belong to."""
        from hftranslate.workspace.tables import tables_of

        return tables_of(self)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values by the names of attributes; modifiers have their ``type``, ``None`` is no end.

        This is more than files can say: pyhf's document comes from :func:`hftranslate.translation.to_pyhf_json`.
        """
        from hftranslate.workspace.tables import plain_of

        found: dict[str, Any] = plain_of(self)
        return found

    def channel(self, name: str) -> Channel:
        """The channel of that name.

        Raises
        ------
        MissingInput
            there is none; the message names the nearest one.
        """
        for c in self.channels:
            if c.name == name:
                return c
        raise MissingInput(f"no channel {name!r}" + did_you_mean(name, (c.name for c in self.channels)))

    def to_hist(self, channel: str) -> "Hist[Any]":
        """The nominal yields of a channel as a histogram with a sample axis and the channel's axes.

        The variances are the squares of the staterror uncertainties, zero for samples without.

        Raises
        ------
        MissingInput
            There is no such channel.
        """
        from hftranslate.workspace.to_hist import stacked

        c = self.channel(channel)
        errors = [next((m.data for m in s.modifiers if isinstance(m, StatError)), (0.0,) * c.n_bins) for s in c.samples]
        variances = [[float(e) * float(e) for e in of_sample] for of_sample in errors]
        return stacked(c.name, [s.name for s in c.samples], c.edges, [s.nominal for s in c.samples], variances)

    def with_edges_of(self, other: "Workspace") -> "Workspace":
        """With the bin edges of another workspace, where a channel has none and its namesake as many bins."""
        known = {(c.name, c.n_bins): c.edges for c in other.channels}
        return replace(
            self, channels=tuple(replace(c, edges=c.edges or known.get((c.name, c.n_bins))) for c in self.channels)
        )

    def measurement(self, name: str | None = None) -> Measurement:
        """The measurement of that name, or the first one.

        Raises
        ------
        MissingInput
            there is none; the message names the nearest one.
        """
        if name is None:
            return self.measurements[0]
        for m in self.measurements:
            if m.name == name:
                return m
        raise MissingInput(f"no measurement {name!r}" + did_you_mean(name, (m.name for m in self.measurements)))


def check_workspaces(*values: object) -> None:
    """Refuse what is no workspace.

    Raises
    ------
    InputError
        It says what was given instead.
    """
    for value in values:
        if not isinstance(value, Workspace):
            given = type(value).__name__
            raise InputError(f"expected a Workspace, not {given}; hftranslate.read(FILE) gives that of a file")
