"""Data tables of a record in HEPData's form: yields of a region, and CLs or limits of its points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from hftranslate.display import terminal
from hftranslate.errors import FitFailed, MissingInput
from hftranslate.hepdata.entries import gathered
from hftranslate.hepdata.regions import Region
from hftranslate.inference.fit import FitResult, fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.yields import ChannelYields, expected_yields
from hftranslate.signal_grid.scan import Scan
from hftranslate.workspace.map import signal_samples

Json: TypeAlias = dict[str, Any]
#: A number or a word; a decimal number is written with all its digits.
Cell: TypeAlias = int | float | str | Decimal

#: Largest table that HEPData takes, and the longest name of one.
MAX_TABLE_BYTES, MAX_NAME = 10_485_760, 64
#: What is written where a sample is not part of a channel.
NOTHING = "-"
#: Units of cross sections in fb.
IN_FB = {"ab": 1e-3, "fb": 1.0, "pb": 1e3, "nb": 1e6}
BANDS = ("-2 sigma", "-1 sigma", "", "+1 sigma", "+2 sigma")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A variable of a table: its name, and values with, perhaps, symmetric uncertainties."""

    name: str
    values: tuple[Cell, ...]
    errors: tuple[Cell | None, ...] = ()
    units: str | None = None
    qualifiers: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; ``keywords`` are HEPData's: ``cmenergies``, ``observables``, ``reactions`` and ``phrases``."""

    name: str
    file: str
    description: str
    independent: tuple[Column, ...]
    dependent: tuple[Column, ...]
    keywords: Mapping[str, Sequence[int | float | str]] = field(default_factory=dict)

    def to_document(self) -> Json:
        """The content of its data file."""
        return {
            "independent_variables": [_column(c) for c in self.independent],
            "dependent_variables": [_column(c) for c in self.dependent],
        }


def _column(column: Column) -> Json:
    header: Json = {"name": column.name}
    if column.units is not None:
        header["units"] = column.units
    values: list[Json] = []
    for i, value in enumerate(column.values):
        entry: Json = {"value": value}
        error = column.errors[i] if column.errors else None
        if error is not None:
            entry["errors"] = [{"symerror": error}]
        values.append(entry)
    result: Json = {"header": header}
    if column.qualifiers:
        result["qualifiers"] = [
            {"name": name, **({"units": "GEV"} if name == "SQRT(S)" else {}), "value": value}
            for name, value in column.qualifiers.items()
        ]
    return {**result, "values": values}


# -------------------------------------------------------------------------------------------------------------- yields
def yields_table(region: Region, measurement: str | None = None) -> Table:
    """Observed events, and those expected without signal after a fit to the data, per channel and bin.

    Raises
    ------
    FitFailed
        The fit without signal does not converge.
    MissingInput
        There is no such measurement, or a channel has no data.
    """
    model, data = compile_model(region.workspace, measurement)
    prefit, postfit = _yields(region, model, data)
    signal = {s.name for _, s in signal_samples(region.workspace)}
    samples = list(dict.fromkeys(s for c in postfit for s in c.samples if s not in signal))
    rows = [(c, b) for c in postfit for b in range(c.rates.shape[1])]
    columns = [
        Column(
            name="Observed",
            units="Events",
            values=tuple(_observed(n) for n in data.observed),
            qualifiers={} if measurement is None else {"Measurement": terminal(measurement)},
        ),
        Column(
            name="Total expected, after the fit without signal",
            units="Events",
            values=tuple(rounded(c.total[b]) for c, b in rows),
            errors=tuple(_error(c.total_uncertainties[b]) for c, b in rows),
        ),
        Column(
            name="Total expected, before the fit",
            units="Events",
            values=tuple(rounded(x) for c in prefit for x in _background(c, signal)),
        ),
        *(_sample_column(sample, rows) for sample in samples),
    ]
    name, file = placed("Yields", "yields", region)
    return Table(
        name=name,
        file=file,
        description=(
            f"Events per channel and bin{_of(region)}: observed, and expected without signal before and after a "
            "maximum-likelihood fit to the observed events of all channels. Uncertainties are those of the fit."
        ),
        independent=(
            Column(name="Channel", values=tuple(terminal(c.name) for c, _ in rows)),
            Column(name="Bin", values=tuple(b for _, b in rows)),
        ),
        dependent=tuple(columns),
        keywords={"observables": ["N"]},
    )


def _yields(region: Region, model: Model, data: Data) -> tuple[Sequence[ChannelYields], Sequence[ChannelYields]]:
    best = fit_without_signal(region, model, data)
    start = model.parameters.vector(**_without_signal(model))
    return expected_yields(model, start).channels, expected_yields(model, best.values, best.covariance).channels


def _without_signal(model: Model) -> dict[str, float]:
    try:
        return {model.parameters.names[model.parameters.poi_index]: 0.0}
    except MissingInput:
        return {}  # a background-only workspace


def fit_without_signal(region: Region, model: Model, data: Data) -> FitResult:
    """The fit to the data with the parameter of interest at zero.

    Raises
    ------
    FitFailed
        It does not converge.
    """
    try:
        return fit(model, data, fixed=_without_signal(model))
    except FitFailed as error:
        where = f" of region {region.name!r}" if region.name else ""
        raise FitFailed(f"the yields{where} cannot be given: {error} (--no-yields leaves the table out)") from None


def _background(channel: ChannelYields, signal: set[str]) -> Any:
    return np.sum([r for s, r in zip(channel.samples, channel.rates, strict=True) if s not in signal], axis=0)


def _sample_column(sample: str, rows: Sequence[tuple[ChannelYields, int]]) -> Column:
    values: list[float | str] = []
    errors: list[float | None] = []
    for c, b in rows:
        if sample in c.samples:
            i = c.samples.index(sample)
            values.append(rounded(c.rates[i, b]))
            errors.append(_error(c.uncertainties[i, b]))
        else:
            values.append(NOTHING)
            errors.append(None)
    return Column(
        name=terminal(sample),
        units="Events",
        values=tuple(values),
        errors=tuple(errors),
        qualifiers={"Sample": terminal(sample)},
    )


# --------------------------------------------------------------------------------------------------------------- scans
def scan_table(region: Region, scan: Scan) -> Table:
    """CLs or upper limits of all points of a scan, observed and at the five quantiles expected without signal."""
    observed, expected = ("CLs_obs", "CLs_exp") if scan.what == "cls" else ("observed", "expected")
    quantity = "CLs" if scan.what == "cls" else "upper limit"
    poi = region.workspace.measurement(scan.task.get("measurement")).pois[:1]
    qualifiers: dict[str, int | float | str] = {"Test statistic": str(scan.task.get("test_stat", "qtilde"))}
    if poi:
        qualifiers["Parameter of interest"] = terminal(poi[0])
    if scan.what == "cls":
        qualifiers["Tested value"] = float(scan.task.get("test_poi", 1.0))
    else:
        qualifiers["Confidence level"] = round(1.0 - scan.level, 9)
    if scan.task.get("measurement") is not None:
        qualifiers["Measurement"] = terminal(str(scan.task["measurement"]))
    if scan.task.get("conventions", "pyhf") != "pyhf":
        qualifiers["Conventions"] = str(scan.task["conventions"])
    if region.name:
        qualifiers["Region"] = region.name
    if len(region.patchsets) > 1:
        qualifiers["Patch set"] = str(region.patchset_of(scan))
    columns = [(f"Observed {quantity}", [p.result[observed] for p in scan.points])]
    for k, band in enumerate(BANDS):
        columns.append((f"Expected {quantity} {band}".strip(), [p.result[expected][k] for p in scan.points]))
    missing = _missing(scan, observed)
    title, stem = ("CLs", "cls") if scan.what == "cls" else ("Upper limit", "limits")
    name, file = placed(title, stem, region, scan)
    return Table(
        name=name,
        file=file,
        description=(
            f"Observed {quantity} of every signal{_of(region)}, and those expected without signal with their one and "
            "two sigma bands, from the asymptotic formulae (arXiv:1007.1727), computed with the likelihood of this "
            f"record.{missing}"
        ),
        independent=tuple(
            Column(name=label, values=tuple(shown(p.values[i]) for p in scan.points))
            for i, label in enumerate(scan.labels)
        ),
        dependent=tuple(
            Column(name=name, values=tuple(rounded(x) for x in values), qualifiers=qualifiers)
            for name, values in columns
        ),
        keywords={"observables": ["CLS" if scan.what == "cls" else "LIMIT"]},
    )


def shown(value: int | float | str) -> int | float | str:
    """A value of a label, made harmless."""
    return terminal(value) if isinstance(value, str) else value


def _missing(scan: Scan, observed: str) -> str:
    """A sentence that names the points without a result."""
    empty = [p.name for p in scan.points if p.result[observed] is None]
    told = [
        f" {gathered(names, len(scan.points) + len(scan.failed), 'points')} {what}."
        for names, what in (
            ([f.name for f in scan.failed], "without result are left out"),
            (empty, f"have no observed value and show {NOTHING!r}"),
        )
        if names
    ]
    return "".join(told)


def placed(title: str, file: str, region: Region, scan: Scan | None = None, which: str = "") -> tuple[str, str]:
    """The name of a table and of its file, with those of the region and, where there are several, of the patch set."""
    if scan is not None and len(region.patchsets) > 1:
        which = (region.patchset_of(scan) or "").removesuffix(".json")
    parts = list(filter(None, (region.name, which)))
    return ", ".join([title, *parts])[:MAX_NAME], "_".join([file, *parts]) + ".yaml"


def _of(region: Region) -> str:
    return f" of region {region.name}" if region.name else ""


def _observed(n: float) -> int | float:
    return int(n) if float(n).is_integer() else float(n)


def rounded(x: float | None) -> float | str:
    """A number with six digits; what is none is left open."""
    return NOTHING if x is None or not isfinite(x) else float(f"{x:.6g}")


def _error(x: float) -> float | None:
    return float(f"{x:.3g}") if isfinite(x) and x > 0.0 else None
