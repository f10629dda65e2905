"""The rungs of the ladder: what of two result documents is compared with what, in which order, and how closely."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import asin, cos, hypot, sin
from statistics import median

from hftranslate.crosscheck.comparison import TOLERANCES, Comparison, Rung
from hftranslate.crosscheck.document import (
    FitRecord,
    HypoTestRecord,
    LimitRecord,
    ParameterRecord,
    Point,
    Results,
    ToysRecord,
)
from hftranslate.inference.minimize import AT_A_MINIMUM

#: NLLs of which a millionth is less than the rounding of what they are made of.
_LARGEST_NLL = 1e9
#: Engines whose uncertainties are Minuit's.
_BY_MINUIT = ("ROOT", "pyhf")


def climb(ours: Results, reference: Results) -> tuple[Rung, ...]:
    """All rungs, the lowest first."""
    model, yields, nll = (make(ours, reference).rung() for make in (_model, _yields, _nll))
    same_function = nll.verdict == "passed"
    minima = _Minima(ours=ours, reference=reference, same_function=same_function)
    later = (_best_fit, _uncertainties, _test_statistic, _p_values, _limits, _toys)
    return model, yields, nll, *(make(minima).rung() for make in later)


def _model(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("model", "parameters, ranges, constants, data", "settings", "ranges")
    rung.same("measurement", ours.measurement, reference.measurement)
    rung.same("parameter of interest", _poi(ours), _poi(reference))
    rung.number("constant of the NLL", ours.constant, reference.constant, "settings")
    mine = {p.name: p for p in ours.parameters}
    theirs = {p.name: p for p in reference.parameters}
    rung.keys("parameter", mine, theirs)
    for name, p in theirs.items():
        if name in mine:
            _parameter(rung, f"parameter {name}", mine[name], p)
    scales = {r.name: r for r in ours.parametrisation}
    for r in reference.parametrisation:
        found = scales.get(r.name)
        where = f"parametrisation of {r.parameter} by {r.name}"
        rung.number(f"{where}, offset", getattr(found, "offset", None), r.offset, "settings")
        rung.number(f"{where}, scale", getattr(found, "scale", None), r.scale, "settings")
    rung.bins("data, channel", ours.data, reference.data, "settings")
    return rung


def _poi(results: Results) -> str | None:
    """The parameter of interest, where the model has it: ROOT names none of a background that waits for its signal."""
    return results.poi if any(p.name == results.poi for p in results.parameters) else None


def _parameter(rung: Comparison, where: str, ours: ParameterRecord, reference: ParameterRecord) -> None:
    rung.number(f"{where}, initial value", ours.init, reference.init, "settings")
    rung.number(f"{where}, lower end of its range", ours.low, reference.low, "ranges")
    rung.number(f"{where}, upper end of its range", ours.high, reference.high, "ranges")
    rung.same(f"{where}, constant", ours.fixed, reference.fixed)


def _paired_points(rung: Comparison, ours: Results, reference: Results) -> list[tuple[str, Point, Point]]:
    """The points of the reference and ours at the same labels, whose parameter values must be the same."""
    mine = {p.label: p for p in ours.points}
    pairs = []
    for theirs in reference.points:
        where = f"point {theirs.label!r}"
        if theirs.label not in mine:
            rung.same(where, None, "present")
        elif mine[theirs.label].values != theirs.values:
            rung.same(f"{where}, parameter values", "others", "recorded")
        else:
            pairs.append((where, mine[theirs.label], theirs))
    if len(pairs) < len(reference.points):
        rung.remarks.append(
            "our document was not evaluated at all points of the reference: results(..., like=reference)"
        )
    return pairs


def _yields(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("yields", "expected events per channel, sample and bin at every recorded point", "yields")
    for where, mine, theirs in _paired_points(rung, ours, reference):
        if theirs.yields is None:
            continue
        found = mine.yields or {}
        rung.keys(f"yields at {where}, channel", found, theirs.yields)
        for channel, samples in theirs.yields.items():
            if channel in found:
                rung.bins(f"yields at {where}, channel {channel}, sample", found[channel], samples, "yields")
    if rung.count == 0:
        rung.remarks.append("the reference records no yields")
    return rung


def _offset(ours: Results, reference: Results) -> float:
    """What separates all NLLs of two engines: the median over the points, so that a single wrong one stands out."""
    theirs = {p.label: p.nll for p in reference.points if p.nll is not None}
    pairs = [(p.nll, theirs[p.label]) for p in ours.points if p.nll is not None and p.label in theirs]
    if pairs:
        return median(a - b for a, b in pairs)
    return ours.fit.nll - reference.fit.nll if ours.fit and reference.fit else 0.0


def _nll(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("nll", "differences of the negative log-likelihood between recorded points", "nll")
    evaluated = sum(p.nll is not None for p in reference.points)
    if evaluated < 2:
        rung.remarks.append(f"the reference records {evaluated} values, and differences need two")
        return rung
    offset, outside, beyond = _offset(ours, reference), 0, 0
    for where, mine, theirs in _paired_points(rung, ours, reference):
        if theirs.evaluation_error:
            outside += 1
            continue
        if theirs.nll is not None and mine.nll is not None and min(theirs.nll, mine.nll) > _LARGEST_NLL:
            beyond += 1
            continue
        rung.same(f"NLL at {where}, evaluation error", mine.evaluation_error, theirs.evaluation_error)
        rung.number(f"NLL at {where}", None if mine.nll is None else mine.nll - offset, theirs.nll, "nll")
    rung.remarks.append(f"a common constant of {offset:.2g} between the engines is left out")
    if outside:
        rung.remarks.append(f"{outside} points at which the reference reports evaluation errors are left out")
    if beyond:
        rung.remarks.append(
            f"{beyond} points with an NLL above {_LARGEST_NLL:g} are left out: differences of 1e-6 are lost there in "
            "double precision"
        )
    return rung


# -------------------------------------------------------------------------------------------------- what fits are about
@dataclass(frozen=True, kw_only=True)
class _Minima:
    """Two documents whose fits are compared, and which minima of theirs are the same.

    ``same_function``: the NLLs were found to be the same function, so that of two minima the lower one is right.
    """

    ours: Results
    reference: Results
    same_function: bool

    @cached_property
    def offset(self) -> float:
        """What separates all NLLs of the two engines."""
        return _offset(self.ours, self.reference)

    def nll(self, value: float | None) -> float | None:
        """An NLL of ours as the reference counts it."""
        return None if value is None else value - self.offset

    @cached_property
    def free(self) -> bool:
        """Whether the free fits found the same minimum."""
        mine, theirs = self.ours.fit, self.reference.fit
        if mine is None or theirs is None:
            return True
        scratch = Comparison("", "")
        return scratch.minimum("", self.nll(mine.nll), theirs.nll, same_function=self.same_function)

    def conditional(self, mine: HypoTestRecord, theirs: HypoTestRecord) -> bool:
        """Whether the fits at a tested value found the same minimum."""
        scratch = Comparison("", "")
        same = scratch.minimum(
            "", self.nll(mine.nll_conditional), theirs.nll_conditional, same_function=self.same_function
        )
        return same or theirs.nll_conditional is None

    @cached_property
    def background(self) -> bool:
        """Whether the fits without signal, which make the Asimov data, found the same minimum."""
        mine, theirs = self.ours.discovery, self.reference.discovery
        if mine is None or theirs is None or theirs.nll_conditional is None:
            return self.free
        scratch = Comparison("", "")
        return scratch.minimum(
            "", self.nll(mine.nll_conditional), theirs.nll_conditional, same_function=self.same_function
        )

    def of(self, mine: HypoTestRecord, theirs: HypoTestRecord) -> bool:
        """Whether all minima that a test is made of are the same."""
        return self.free and self.background and self.conditional(mine, theirs)

    @property
    def sigma(self) -> float | None:
        """The uncertainty of the parameter of interest."""
        return _sigma(self.reference.poi or "", self.reference.fit, self.ours.fit)

    def tests(self, rung: Comparison, calculator: str) -> list[tuple[str, HypoTestRecord, HypoTestRecord]]:
        """The tests of the reference by a calculator, and ours of the same values."""
        mine = {(t.poi, t.test_stat): t for t in self.ours.hypotests or () if t.calculator == calculator}
        pairs = []
        for theirs in self.reference.hypotests or ():
            where = f"test of {theirs.poi:g} with {theirs.test_stat}"
            if theirs.calculator != calculator:
                continue
            if (theirs.poi, theirs.test_stat) not in mine:
                rung.same(where, None, "present")
            else:
                pairs.append((where, mine[theirs.poi, theirs.test_stat], theirs))
        return pairs


def _best_fit(minima: _Minima) -> Comparison:
    rung = Comparison("best fit", "best-fit values and the NLL there", "best fit", "nll")
    mine, theirs = minima.ours.fit, minima.reference.fit
    if theirs is None:
        rung.remarks.append("the reference records no fit")
        return rung
    if mine is None:
        rung.same("fit", None, "present")
        return rung
    if theirs.status != "converged":
        rung.remarks.append(f"the reference says of its fit: {theirs.status}")
    if mine.status not in AT_A_MINIMUM:
        rung.same("fit, status", mine.status, theirs.status)
    rung.minimum("fit, NLL at the minimum", minima.nll(mine.nll), theirs.nll, same_function=minima.same_function)
    constant = {p.name for p in minima.reference.parameters if p.fixed}
    rung.keys("fit, value of", mine.values, theirs.values)
    with rung.following(minima.free):
        for name, value in theirs.values.items():
            if name in constant:
                rung.number(f"fit, value of {name}", mine.values.get(name), value, "settings")
            elif name in mine.values:
                rung.number(f"fit, value of {name}", mine.values[name], value, "best fit", _sigma(name, theirs, mine))
    return rung


def _sigma(name: str, *fits: FitRecord | None) -> float | None:
    """The uncertainty of a parameter in the first fit that has one; none where it ended at a limit."""
    for fit in fits:
        if fit is not None and fit.uncertainties and name in fit.uncertainties:
            return fit.uncertainties[name]
    return None


def _uncertainties(minima: _Minima) -> Comparison:
    rung = Comparison("uncertainties", "uncertainties (HESSE, MINOS) and correlations", "uncertainties", "correlations")
    mine, theirs = minima.ours.fit, minima.reference.fit
    if theirs is None or (theirs.uncertainties is None and theirs.minos is None and theirs.correlation is None):
        rung.remarks.append("the reference records none")
        return rung
    kink = mine is not None and mine.status == "kink"
    if kink:
        rung.remarks.append("the minimum lies on a kink, where second derivatives mean nothing: HESSE is left out")
    hesse_failed = "hesse" in theirs.status
    if hesse_failed:
        rung.remarks.append(f"HESSE of the reference is left out, which says of it: {theirs.status}")
    with rung.following(minima.free):
        if not kink and not hesse_failed:
            _hesse(rung, minima)
        _minos(rung, minima)
    return rung


def _minos(rung: Comparison, minima: _Minima) -> None:
    """Errors of MINOS, but for those that are shorter because Minuit held what ended at a limit.

    At the end of a range the sine that Minuit steps in has no slope: whether a parameter leaves it depends on rounding.
    """
    mine, theirs = minima.ours.fit, minima.reference.fit
    assert theirs is not None
    held = sorted(theirs.at_limit or ()) if minima.reference.provenance.engine in _BY_MINUIT else []
    intervals = (mine and mine.minos) or {}
    for name, errors in (theirs.minos or {}).items():
        for way, ours, error in zip(("downwards", "upwards"), intervals.get(name, (None, None)), errors, strict=True):
            where = f"MINOS error of {name}, {way}"
            if held and ours and error and 0.0 < error / ours < 1.0 - TOLERANCES["uncertainties"].value:
                rung.remarks.append(
                    f"{where}: {error:.6g} in the reference and {ours:.6g} here; Minuit may hold what ended at a "
                    f"limit ({', '.join(held)}), which shortens it"
                )
            else:
                rung.number(where, ours, error, "uncertainties")


def _hesse(rung: Comparison, minima: _Minima) -> None:
    mine, theirs = minima.ours.fit, minima.reference.fit
    assert theirs is not None
    if theirs.at_limit is not None:
        rung.keys("fit, at a limit of its range:", (mine and mine.at_limit) or (), theirs.at_limit)
    found = compared_uncertainties(minima.ours, minima.reference)
    if minima.reference.provenance.engine in _BY_MINUIT and mine is not None:
        rung.remarks.append(
            "Minuit takes the uncertainty of a parameter with a range through the sine that keeps it there, which "
            "shortens large ones; ours are taken through it too before they are compared"
        )
    for name, value in (theirs.uncertainties or {}).items():
        rung.number(f"uncertainty of {name}", found.get(name), value, "uncertainties")
    _correlations(rung, mine, theirs)


def compared_uncertainties(ours: Results, reference: Results) -> Mapping[str, float]:
    """Our uncertainties as they are compared with those of the reference: as Minuit quotes them where it made those."""
    if ours.fit is None or not ours.fit.uncertainties:
        return {}
    if reference.provenance.engine not in _BY_MINUIT:
        return ours.fit.uncertainties
    return _as_minuit_quotes(ours.fit, {p.name: p for p in ours.parameters})


def _as_minuit_quotes(fit: FitRecord, parameters: dict[str, ParameterRecord]) -> dict[str, float]:
    """Uncertainties as Minuit2 quotes them.

    A parameter within ``[low, high]`` is ``c + r sin(t)`` inside Minuit. The uncertainty quoted is not ``s r cos(t)``,
    with ``s`` that of ``t``, but half of what ``t - s`` and ``t + s`` span (``MnUserTransformation::Int2extError``).
    """
    quoted = {}
    for name, sigma in (fit.uncertainties or {}).items():
        p = parameters[name]
        quoted[name] = sigma
        if p.low is None or p.high is None or not p.low < fit.values[name] < p.high:
            continue
        radius = 0.5 * (p.high - p.low)
        t = asin((fit.values[name] - p.low) / radius - 1.0)
        s = sigma / (radius * cos(t))
        up = 2.0 if s > 1.0 else abs(sin(t + s) - sin(t))
        quoted[name] = 0.5 * radius * (up + abs(sin(t - s) - sin(t)))
    return quoted


def _correlations(rung: Comparison, ours: FitRecord | None, reference: FitRecord) -> None:
    """A reference may record a part of its matrix; ours is compared there."""
    if reference.correlation is None:
        return
    mine = ours and ours.correlation
    position = {name: i for i, name in enumerate(mine.names)} if mine else {}
    names = reference.correlation.names
    for a, row in zip(names, reference.correlation.matrix, strict=True):
        if a not in position:
            rung.same(f"correlations of {a}", None, "present")
        for b, value in zip(names, row, strict=True):
            if mine and a in position and b in position:
                rung.number(f"correlation of {a} and {b}", mine.matrix[position[a]][position[b]], value, "correlations")


def _test_statistic(minima: _Minima) -> Comparison:
    rung = Comparison("test statistic", "q(mu) in data and Asimov data, q0, and their fits", "q", "best fit", "nll")
    for where, mine, theirs in minima.tests(rung, "asymptotic"):
        if theirs.nll_conditional is not None:
            rung.minimum(
                f"{where}, nll_conditional",
                minima.nll(mine.nll_conditional),
                theirs.nll_conditional,
                same_function=minima.same_function,
            )
        for name, tolerance, judged in (
            ("q", "q", minima.free and minima.conditional(mine, theirs)),
            ("q_asimov", "q", minima.background),
            ("muhat", "best fit", minima.free),
        ):
            value, own = getattr(theirs, name), getattr(mine, name)
            if value is not None:
                with rung.following(judged):
                    rung.number(f"{where}, {name}", own, value, tolerance, minima.sigma)
    theirs_0, mine_0 = minima.reference.discovery, minima.ours.discovery
    if theirs_0 is not None:
        if theirs_0.nll_conditional is not None:
            rung.minimum(
                "discovery, nll_conditional",
                minima.nll(getattr(mine_0, "nll_conditional", None)),
                theirs_0.nll_conditional,
                same_function=minima.same_function,
            )
        with rung.following(minima.free, minima.background):
            rung.number("discovery, q0", getattr(mine_0, "q0", None), theirs_0.q0, "q")
            rung.number("discovery, muhat", getattr(mine_0, "muhat", None), theirs_0.muhat, "best fit", minima.sigma)
    if rung.count == 0:
        rung.remarks.append("the reference records no test statistic")
    return rung


def _p_values(minima: _Minima) -> Comparison:
    rung = Comparison("CLs", "CLs observed and expected, its p-values, p0 and significance", "p-values")
    for where, mine, theirs in minima.tests(rung, "asymptotic"):
        with rung.following(minima.of(mine, theirs)):
            rung.number(f"{where}, CLsb", mine.clsb, theirs.clsb, "p-values")
            rung.number(f"{where}, CLb", mine.clb, theirs.clb, "p-values")
            rung.number(f"{where}, CLs observed", mine.cls_obs, theirs.cls_obs, "p-values")
        for k, (a, b) in enumerate(zip(mine.cls_exp, theirs.cls_exp, strict=True)):
            with rung.following(minima.background):
                rung.number(f"{where}, CLs expected at {k - 2:+d} sigma", a, b, "p-values")
    if minima.reference.discovery is not None:
        found = minima.ours.discovery
        with rung.following(minima.free, minima.background):
            rung.number("discovery, p0", getattr(found, "p0", None), minima.reference.discovery.p0, "p-values")
            rung.number("discovery, z", getattr(found, "z", None), minima.reference.discovery.z, "p-values")
    if rung.count == 0:
        rung.remarks.append("the reference records no CLs")
    return rung


def _limits(minima: _Minima) -> Comparison:
    rung = Comparison("limit", "upper limits observed and expected", "limits")
    mine, theirs = minima.ours.limit, minima.reference.limit
    if theirs is None:
        rung.remarks.append("the reference records no limit")
        return rung
    found = mine or LimitRecord(level=theirs.level, observed=None, expected=(None,) * 5)
    rung.number("limit, level", found.level, theirs.level, "limits")
    with rung.following(minima.free, minima.background):
        rung.number("limit, observed", found.observed, theirs.observed, "limits")
        for k, (a, b) in enumerate(zip(found.expected, theirs.expected, strict=True)):
            rung.number(f"limit, expected at {k - 2:+d} sigma", a, b, "limits")
    return rung


def _toys(minima: _Minima) -> Comparison:
    rung = Comparison("toys", "p-values by pseudo-experiments, within their statistical errors", "toys")
    for where, mine, theirs in minima.tests(rung, "toys"):
        if mine.toys is None or theirs.toys is None:
            rung.same(f"{where}, statistical errors", "present" if mine.toys else None, "present")
            continue
        a, b = mine.toys, theirs.toys
        rung.number(f"{where}, CLsb by toys", mine.clsb, theirs.clsb, "toys", _joint(a, b, "clsb_error"))
        rung.number(f"{where}, CLb by toys", mine.clb, theirs.clb, "toys", _joint(a, b, "clb_error"))
        rung.number(f"{where}, CLs by toys", mine.cls_obs, theirs.cls_obs, "toys", _joint(a, b, "cls_error"))
    if rung.count == 0:
        rung.remarks.append("the reference records no toys")
    return rung


def _joint(ours: ToysRecord, reference: ToysRecord, error: str) -> float:
    return hypot(getattr(ours, error), getattr(reference, error))
