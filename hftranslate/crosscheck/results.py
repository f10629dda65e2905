"""Our own result document: at points of our choice, or at those of a reference and under its conventions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, log, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hftranslate.crosscheck.document import (
    Correlation,
    Discovery,
    FitRecord,
    HypoTestRecord,
    InputFile,
    LimitRecord,
    ParameterRecord,
    Point,
    Provenance,
    Reparametrised,
    Results,
    read_results,
)
from hftranslate.crosscheck.toy_tests import toy_record
from hftranslate.errors import FitFailed, InputError, MissingInput, did_you_mean
from hftranslate.inference.asymptotics import discovery_pvalue
from hftranslate.inference.diagnostics import profile_interval
from hftranslate.inference.fit import FitResult, fit
from hftranslate.inference.hypotest import PoiRange, Tester, TestStat
from hftranslate.inference.limits import limits_of
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions
from hftranslate.inference.tester import poi_bounds
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Conventions, Workspace

__all__ = ["Results", "read_results", "results"]

Floats = NDArray[np.float64]

#: Without a reference: tested values, level of the limit, random points, and how many parameters are moved alone.
TEST_POIS = (0.5, 1.0, 2.0)
LEVEL = 0.05
RANDOM_POINTS = 5
MOVED_ALONE = 40
SEED = 20120704
#: With a reference: toys of each hypothesis, at most.
TOYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How a reference may have been evaluated differently, besides its model and conventions.

    Attributes
    ----------
    other_statistic
        its tests are made with q where they say q-tilde, and the other way round.
    its_ranges
        parameters have the ranges that it states.
    its_minimum
        the fit starts from its best-fit point.
    """

    other_statistic: bool = False
    its_ranges: bool = False
    its_minimum: bool = False


AS_STATED = Variation()


def results(
    workspace: Workspace,
    *,
    like: Results | None = None,
    measurement: str | None = None,
    conventions: Conventions | None = None,
    variation: Variation = AS_STATED,
    options: FitOptions = DEFAULT_OPTIONS,
    inputs: Sequence[str | Path] = (),
    command: str = "hftranslate.results(...)",
) -> Results:
    """What hftranslate says about a workspace, as a result document.

    Without a reference: yields and NLL at the initial values, with each parameter moved alone to two values (a seeded
    selection of the constrained ones in large models) and at seeded random points; the fit with uncertainties and
    correlations, MINOS errors of the parameter of interest, tests at 0.5, 1 and 2, discovery, and the upper limit at
    5%, with test statistics that are what their names say.

    With a reference: the same parts as the reference has, at its points, tested values, level and test statistics,
    with its names of parameters, and, as ROOT and pyhf do, with fits that stay within the model's range of the
    parameter of interest. Tests by toys are repeated with up to a thousand of each hypothesis; RooStats' own asymptotic
    tests are not.

    Parameters
    ----------
    workspace
        the model.
    like
        the reference.
    measurement, conventions
        those of the reference, or else of the workspace, where they are not given.
    variation
        what else to do as the reference may have done.
    options
        how to minimise.
    inputs, command
        for the provenance: files that the workspace was read from, and what was run.

    Returns
    -------
    Results
        the document: yields in events, NLL with all constants, the fit, tests and limits.

    Raises
    ------
    MissingInput
        The workspace has no such measurement, or the reference moves parameters that the model does not have.
    """
    if like is not None:
        measurement = like.measurement if measurement is None else measurement
        conventions = like.conventions if conventions is None else conventions
    model, data = compile_model(workspace, measurement, conventions)
    engine = _Engine.of(model, data, like, options, variation)
    notes: list[str] = []
    tests = engine.has_tests(notes)
    free = engine.fit() if like is None or like.fit is not None else None
    tested = _wanted_tests(like)
    return Results(
        measurement=workspace.measurement(measurement).name,
        poi=engine.poi,
        conventions=model.conventions,
        constant=engine.constant,
        parameters=engine.parameter_records(),
        parametrisation=engine.parametrisation,
        data={c: tuple(map(float, data.observed[bins])) for c, bins in engine.channel_bins()},
        points=tuple(
            engine.point(label, values) for label, values in (_own_points(engine) if like is None else _points_of(like))
        ),
        fit=None if free is None else engine.fit_record(free, _wanted_minos(engine, like), notes),
        hypotests=None
        if tested is None or not tests
        else (*engine.hypotests(tested, notes), *engine.toy_tests(like, notes)),
        discovery=engine.discovery(notes) if tests and (like is None or like.discovery is not None) else None,
        limit=engine.limit(like, notes) if tests and (like is None or like.limit is not None) else None,
        provenance=provenance(inputs, command, [_poi_range_note(engine.poi_range), *notes]),
    )


def _poi_range_note(poi_range: PoiRange) -> str:
    if poi_range == "model":
        return "all fits stay within the model's range of the parameter of interest, as in ROOT and pyhf"
    return "test statistics are what their names say, whatever the model's range of the parameter of interest"


def provenance(inputs: Sequence[str | Path], command: str, notes: Sequence[str] = ()) -> Provenance:
    """Who computes here and now, and from which files, with their checksums."""
    try:
        own_version = version("hftranslate")
    except PackageNotFoundError:
        own_version = "not installed"
    checksums = []
    for path in inputs:
        try:
            checksums.append(InputFile(path=str(path), sha256=sha256(Path(path).read_bytes()).hexdigest()))
        except OSError as error:
            raise MissingInput(f"{path} cannot be read: {error.strerror or error}") from None
    return Provenance(
        engine="hftranslate",
        version=own_version,
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        inputs=tuple(checksums),
        notes=tuple(notes),
    )


# -------------------------------------------------------------------------------------------- what is to be evaluated
def _wanted_tests(like: Results | None) -> list[tuple[float, TestStat]] | None:
    if like is None:
        return [(poi, "qtilde") for poi in TEST_POIS]
    if like.hypotests is None:
        return None
    return [(test.poi, test.test_stat) for test in like.hypotests if test.calculator == "asymptotic"]


def _wanted_minos(engine: "_Engine", like: Results | None) -> list[str] | None:
    if like is None:
        return [engine.poi] if engine.poi in engine.names else []
    assert like.fit is not None
    return None if like.fit.minos is None else [name for name in like.fit.minos if name in engine.names]


def _points_of(like: Results) -> list[tuple[str, Mapping[str, float]]]:
    return [(point.label, point.values) for point in like.points]


def _own_points(engine: "_Engine") -> list[tuple[str, Mapping[str, float]]]:
    """Initial values; parameters moved alone; random points. Everything within ranges, and seeded."""
    p, random = engine.model.parameters, np.random.default_rng(SEED)
    free: list[int] = np.flatnonzero(~p.fixed).tolist()

    def inside(i: int, value: float) -> float:
        low, high = p.bounds[i]
        return float(min(max(round(value, 6), low), high))

    first = [i for i in free if p.width[i] == 0.0]
    others = [i for i in free if p.width[i] > 0.0]
    room = max(0, MOVED_ALONE - len(first))
    if len(others) > room:
        others = sorted(random.choice(others, size=room, replace=False).tolist())
    found: list[tuple[str, Mapping[str, float]]] = [("nominal", {})]
    for i in (*first, *others):
        moves = (p.init[i] - p.width[i], p.init[i] + p.width[i]) if p.width[i] > 0.0 else (0.5, 2.0)
        for value in dict.fromkeys(inside(i, v) for v in moves):
            found += [(f"{engine.names[i]} = {value:g}", {engine.names[i]: value})] if value != p.init[i] else []
    for k in range(RANDOM_POINTS):
        normal, uniform = random.normal(scale=0.7, size=len(p)), random.uniform(0.4, 1.7, size=len(p))
        values = np.where(p.width > 0.0, p.init + p.width * normal, uniform)
        found.append((f"random {k}", {engine.names[i]: inside(i, float(values[i])) for i in free}))
    return found


# --------------------------------------------------------------------------------------------------------- evaluation
def _with_ranges(model: Model, names: Sequence[str], offset: Floats, scale: Floats, like: Results) -> Model:
    """The model with the ranges that a document states."""
    bounds = model.parameters.bounds.copy()
    for record in like.parameters:
        if record.name in names:
            i = names.index(record.name)
            ends = [-np.inf if record.low is None else record.low, np.inf if record.high is None else record.high]
            bounds[i] = offset[i] + scale[i] * np.array(ends)
    return replace(model, parameters=replace(model.parameters, bounds=bounds))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Engine:
    """A compiled model that speaks in the parameters of a result document: ``ours = offset + scale * document's``."""

    model: Model
    data: Data
    names: tuple[str, ...]
    offset: Floats
    scale: Floats
    parametrisation: tuple[Reparametrised, ...]
    poi: str | None
    poi_range: PoiRange
    constant: float
    options: FitOptions
    other_statistic: bool = False
    start: Floats | None = None
    _testers: dict[TestStat, Tester] = field(default_factory=dict)

    @classmethod
    def of(
        cls, model: Model, data: Data, like: Results | None, options: FitOptions, variation: Variation = AS_STATED
    ) -> "_Engine":
        p = model.parameters
        names, offset, scale = list(p.root_names), np.zeros(len(p)), np.ones(len(p))
        wanted = () if like is None else tuple(r for r in like.parametrisation if r.parameter in names)
        for r in wanted:
            i = names.index(r.parameter)
            names[i], offset[i], scale[i] = r.name, r.offset, r.scale
        n_channels, events = len(model.channels), float(np.sum(data.observed))
        simultaneous = model.conventions.name == "root" if like is None else like.constant != 0.0
        poi = None
        if p.poi_names:
            poi = names[p.names.index(p.poi_names[0])] if p.poi_names[0] in p.names else p.poi_names[0]
        if variation.its_ranges and like is not None:
            model = _with_ranges(model, names, offset, scale, like)
        engine = cls(
            model=model,
            data=data,
            names=tuple(names),
            offset=offset,
            scale=scale,
            parametrisation=wanted,
            poi=poi,
            poi_range="named" if like is None else "model",
            constant=events * log(n_channels) if simultaneous else 0.0,
            options=options,
            other_statistic=variation.other_statistic,
        )
        if variation.its_minimum and like is not None and like.fit is not None:
            return replace(engine, start=engine.theta({n: v for n, v in like.fit.values.items() if n in names}))
        return engine

    # ------------------------------------------------------------------------------------------------ the model itself
    def parameter_records(self) -> tuple[ParameterRecord, ...]:
        p = self.model.parameters
        bounds = (p.bounds - self.offset[:, None]) / self.scale[:, None]
        return tuple(
            ParameterRecord(
                name=name,
                init=float((p.init[i] - self.offset[i]) / self.scale[i]),
                low=float(bounds[i, 0]) if isfinite(bounds[i, 0]) else None,
                high=float(bounds[i, 1]) if isfinite(bounds[i, 1]) else None,
                fixed=bool(p.fixed[i]),
            )
            for i, name in enumerate(self.names)
        )

    def channel_bins(self) -> list[tuple[str, slice]]:
        found, start = [], 0
        for name, n_bins in self.model.channels:
            found.append((name, slice(start, start + n_bins)))
            start += n_bins
        return found

    def theta(self, values: Mapping[str, float]) -> Floats:
        """Our parameter vector of a point of the document."""
        theta = self.model.parameters.init.copy()
        for name, value in values.items():
            if name not in self.names:
                raise MissingInput(f"the model has no parameter {name!r}" + did_you_mean(name, self.names))
            i = self.names.index(name)
            theta[i] = self.offset[i] + self.scale[i] * value
        return theta

    def document_nll(self, nll: float) -> float:
        """Our NLL with the document's constant, as a density in the document's parameters."""
        return nll + self.constant - float(np.sum(np.log(self.scale)))

    def point(self, label: str, values: Mapping[str, float]) -> Point:
        theta = self.theta(values)
        with np.errstate(all="ignore"):  # a document may ask for any point
            nu, nll = self.model.state(theta).nu, self.model.nll(theta, self.data)
        start = 0
        yields = {}
        for (channel, n_bins), samples in zip(self.model.channels, self.model.samples, strict=True):
            block = nu[start : start + n_bins * len(samples)].reshape(n_bins, len(samples))
            yields[channel] = {s: tuple(map(float, block[:, k])) for k, s in enumerate(samples)}
            start += n_bins * len(samples)
        return Point(
            label=label,
            values=dict(values),
            nll=self.document_nll(nll) if isfinite(nll) else None,
            evaluation_error=not isfinite(nll),
            yields=yields,
        )

    # --------------------------------------------------------------------------------------------------------- the fit
    def fit(self) -> FitResult:
        return fit(self.model, self.data, start=self.start, options=replace(self.options, raise_on_failure=False))

    def fit_record(self, found: FitResult, minos: list[str] | None, notes: list[str]) -> FitRecord:
        values = (found.values - self.offset) / self.scale
        inside = ~found.fixed & ~found.at_bound
        known = np.flatnonzero(inside & np.isfinite(found.uncertainties))
        uncertainties, correlation = None, None
        if known.size or not inside.any():
            names = tuple(self.names[i] for i in known)
            sigma = found.uncertainties[known] / self.scale[known]
            uncertainties = dict(zip(names, map(float, sigma), strict=True))
            matrix = found.correlation[np.ix_(known, known)]
            correlation = Correlation(names=names, matrix=tuple(tuple(map(float, row)) for row in matrix))
        notes += self._without_uncertainty(found)
        return FitRecord(
            nll=self.document_nll(found.nll),
            status=found.status,
            edm=found.edm if isfinite(found.edm) else None,
            values=dict(zip(self.names, map(float, values), strict=True)),
            at_limit=tuple(self.names[i] for i in np.flatnonzero(found.at_bound)),
            uncertainties=uncertainties,
            minos=None if minos is None else self._minos(found, minos),
            correlation=correlation,
        )

    def _without_uncertainty(self, found: FitResult) -> list[str]:
        """For each reason why parameters have no uncertainty, the first of them and how many more."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in found.no_uncertainty.items():
            by_reason.setdefault(reason, []).append(self.names[found.names.index(name)])
        return [
            f"no uncertainty of {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}"
            for reason, names in by_reason.items()
        ]

    def _minos(self, found: FitResult, wanted: list[str]) -> dict[str, tuple[float | None, float | None]]:
        shifts: dict[str, tuple[float | None, float | None]] = {}
        for name in wanted:
            i = self.names.index(name)
            if found.fixed[i] or found.at_bound[i]:
                continue
            ends = profile_interval(self.model, self.data, found, self.model.parameters.names[i], options=self.options)
            low, high = (None if e is None else (e - float(found.values[i])) / float(self.scale[i]) for e in ends)
            shifts[name] = low, high
        return shifts

    # ----------------------------------------------------------------------------------------------------------- tests
    def has_tests(self, notes: list[str]) -> bool:
        """Whether there is a parameter of interest that tests can move."""
        p = self.model.parameters
        if not p.poi_names or p.poi_names[0] not in p.names:
            return False
        if p.fixed[p.poi_index]:
            notes.append(f"no tests: the parameter of interest {self.poi!r} is constant")
        return not p.fixed[p.poi_index]

    def tester(self, test_stat: TestStat) -> Tester:
        """The tester of what the document calls ``test_stat``."""
        other: TestStat = "q" if test_stat == "qtilde" else "qtilde"
        if test_stat not in self._testers:
            self._testers[test_stat] = Tester(
                model=self.model,
                data=self.data,
                test_stat=other if self.other_statistic else test_stat,
                poi_range="named" if self.other_statistic else self.poi_range,
                options=self.options,
            )
        return self._testers[test_stat]

    def hypotests(self, wanted: list[tuple[float, TestStat]], notes: list[str]) -> tuple[HypoTestRecord, ...]:
        found = []
        for poi, test_stat in wanted:
            try:
                test = self.tester(test_stat).test(poi)
            except (FitFailed, InputError) as error:
                notes.append(f"no test of {poi:g}: {error}")
                continue
            found.append(
                HypoTestRecord(
                    poi=poi,
                    test_stat=test_stat,
                    calculator="asymptotic",
                    q=test.q,
                    q_asimov=test.q_asimov,
                    muhat=test.muhat,
                    nll_conditional=self.document_nll(test.conditional_nll),
                    clsb=test.clsb_obs,
                    clb=test.clb_obs,
                    cls_obs=test.cls_obs,
                    cls_exp=test.cls_exp,
                )
            )
        return tuple(found)

    def discovery(self, notes: list[str]) -> Discovery | None:
        """``q0`` of arXiv:1007.1727 Eq. 12: zero where the best fit is not above zero."""
        tester = self.tester("qtilde")
        try:
            q0, free, background = tester.q0()
        except FitFailed as error:
            notes.append(f"no test of the background: {error}")
            return None
        nll = self.document_nll(background.nll)
        muhat = free.value(tester.poi)
        return Discovery(q0=q0, p0=discovery_pvalue(q0), z=sqrt(q0), muhat=muhat, nll_conditional=nll)

    def toy_tests(self, like: Results | None, notes: list[str]) -> tuple[HypoTestRecord, ...]:
        found = []
        for test in (like.hypotests if like is not None else None) or ():
            if test.calculator != "toys" or test.toys is None:
                continue
            try:
                found.append(toy_record(self.tester(test.test_stat), test.poi, min(test.toys.n, TOYS), test.toys.seed))
            except FitFailed as error:
                notes.append(f"no test of {test.poi:g} by toys: {error}")
        return tuple(found)

    def limit(self, like: Results | None, notes: list[str]) -> LimitRecord | None:
        """Upper limits within the range of the parameter of interest, ``None`` beyond."""
        recorded = None if like is None else like.limit
        level = LEVEL if recorded is None else recorded.level
        tester = self.tester("qtilde" if like is None or recorded is None else self._statistic_of(like))
        try:
            found = limits_of(tester, level, poi_bounds(self.model)[1], scan=False)
        except (FitFailed, InputError) as error:
            notes.append(str(error))
            return None if recorded is None else LimitRecord(level=level, observed=None, expected=(None,) * 5)
        notes += [f"no {name} limit: {reason}" for name, reason in found.failures.items()]
        observed, *expected = (v if isfinite(v) else None for v in (found.observed, *found.expected))
        return LimitRecord(level=level, observed=observed, expected=tuple(expected))

    def _statistic_of(self, like: Results) -> TestStat:
        """The document does not state the test statistic of its limit: that of its tests, or by the POI's range."""
        if like.hypotests:
            return like.hypotests[0].test_stat
        return "q" if poi_bounds(self.model)[0] < 0.0 else "qtilde"
