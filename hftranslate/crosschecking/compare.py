"""Two result documents compared rung by rung, so that no difference is blamed on the wrong thing.

The ladder: the model's description, yields, NLL, best fit, uncertainties, test statistic, CLs, limits. A difference on
a rung explains those above it: where yields differ, nobody needs to look at the minimiser.
"""

from dataclasses import dataclass, field
from math import asin, cos, sin
from statistics import median
from typing import Any

from hftranslate.crosschecking.comparison import TOLERANCES, Comparison, Rung
from hftranslate.crosschecking.document import FitRecord, HypoTestRecord, ParameterRecord, Point, Results, to_json

__all__ = ["TOLERANCES", "Report", "Rung", "crosscheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The ladder of two result documents, and the documents themselves.

    ``beside`` are results of ours under other conventions, shown and not judged.
    """

    rungs: tuple[Rung, ...]
    ours: Results = field(repr=False)
    reference: Results = field(repr=False)
    beside: Results | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether no rung failed."""
        return all(rung.verdict != "failed" for rung in self.rungs)

    @property
    def first_failure(self) -> Rung | None:
        """The lowest failing rung, which those above it may only echo."""
        return next((rung for rung in self.rungs if rung.verdict == "failed"), None)

    @property
    def conventions_note(self) -> str | None:
        """A sentence where the two documents follow different conventions."""
        ours, reference = to_json(self.ours.conventions), to_json(self.reference.conventions)
        differing = [key for key in ours if key != "name" and ours[key] != reference[key]]
        if not differing:
            return None
        listed = ", ".join(f"{key} is {ours[key]} in ours and {reference[key]} in the reference" for key in differing)
        return f"the two documents follow different conventions, so differences are to be expected: {listed}"

    def to_document(self) -> dict[str, Any]:
        """The verdicts as plain JSON values; the compared documents are named by their provenance."""
        document: dict[str, Any] = {
            "schema": "hftranslate-crosscheck/1",
            "passed": self.passed,
            "measurement": self.reference.measurement,
            "poi": self.reference.poi,
            "conventions": {
                "ours": to_json(self.ours.conventions),
                "reference": to_json(self.reference.conventions),
                "note": self.conventions_note,
            },
            "provenance": {
                "ours": to_json(self.ours.provenance),
                "reference": to_json(self.reference.provenance),
            },
            "tolerances": {
                name: {"tolerance": str(t), "floor": t.floor, "reason": t.reason} for name, t in TOLERANCES.items()
            },
            "rungs": to_json(self.rungs),
        }
        if self.beside is not None:
            document["beside"] = {
                "conventions": self.beside.conventions.name,
                "hypotests": to_json(self.beside.hypotests or ()),
            }
        return document

    def text(self) -> str:
        """The ladder as a table for a terminal."""
        from hftranslate.crosschecking.report import report_text

        return report_text(self)


def crosscheck(ours: Results, reference: Results, *, beside: Results | None = None) -> Report:
    """Compare two result documents, every number of the reference with ours.

    Ours should have been evaluated at the reference's points: ``results(workspace, like=reference)``. What only ours
    has is not looked at, except for parameters, channels and samples.

    Parameters
    ----------
    beside
        results of ours under other conventions, to be shown beside; they are not judged.
    """
    ladder = (_model, _yields, _nll, _best_fit, _uncertainties, _test_statistic, _p_values, _limits)
    rungs = tuple(rung(ours, reference).rung() for rung in ladder)
    return Report(rungs=rungs, ours=ours, reference=reference, beside=beside)


# ------------------------------------------------------------------------------------------------------------ the rungs
def _model(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("model", "parameters, ranges, constants, data", "settings")
    rung.same("measurement", ours.measurement, reference.measurement)
    rung.same("parameter of interest", ours.poi, reference.poi)
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


def _parameter(rung: Comparison, where: str, ours: ParameterRecord, reference: ParameterRecord) -> None:
    rung.number(f"{where}, initial value", ours.init, reference.init, "settings")
    rung.number(f"{where}, lower end of its range", ours.low, reference.low, "settings")
    rung.number(f"{where}, upper end of its range", ours.high, reference.high, "settings")
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
    offset, outside = _offset(ours, reference), 0
    for where, mine, theirs in _paired_points(rung, ours, reference):
        rung.same(f"NLL at {where}, evaluation error", mine.evaluation_error, theirs.evaluation_error)
        if mine.evaluation_error and theirs.evaluation_error:
            outside += 1
            continue
        rung.number(f"NLL at {where}", None if mine.nll is None else mine.nll - offset, theirs.nll, "nll")
    rung.remarks.append(f"a common constant of {offset:.2g} between the engines is left out")
    if outside:
        rung.remarks.append(f"{outside} points lie outside the domain of both engines")
    return rung


def _best_fit(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("best fit", "best-fit values and the NLL there", "best fit", "nll")
    mine, theirs = ours.fit, reference.fit
    if theirs is None:
        rung.remarks.append("the reference records no fit")
        return rung
    if mine is None:
        rung.same("fit", None, "present")
        return rung
    if theirs.status != "converged":
        rung.remarks.append(f"the reference says of its fit: {theirs.status}")
    if mine.status not in ("converged", "kink"):
        rung.same("fit, status", mine.status, theirs.status)
    rung.number("fit, NLL at the minimum", mine.nll - _offset(ours, reference), theirs.nll, "nll")
    constant = {p.name for p in reference.parameters if p.fixed}
    rung.keys("fit, value of", mine.values, theirs.values)
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


def _uncertainties(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("uncertainties", "uncertainties (HESSE, MINOS) and correlations", "uncertainties", "correlations")
    mine, theirs = ours.fit, reference.fit
    if theirs is None or (theirs.uncertainties is None and theirs.minos is None and theirs.correlation is None):
        rung.remarks.append("the reference records none")
        return rung
    if theirs.at_limit is not None:
        rung.keys("fit, at a limit of its range:", (mine and mine.at_limit) or (), theirs.at_limit)
    found = (mine and mine.uncertainties) or {}
    if reference.provenance.engine == "ROOT" and mine is not None:
        found = _as_minuit_quotes(mine, {p.name: p for p in ours.parameters})
        rung.remarks.append(
            "Minuit takes the uncertainty of a parameter with a range through the sine that keeps it there, which "
            "shortens large ones; ours are taken through it too before they are compared"
        )
    for name, value in (theirs.uncertainties or {}).items():
        rung.number(f"uncertainty of {name}", found.get(name), value, "uncertainties")
    intervals = (mine and mine.minos) or {}
    for name, (low, high) in (theirs.minos or {}).items():
        my_low, my_high = intervals.get(name, (None, None))
        rung.number(f"MINOS error of {name}, downwards", my_low, low, "uncertainties")
        rung.number(f"MINOS error of {name}, upwards", my_high, high, "uncertainties")
    _correlations(rung, mine, theirs)
    return rung


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
    if reference.correlation is None:
        return
    mine = ours and ours.correlation
    position = {name: i for i, name in enumerate(mine.names)} if mine else {}
    names = reference.correlation.names
    rung.keys("correlations of", position, names)
    for a, row in zip(names, reference.correlation.matrix, strict=True):
        for b, value in zip(names, row, strict=True):
            if mine and a in position and b in position:
                rung.number(f"correlation of {a} and {b}", mine.matrix[position[a]][position[b]], value, "correlations")


def _paired_tests(
    rung: Comparison, ours: Results, reference: Results
) -> list[tuple[str, HypoTestRecord, HypoTestRecord]]:
    """The asymptotic tests of the reference and ours of the same values."""
    mine = {(t.poi, t.test_stat): t for t in ours.hypotests or () if t.calculator == "asymptotic"}
    pairs, toys = [], 0
    for theirs in reference.hypotests or ():
        where = f"test of {theirs.poi:g} with {theirs.test_stat}"
        if theirs.calculator != "asymptotic":
            toys += 1
        elif (theirs.poi, theirs.test_stat) not in mine:
            rung.same(where, None, "present")
        else:
            pairs.append((where, mine[theirs.poi, theirs.test_stat], theirs))
    if toys:
        rung.remarks.append(f"{toys} tests by toys are not compared")
    return pairs


def _test_statistic(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("test statistic", "q(mu) in data and Asimov data, q0, and their fits", "q", "best fit", "nll")
    offset = _offset(ours, reference)
    sigma = _sigma(reference.poi or "", reference.fit, ours.fit)
    for where, mine, theirs in _paired_tests(rung, ours, reference):
        for name, tolerance in (("q", "q"), ("q_asimov", "q"), ("muhat", "best fit"), ("nll_conditional", "nll")):
            value, own = getattr(theirs, name), getattr(mine, name)
            if value is not None:
                if name == "nll_conditional" and own is not None:
                    own -= offset
                rung.number(f"{where}, {name}", own, value, tolerance, sigma)
    if reference.discovery is not None:
        found = ours.discovery
        rung.number("discovery, q0", getattr(found, "q0", None), reference.discovery.q0, "q")
        rung.number("discovery, muhat", getattr(found, "muhat", None), reference.discovery.muhat, "best fit", sigma)
    if rung.count == 0:
        rung.remarks.append("the reference records no test statistic")
    return rung


def _p_values(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("CLs", "CLs observed and expected, its p-values, p0 and significance", "p-values")
    for where, mine, theirs in _paired_tests(rung, ours, reference):
        rung.number(f"{where}, CLsb", mine.clsb, theirs.clsb, "p-values")
        rung.number(f"{where}, CLb", mine.clb, theirs.clb, "p-values")
        rung.number(f"{where}, CLs observed", mine.cls_obs, theirs.cls_obs, "p-values")
        for k, (a, b) in enumerate(zip(mine.cls_exp, theirs.cls_exp, strict=True)):
            rung.number(f"{where}, CLs expected at {k - 2:+d} sigma", a, b, "p-values")
    if reference.discovery is not None:
        found = ours.discovery
        rung.number("discovery, p0", getattr(found, "p0", None), reference.discovery.p0, "p-values")
        rung.number("discovery, z", getattr(found, "z", None), reference.discovery.z, "p-values")
    if rung.count == 0:
        rung.remarks.append("the reference records no CLs")
    return rung


def _limits(ours: Results, reference: Results) -> Comparison:
    rung = Comparison("limit", "upper limits observed and expected", "limits")
    mine, theirs = ours.limit, reference.limit
    if theirs is None:
        rung.remarks.append("the reference records no limit")
        return rung
    rung.number("limit, level", None if mine is None else mine.level, theirs.level, "limits")
    rung.number("limit, observed", None if mine is None else mine.observed, theirs.observed, "limits")
    for k, value in enumerate(theirs.expected):
        rung.number(f"limit, expected at {k - 2:+d} sigma", None if mine is None else mine.expected[k], value, "limits")
    return rung
