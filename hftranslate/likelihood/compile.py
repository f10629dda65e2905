"""Workspace and measurement in, Model and Data out: the only code that knows both."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from math import isfinite, log1p, sqrt
from typing import TYPE_CHECKING, TypeVar, assert_never

import numpy as np

from hftranslate.errors import InputError, InvalidWorkspace, MissingInput, Unsupported
from hftranslate.likelihood.cells import Additive, Cells, Integers, Multiplicative
from hftranslate.likelihood.codes import LINEAR
from hftranslate.likelihood.constraints import Constraints, Floats
from hftranslate.likelihood.derived import Derived, Terms, turns
from hftranslate.likelihood.interpolation import CURVES, code4_coefficients, polynomial_table, safe_log
from hftranslate.likelihood.model import Data, Model, Parameters
from hftranslate.likelihood.pattern import find_pattern
from hftranslate.likelihood.sizes import check_size
from hftranslate.likelihood.storage import store
from hftranslate.likelihood.templates import KnownTemplates, Templates, make_templates
from hftranslate.workspace import (
    Channel,
    ConstraintTerm,
    Conventions,
    Lumi,
    Measurement,
    NormFactor,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.functions import used_functions
from hftranslate.workspace.model import check_workspaces
from hftranslate.workspace.parameter_names import DeclaredParameter, declare_parameters, declared_parameters
from hftranslate.workspace.parameters import ParameterSet, beta_name, parameter_sets

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


#: Codes that are evaluated, and which of them the codes of modifiers are.
_CODES = (*sorted(CURVES), "code1", "code4")
_CODE_NUMBERS = {code: _CODES.index(LINEAR.get(code, code)) for code in (*_CODES, *LINEAR)}
#: Factors of one sample; published models have less than a hundred.
MAX_FACTORS = 500


def compile_model(
    workspace: Workspace,
    measurement: str | None = None,
    conventions: Conventions | None = None,
    *,
    known: KnownTemplates | None = None,
) -> tuple[Model, Data]:
    """The likelihood of one measurement and its observed data.

    Parameters
    ----------
    workspace
        the model description.
    measurement
        name of the measurement; the first one by default.
    conventions
        how to evaluate what ROOT and pyhf evaluate differently; the workspace's own by default.
    known
        templates of samples that another workspace shares
        (:func:`hftranslate.likelihood.templates.known_templates`); they are not made again.

    Returns
    -------
    Model, Data
        flat arrays that evaluate, and the observed events with the auxiliary data.

    Raises
    ------
    MissingInput
        There is no such measurement, or a channel has no observed data.
    InvalidWorkspace
        Settings that fit no parameter, or a luminosity that is not configured.
    InputError
        The workspace or the conventions are something else.
    Unsupported
        A construct without an evaluation (named in the message).
    """
    check_workspaces(workspace)
    chosen = workspace.measurement(measurement)
    rules = workspace.conventions if conventions is None else conventions
    if not isinstance(rules, Conventions):
        raise InputError(f"conventions are hftranslate.ROOT or hftranslate.PYHF, not {rules!r}")
    names = {key: templates.names for key, templates in known.items()} if known else {}
    declared = declare_parameters(workspace.channels, names) if names else declared_parameters(workspace.channels)
    sets = parameter_sets(workspace, chosen, rules, declared)
    offsets, start = {}, 0
    for name, parameter_set in sets.items():
        offsets[name] = start
        start += len(parameter_set.names)
    derived, functions, systematics = _derived(workspace, chosen, sets, offsets)
    builder = _Builder(
        n_parameters=start + len(derived.names),
        offsets=offsets | functions,
        systematics=systematics,
        bin_offsets=_staterror_offsets(workspace, declared),
        removed={t.name for t in chosen.constraint_terms if t.kind == "none"},
        known=known or {},
    )
    for channel in workspace.channels:
        builder.add_channel(channel)
    constraints, auxdata = _constraints(list(sets.values()), rules)
    model = Model(
        parameters=_parameters(list(sets.values()), chosen),
        channels=tuple((c.name, c.n_bins) for c in workspace.channels),
        samples=tuple(tuple(s.name for s in c.samples) for c in workspace.channels),
        edges=tuple(c.edges for c in workspace.channels),
        conventions=rules,
        cells=builder.cells(clip=rules.clip_samples),
        derived=derived,
        constraints=constraints,
        n_aux=len(auxdata),
    )
    return model, model.data(_observed(workspace), auxdata)


def compile_constraints(workspace: Workspace, measurement: str | None = None) -> Constraints:
    """The constraint terms of :func:`compile_model` alone, for who has the rest; arguments and errors are the same."""
    sets = parameter_sets(workspace, workspace.measurement(measurement), workspace.conventions)
    return _constraints(list(sets.values()), workspace.conventions)[0]


def _derived(
    workspace: Workspace, measurement: Measurement, sets: Mapping[str, ParameterSet], offsets: Mapping[str, int]
) -> tuple[Derived, dict[str, int], dict[str, int]]:
    """Derived parameters, and where norm factors and NormSys find them in the vector that the cells see.

    ``offsets`` are the places of parameter sets in it.
    """
    roots = [root for s in sets.values() for root in s.root_names]  # two parameters may have the same ROOT name
    places = {root: i for i, root in enumerate(roots)}
    functions = used_functions(workspace)
    expressions = tuple(functions.values())
    parameters = tuple(np.array([places[n] for n in e.names], dtype=np.int64) for e in expressions)
    moved = {t: beta_name(t.name) if t.kind == "gamma" else t.name for t in measurement.constraint_terms}
    acting = {t.name: t for t, name in moved.items() if t.kind in ("gamma", "lognormal") and name in sets}
    terms = list(acting.values())
    starts = np.array([x for s in sets.values() for x in s.inits])
    ranges = np.array([b for s in sets.values() for b in s.bounds]).reshape(-1, 2)
    derived = Derived(
        n_parameters=len(roots),
        names=(*functions, *(t.name for t in terms)),
        expressions=expressions,
        parameters=parameters,
        terms=Terms(
            parameter=np.array([offsets[moved[t]] for t in terms], dtype=np.int64),
            uncertainty=np.array([t.relative_uncertainty for t in terms]),
            growth=np.array([_growth(measurement.name, t) for t in terms]),
        ),
        curved=any(turns(e, starts[p], ranges[p]) for e, p in zip(expressions, parameters, strict=True)),
    )
    first = len(roots)
    of_functions = {name: first + i for i, name in enumerate(functions)}
    return derived, of_functions, {t.name: first + len(functions) + i for i, t in enumerate(terms)}


def _growth(measurement: str, term: ConstraintTerm) -> float:
    """``ln(1 + r)`` of a lognormal term, zero for a gamma term."""
    if term.kind == "gamma":
        return 0.0
    r = term.relative_uncertainty
    if not r > -1.0 or r == 0.0:
        raise InvalidWorkspace(
            f"measurement {measurement!r}: the lognormal constraint of {term.name!r} has a relative uncertainty"
            f" of {r:g}"
        )
    return log1p(r)


def _observed(workspace: Workspace) -> Floats:
    observed: list[float] = []
    for channel in workspace.channels:
        if channel.observed is None:
            raise MissingInput(
                f"channel {channel.name!r} has no observed data (--asimov-if-missing takes what is expected in XML)"
            )
        observed += channel.observed
    numbers = np.array(observed, dtype=np.float64)
    check_size("the observed data", numbers)
    return numbers


def _staterror_offsets(workspace: Workspace, sets: Mapping[str, DeclaredParameter]) -> dict[tuple[str, str], int]:
    """Where the bins of a channel begin within a staterror that spans several channels."""
    offsets = {}
    for name, declared in sets.items():
        start = 0
        for channel in declared.bin_channels:
            offsets[name, channel] = start
            start += workspace.channel(channel).n_bins
    return offsets


def _parameters(sets: Sequence[ParameterSet], measurement: Measurement) -> Parameters:
    def frozen(values: list[float] | list[tuple[float, float]]) -> Floats:
        array = np.array(values, dtype=np.float64)
        array.flags.writeable = False
        return array

    widths = [
        0.0 if c is None else 1.0 / sqrt(c.width) if c.kind == "poisson" else c.width
        for s in sets
        for c in s.constraints
    ]
    fixed = np.array([f for s in sets for f in s.fixed], dtype=np.bool_)
    fixed.flags.writeable = False
    init = frozen([v for s in sets for v in s.inits])
    bounds = frozen([b for s in sets for b in s.bounds]).reshape(-1, 2)
    for s in sets:
        terms = [c for c in s.constraints if c is not None]
        widths_of_set = [w for c in terms for w in (c.width, 1.0 / c.width)]
        ends = [v for pair in s.bounds for v in pair if isfinite(v)]  # there may be none
        numbers = [*s.inits, *ends, *(c.auxdata for c in terms), *widths_of_set]
        check_size(f"measurement {measurement.name!r}: parameter {s.name!r}", np.array(numbers))
    outside = np.flatnonzero((init < bounds[:, 0]) | (init > bounds[:, 1]))
    names = tuple(n for s in sets for n in s.names)
    if len(set(names)) < len(names):
        name = next(n for n, times in Counter(names).items() if times > 1)
        of = " and ".join(sorted({repr(s.name) for s in sets if name in s.names}))
        raise InvalidWorkspace(
            f"measurement {measurement.name!r}: a parameter of {of} each goes by the name {name!r}; rename one of them"
        )
    if outside.size:
        i = outside[0]
        raise InvalidWorkspace(
            f"measurement {measurement.name!r}: initial value {init[i]} of parameter {names[i]!r} "
            f"lies outside its range [{bounds[i, 0]}, {bounds[i, 1]}]"
        )
    return Parameters(
        names=names,
        root_names=tuple(n for s in sets for n in s.root_names),
        sets=tuple(s.name for s in sets for _ in s.names),
        init=init,
        bounds=bounds,
        fixed=fixed,
        width=frozen(widths),
        poi_names=measurement.pois,
    )


def _constraints(sets: Sequence[ParameterSet], conventions: Conventions) -> tuple[Constraints, list[float]]:
    gauss: list[tuple[int, int, float, float, float]] = []
    poisson: list[tuple[int, int, float]] = []
    gamma: list[tuple[int, int, float]] = []
    auxdata: list[float] = []
    index = -1
    for s in sets:
        for constraint in s.constraints:
            index += 1
            if constraint is None:
                continue
            if constraint.kind == "gaussian":
                gauss.append((index, len(auxdata), constraint.width, *constraint.domain))
            elif constraint.kind == "gamma":
                gamma.append((index, len(auxdata), constraint.width * constraint.width))
            else:
                poisson.append((index, len(auxdata), constraint.width))
            auxdata.append(constraint.auxdata)
    g = np.array(gauss, dtype=np.float64).reshape(-1, 5)
    p, b = (np.array(terms, dtype=np.float64).reshape(-1, 3) for terms in (poisson, gamma))
    truncated = g[:, 3:] if conventions.truncate_constraints else np.zeros((0, 2))
    terms = Constraints(
        n_parameters=index + 1,
        gauss_parameter=g[:, 0].astype(np.int64),
        gauss_aux=g[:, 1].astype(np.int64),
        width=g[:, 2].copy(),
        low=truncated[:, 0].copy(),
        high=truncated[:, 1].copy(),
        poisson_parameter=p[:, 0].astype(np.int64),
        poisson_aux=p[:, 1].astype(np.int64),
        scale=p[:, 2].copy(),
        gamma_parameter=b[:, 0].astype(np.int64),
        gamma_aux=b[:, 1].astype(np.int64),
        gamma_scale=b[:, 2].copy(),
    )
    return _read_only(terms), auxdata


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Builder:
    """Collects cells channel by channel; cell order is channel, bin, sample.

    ``offsets`` are the places of parameter sets, and of norm factors that Functions make, in the vector that the cells
    see; ``systematics`` those of NormSys that a constraint term gives another argument.
    """

    n_parameters: int
    offsets: dict[str, int]
    systematics: dict[str, int]
    bin_offsets: dict[tuple[str, str], int]
    removed: set[str]
    known: KnownTemplates
    nominal: list[Floats] = field(default_factory=list)
    rows: list[Integers] = field(default_factory=list)
    bins_per_channel: list[tuple[int, int]] = field(default_factory=list)
    n_rows: int = 0
    n_cells: int = 0
    shifts: list[tuple[Integers, Integers, Templates]] = field(default_factory=list)
    factors: list[tuple[Integers, int, Templates]] = field(default_factory=list)
    direct: list[list[tuple[Integers, Integers]]] = field(default_factory=list)

    def add_channel(self, channel: Channel) -> None:
        n_samples, n_bins = len(channel.samples), channel.n_bins
        first = self.n_cells
        nominal, rows = np.empty((n_bins, n_samples)), np.empty((n_bins, n_samples), dtype=np.int64)
        for i, sample in enumerate(channel.samples):
            where = f"channel {channel.name!r}, sample {sample.name!r}"
            templates = None if self.removed else self.known.get(id(sample))
            if templates is None:
                templates = make_templates(where, sample, self.removed)
            nominal[:, i] = templates.nominal
            rows[:, i] = self.n_rows + np.arange(templates.n_rows)
            self._add_sample(where, channel.name, templates, first + i + n_samples * np.arange(n_bins))
            self.n_rows += templates.n_rows
        self.nominal.append(nominal.ravel())
        self.rows.append(rows.ravel())
        self.bins_per_channel.append((n_bins, n_samples))
        self.n_cells += nominal.size

    def _add_sample(self, where: str, channel: str, templates: Templates, cells: Integers) -> None:
        normsys = self.offsets | self.systematics if self.systematics else self.offsets
        if templates.shift_names:
            places = normsys if templates.normsys_shift else self.offsets
            parameters = np.array([places[name] for name in templates.shift_names], dtype=np.int64)
            self.shifts.append((parameters, cells, templates))
        if templates.factor_names:
            of_normsys = zip(templates.factor_names, templates.factor_of_normsys, strict=True)
            found = [normsys[name] if is_normsys else self.offsets[name] for name, is_normsys in of_normsys]
            self.factors.append((np.array(found, dtype=np.int64), self.n_rows, templates))
        slot = 0
        for m in templates.direct:
            offset = self.offsets[m.name]
            match m:
                case Lumi() | NormFactor():
                    index = np.full(len(cells), offset)
                case ShapeSys() | ShapeFactor() | StatError():
                    start = offset + (self.bin_offsets[m.name, channel] if isinstance(m, StatError) else 0)
                    index = np.arange(start, start + len(cells))
                case _ as unreachable:
                    assert_never(unreachable)
            for _ in range(m.power if isinstance(m, NormFactor) else 1):
                if slot == len(self.direct):
                    self.direct.append([])
                self.direct[slot].append((cells, index))
                slot += 1
        if slot > MAX_FACTORS:
            raise Unsupported(
                f"{where}: {slot} factors multiply it; models with more than {MAX_FACTORS} on one sample are not "
                "evaluated, because the time grows with the square of that number"
            )

    def cells(self, *, clip: bool) -> Cells:
        per_bin = [n_samples for n_bins, n_samples in self.bins_per_channel for _ in range(n_bins)]
        direct = np.full((len(self.direct), self.n_cells), self.n_parameters, dtype=np.int64)
        for k, entries in enumerate(self.direct):
            for where, index in entries:
                direct[k, where] = index
        clipped = None
        if clip and self.shifts:
            clipped = np.zeros(self.n_cells, dtype=np.bool_)
            clipped[np.concatenate([cells for _, cells, _ in self.shifts])] = True
        bin_of_cell = np.repeat(np.arange(len(per_bin)), per_bin)
        row_of_cell = np.concatenate(self.rows)
        normsys = self._multiplicative()
        additive = self._additive(normsys.parameter)
        by_code = [additive.parameter[columns] for columns in additive.code_columns]
        cells = Cells(
            n_parameters=self.n_parameters,
            n_bins=len(per_bin),
            n_rows=self.n_rows,
            nominal=np.concatenate(self.nominal),
            bin=bin_of_cell,
            bin_starts=np.concatenate([[0], np.cumsum(per_bin)[:-1]]).astype(np.int64),
            row=row_of_cell,
            clipped=clipped,
            additive=additive,
            multiplicative=normsys,
            direct=direct,
            floor_factors=clip,
            pattern=find_pattern(
                self.n_parameters, bin_of_cell, row_of_cell, by_code, normsys.row, normsys.parameter, direct
            ),
        )
        return _read_only(cells)

    def _additive(self, normsys: Integers) -> Additive:
        none, empty = np.zeros(0), np.zeros(0, dtype=np.int64)
        code = _code_numbers(t.shift_codes for *_, t in self.shifts)
        parameter = np.concatenate([empty, *(p for p, *_ in self.shifts)])
        shared = np.isin(np.arange(self.n_parameters), normsys)
        # as second_order orders parameters: by code, those of NormSys last
        places = (2 * code + shared[parameter]) * self.n_parameters + parameter
        keys, column = np.unique(places, return_inverse=True)
        n_cells = np.repeat([len(c) for _, c, _ in self.shifts], [len(p) for p, *_ in self.shifts]).astype(np.int64)
        shifts = store(
            self.n_cells,
            len(keys),
            np.concatenate([empty, *(np.tile(cells, len(p)) for p, cells, _ in self.shifts)]),
            np.repeat(column, n_cells),
            np.concatenate([none, *(t.slopes.ravel() for *_, t in self.shifts)]),
            np.concatenate([none, *(t.bends.ravel() for *_, t in self.shifts)]),
        )
        codes, counts = np.unique(keys // (2 * self.n_parameters), return_counts=True)
        stops = np.cumsum(counts).tolist()
        return _read_only(
            Additive(
                parameter=keys % self.n_parameters,
                codes=tuple(_CODES[i] for i in codes),
                code_columns=tuple(slice(a, b) for a, b in zip([0, *stops], stops, strict=False)),
                shifts=_read_only(shifts),
            )
        )

    def _multiplicative(self) -> Multiplicative:
        empty = np.zeros(0, dtype=np.int64)
        row = np.concatenate([empty, *(first + t.factor_rows for _, first, t in self.factors)])
        order = np.argsort(row, kind="stable")
        row = row[order]
        parameter = np.concatenate([empty, *(p for p, *_ in self.factors)])[order]
        lo = np.concatenate([np.zeros(0), *(t.factor_lo for *_, t in self.factors)])[order]
        hi = np.concatenate([np.zeros(0), *(t.factor_hi for *_, t in self.factors)])[order]
        codes = _code_numbers(t.factor_codes for *_, t in self.factors)[order]
        rows, starts = np.unique(row, return_index=True)
        return _read_only(
            Multiplicative(
                row=row,
                parameter=parameter,
                rows=rows,
                starts=starts,
                table=polynomial_table(code4_coefficients(lo, hi)),
                log_lo=safe_log(lo),
                log_hi=safe_log(hi),
                polynomial=codes == _CODES.index("code4"),
                linear=tuple(
                    (code, np.flatnonzero(codes == i)) for i, code in enumerate(_CODES) if code in CURVES and i in codes
                ),
                lo=lo,
                hi=hi,
            )
        )


def _code_numbers(parts: Iterable[Sequence[str]]) -> Integers:
    """The places in :data:`_CODES` of interpolation codes."""
    return np.fromiter(map(_CODE_NUMBERS.__getitem__, chain.from_iterable(parts)), dtype=np.int64)


_T = TypeVar("_T", bound="DataclassInstance")


def _read_only(value: _T) -> _T:
    for f in fields(value):
        array = getattr(value, f.name)
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return value
