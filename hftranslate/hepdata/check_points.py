"""Checks of numbers: CLs and limits of points are computed and compared with what is published; so are yields."""

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.errors import HFTranslateError
from hftranslate.formats import pyhf_json
from hftranslate.formats.json_text import read_bytes
from hftranslate.hepdata.contents import FILE_LABEL, Likelihood
from hftranslate.hepdata.entries import Entry, Status, gathered
from hftranslate.hepdata.paper_tables import cross_sections
from hftranslate.hepdata.published import (
    BLANK,
    PublishedColumn,
    PublishedPoints,
    PublishedTable,
    Quantity,
    Unread,
    agrees,
    is_about,
    number,
    points_of,
)
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import yields_table
from hftranslate.inference.asymptotics import asymptotic_cls
from hftranslate.inference.fit import fit
from hftranslate.inference.tester import statistic
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data
from hftranslate.signal_grid import Patch, PatchSet, PointNames
from hftranslate.signal_grid.scan import Point, Scan, scan
from hftranslate.signal_grid.tasks import ScanSettings

_KEYS = {"cls": ("CLs_obs", "CLs_exp"), "limit": ("observed", "expected")}
_WORDS = {"cls": "CLs", "limit": "upper limits"}
#: So many points are computed first; all of them where that takes no longer than so many seconds.
POINTS, SECONDS = 5, 20.0
#: A POI without settings of its own has this range in pyhf.
_DEFAULT_RANGE = (0.0, 10.0)


#: The one point of a model without patches.
_ALONE = PatchSet(
    labels=("model",),
    patches=(Patch(name="the model", values=("",), operations=[]),),
    digests={},
    references={},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What neither the tables nor the archive tell.

    Attributes
    ----------
    columns
        which header stands for which label of a patch set or quantity (``CLs_obs``).
    names
        how values are found in the names of loose patches.
    cross_sections
        a file of comma-separated values with the cross sections of the signals.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    names: PointNames | None = None
    cross_sections: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many points of each patch set are compared: ``None`` for all, ``"auto"`` for all where that takes seconds."""

    points: int | Literal["auto"] | None = "auto"
    hints: Hints = field(default_factory=Hints)


def chosen_points(names: Sequence[str], points: int | None) -> list[str]:
    """So many names of points, spread evenly over the patch set; all for ``None``."""
    n = len(names)
    if points is None or points >= n:
        return list(names)
    step = (n - 1) / max(points - 1, 1)
    return [names[round(i * step)] for i in range(points)]


def point_entries(
    likelihood: Likelihood,
    tables: Sequence[PublishedTable],
    comparison: Comparison,
    *,
    without: frozenset[str] = frozenset(),
    batch: BatchOptions = DEFAULT_BATCH,
) -> Iterator[Entry]:
    """CLs of points are computed: finite, and equal to the published ones within their precision.

    Points ``without`` a valid model are left out: that is said elsewhere.
    """
    patches = likelihood.patches
    names = [p.name for p in patches or () if p.name not in without]
    if patches is None or comparison.points == 0 or not names:
        return
    hints = comparison.hints
    sections = _sections(patches, hints.cross_sections)
    found = list(chain.from_iterable(points_of(t, patches, likelihood.region, hints.columns, sections) for t in tables))
    for one in found:
        if isinstance(one, Unread):
            what = one.reason if one.status == "note" else f"compared with nothing: {one.reason}"
            what += f" ({_hint(patches)})" if patches.labels == (FILE_LABEL,) and one.status == "warning" else ""
            yield Entry(status=one.status, check="table", where=f"table {one.table.name!r}", what=what)
    published = [one for one in found if isinstance(one, PublishedPoints)]
    if tables and not found:
        what = (
            f"computed points are compared with nothing: no table holds CLs or limits in {', '.join(patches.labels)}"
            f" ({_hint(patches)})"
        )
        yield Entry(status="warning", check="table", where=likelihood.name, what=what)
    for told in published or (None,):
        settings = _settings(told)
        done, remark = _scanned(likelihood, settings, names, comparison.points, batch)
        if remark:
            yield Entry(status="note", check=settings.what, where=likelihood.name, what=remark)
        yield from _finite(likelihood, done)
        if told is not None:
            yield from _compared(likelihood, told, done.points)
            yield from _complete(told, patches)


def _sections(patches: PatchSet, file: Path | None) -> dict[str, float]:
    """The cross sections of the points of a patch set, by name, in fb."""
    if file is None:
        return {}
    told = cross_sections(read_bytes(file), str(file), patches.labels)
    return {p.name: told[p.values] for p in patches if p.values in told}


def _hint(patches: PatchSet) -> str:
    loose = patches.labels == (FILE_LABEL,)
    return "--values-from REGEX finds the values of loose patches in their names" if loose else "--columns LABEL=HEADER"


def _scanned(
    likelihood: Likelihood,
    settings: ScanSettings,
    names: Sequence[str],
    points: int | Literal["auto"] | None,
    batch: BatchOptions,
) -> tuple[Scan, str]:
    """The points that are wanted; a sentence where time allows for some only."""
    assert likelihood.patches is not None
    first = chosen_points(names, POINTS if points == "auto" else points)
    begin = time.perf_counter()
    done = scan(likelihood.document, likelihood.patches, settings, names=first, batch=batch)
    each = (time.perf_counter() - begin) / len(first)
    rest = [n for n in names if n not in first]
    if points != "auto" or not rest:
        return done, ""
    if each * len(rest) > SECONDS:
        return done, (
            f"{len(first)} of {len(names)} points were computed: all would take about {each * len(names):.0f} s, "
            f"more than {SECONDS:.0f} s (--points all)"
        )
    more = scan(likelihood.document, likelihood.patches, settings, names=rest, batch=batch)
    return replace(done, points=(*done.points, *more.points), failed=(*done.failed, *more.failed)), ""


def _settings(told: PublishedPoints | None) -> ScanSettings:
    if told is None:
        return ScanSettings()
    qualifiers = told.table.qualifiers
    tested, level = (number(qualifiers.get(name, "")) for name in ("Tested value", "Confidence level"))
    return ScanSettings(
        what=told.what,
        measurement=qualifiers.get("Measurement"),
        conventions="root" if qualifiers.get("Conventions") == "root" else "pyhf",
        test_poi=1.0 if tested is None else tested[0],
        level=0.05 if level is None or not 0.0 < level[0] < 1.0 else round(1.0 - level[0], 9),
        test_stat="q" if qualifiers.get("Test statistic") == "q" else "qtilde",
    )


def _finite(likelihood: Likelihood, done: Scan) -> Iterator[Entry]:
    what, total = done.what, len(done.points) + len(done.failed)
    observed, expected = _KEYS[what]
    bad = [
        p.name for p in done.points if not all(_sensible(v, what) for v in (p.result[observed], *p.result[expected]))
    ]
    if done.failed:
        what_failed = f"{gathered([p.name for p in done.failed], total, 'points')} fail: {done.failed[0].reason}"
        yield Entry(status="error", check="fit", where=likelihood.name, what=what_failed)
    if bad:
        yield Entry(
            status="error",
            check=what,
            where=likelihood.name,
            what=f"{gathered(bad, total, 'points')}: {_WORDS[what]} are not finite, or out of range",
        )
    good = total - len(bad) - len(done.failed)
    if good:
        says = f"fits of {good} points converge and their {_WORDS[what]} are finite"
        yield Entry(status="passed", check=what, where=likelihood.name, what=says)


def _sensible(value: Any, what: str) -> bool:
    return value is not None and isfinite(value) and value >= 0.0 and (what == "limit" or value <= 1.0)


def _compared(likelihood: Likelihood, told: PublishedPoints, points: Sequence[Point]) -> Iterator[Entry]:
    """Cell by cell; what is counted are cells that were compared."""
    where = f"table {told.table.name!r}"
    observed, expected = _KEYS[told.what]
    computed = {p.name: (p.result[observed], *p.result[expected]) for p in points}
    wrong: dict[str, str] = {}
    n_cells, at = 0, set()
    for quantity, column in told.columns:
        yield from _unreadable(where, column)
        for name, text in zip(told.rows, column.texts, strict=False):
            value = computed[name][0 if quantity == "observed" else quantity + 1] if name in computed else None
            if name is None or value is None or number(text) is None:
                continue
            if told.factors:
                if name not in told.factors:
                    continue
                value *= told.factors[name]
            n_cells += 1
            at.add(name)
            if not agrees(text, value, 0.01 if column.units == "%" else 1.0):
                wrong.setdefault(name, f"{name}, {_worded(quantity)}: {text} published, {value:.6g} computed")
    if wrong:
        what = f"{gathered(list(wrong), len(at), 'points')} differ from the likelihood of {likelihood.name}: "
        yield Entry(status="error", check="table", where=where, what=what + next(iter(wrong.values())))
    elif n_cells:
        what = f"{n_cells} {_WORDS[told.what]} of {len(at)} points agree with the likelihood within their precision"
        yield Entry(status="passed", check="table", where=where, what=what)
    elif not any(e.status == "error" for _, c in told.columns for e in _unreadable(where, c)):
        why = "none of the computed points has a number in it" if points else "no point was computed"
        yield Entry(status="warning", check="table", where=where, what=f"compared with nothing: {why}")


def _worded(quantity: Quantity) -> str:
    return (
        "observed"
        if quantity == "observed"
        else f"expected at {quantity - 2:+d} sigma"
        if quantity != 2
        else "expected"
    )


def _unreadable(where: str, column: PublishedColumn) -> Iterator[Entry]:
    """Cells that are neither numbers nor left blank."""
    cells = [(f"row {i}: {t!r}", t.strip()) for i, t in enumerate(column.texts, start=1)]
    bad = [said for said, t in cells if t not in BLANK and number(t) is None]
    if bad:
        what = f"{gathered(bad, len(cells), f'cells of {column.name!r}')} are no finite numbers"
        yield Entry(status="error", check="table", where=where, what=what)


def _complete(told: PublishedPoints, patches: PatchSet) -> Iterator[Entry]:
    where = f"table {told.table.name!r}"
    missing = [p.name for p in patches if p.name not in told.rows]
    points = zip(*(c.texts for c in told.table.independent), strict=False)
    strangers = [", ".join(p) for name, p in zip(told.rows, points, strict=False) if name is None]
    if missing:
        what = f"{gathered(missing, len(patches), 'signals')} are not in the table"
        yield Entry(status="note", check="table", where=where, what=what)
    if strangers:
        what = f"{gathered(strangers, len(told.rows), 'points')} have no patch"
        yield Entry(status="warning", check="table", where=where, what=what)


# ----------------------------------------------------------------------------------------------- parameter of interest
def poi_entries(likelihood: Likelihood, without: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Whether a parameter of interest can be tested as it stands: not constant, nor cut by a range of its own."""
    patches = likelihood.patches or _ALONE
    names = chosen_points([p.name for p in patches if p.name not in without], POINTS)
    for i, measurement in enumerate(likelihood.document["measurements"]):
        config = measurement["config"]
        for settings in config["parameters"]:
            bounds = settings.get("bounds")
            own_range = bounds is not None and tuple(bounds[0]) != _DEFAULT_RANGE
            if settings["name"] != config["poi"] or not names or not (settings.get("fixed") or own_range):
                continue
            freed = copy.deepcopy(likelihood.document["measurements"])
            freed[i]["config"]["parameters"] = [p for p in config["parameters"] if p is not settings]
            of = ScanSettings(measurement=measurement["name"])
            held = settings.get("inits", [1.0])[0]
            within = (held, held) if settings.get("fixed") else (bounds[0][0], bounds[0][1])
            free = {**likelihood.document, "measurements": freed}
            status, problem = _cut(free, patches, of, names, within)
            what = f"constant, at {held:g}," if settings.get("fixed") else f"kept to {bounds[0]}"
            if problem:
                says = f"the parameter of interest {settings['name']} is {what} in {measurement['name']}: {problem}"
                yield Entry(status=status, check="poi", where=likelihood.name, what=says)


def _cut(
    document: Any, patches: PatchSet, of: ScanSettings, names: Sequence[str], within: tuple[float, float]
) -> tuple[Status, str]:
    """What a range of the parameter of interest changes, and how bad that is; an empty text where nothing is cut.

    Parameters
    ----------
    document
        the workspace without it.

    Returns
    -------
    tuple
        a range beyond which a few limits lie is a warning: a grid may reach far beyond what is excluded.
    """
    low, high = within
    before = {p.name: p.result["CLs_obs"] for p in scan(document, patches, of, names=names).points}
    after = {name: _cls_within(patches.apply(document, patches.named(name)), of.measurement, within) for name in before}
    name = max(before, key=lambda n: abs(before[n] - after[n]), default=None)
    if name is None:
        return "error", "no point can be computed without that, either"
    if abs(before[name] - after[name]) > 1e-3 * before[name] + 1e-5:
        return "error", f"observed CLs of {name}, {before[name]:.3g} without that, becomes {after[name]:.3g}"
    limits = scan(document, patches, replace(of, what="limit"), names=names).points
    values = {p.name: [x for x in (p.result["observed"], p.result["expected"][2]) if x is not None] for p in limits}
    beyond = {n: max(found) for n, found in values.items() if found and not low <= min(found) <= max(found) <= high}
    if not beyond:
        return "passed", ""
    first, value = next(iter(beyond.items()))
    told = f"upper limits of {gathered(list(beyond), len(limits), 'points')} lie beyond it: {value:.3g} for {first}"
    return ("error" if 2 * len(beyond) >= len(limits) else "warning"), told


def _cls_within(document: Any, measurement: str | None, within: tuple[float, float]) -> float:
    """Observed CLs at one, with the fits of the parameter of interest kept to a range, as others do."""
    model, data = compile_model(pyhf_json.from_document(document), measurement)
    low, high = within
    poi, tested = model.parameters.names[model.parameters.poi_index], 1.0
    start = model.parameters.vector(**{poi: min(max(tested, low), high)})

    def statistic_of(events: Data) -> float:
        held = fit(model, events, fixed={poi: tested})
        free = (
            fit(model, events, fixed={poi: low})
            if low == high
            else fit(model, events, bounds={poi: within}, start=start)
        )
        return statistic("qtilde", tested, free.value(poi), held.excess_nll - free.excess_nll)

    asimov = model.expected_data(fit(model, data, fixed={poi: 0.0}).values)
    return asymptotic_cls(statistic_of(data), statistic_of(asimov), "qtilde")


# -------------------------------------------------------------------------------------------------------------- yields
def yield_entries(likelihood: Likelihood, tables: Sequence[PublishedTable]) -> Iterator[Entry]:
    """Tables of yields per channel and bin, in the form of a bundle, against a fit of the workspace."""
    try:
        workspace = pyhf_json.from_document(likelihood.document, likelihood.name)
        for table in tables:
            names = {c.name for c in table.independent}
            is_yields = names == {"Channel", "Bin"} and "Observed" in {
                c.qualifiers.get("Sample", c.name) for c in table.dependent
            }
            if not is_yields or not is_about(table, likelihood.region):
                continue
            region = Region(name="", document=likelihood.document, workspace=workspace)
            own = yields_table(region, table.qualifiers.get("Measurement"))
            yield _yields_compared(table, own.independent, own.dependent)
    except HFTranslateError as error:
        yield Entry(status="error", check="yields", where=likelihood.name, what=str(error))


def _yields_compared(table: PublishedTable, independent: Any, dependent: Any) -> Entry:
    where = f"table {table.name!r}"
    rows = list(zip(*(map(str, c.values) for c in independent), strict=True))
    published = {c.qualifiers.get("Sample", c.name): c.texts for c in (*table.independent, *table.dependent)}
    stated = list(zip(published["Channel"], published["Bin"], strict=False))
    if stated != rows:
        strangers = sorted({f"{c} bin {b}" for c, b in {*stated} ^ {*rows}})
        what = (
            f"its rows are not the channels and bins of the workspace ({', '.join(strangers[:3]) or 'another order'})"
        )
        return Entry(status="error", check="yields", where=where, what=what)
    different, n = [], 0
    for column in dependent:
        for row, value, text in zip(rows, column.values, published.get(column.name, ()), strict=False):
            if isinstance(value, str) or text.strip() in BLANK:
                continue
            n += 1
            if not agrees(text, float(value)):
                different.append(f"{column.name} in {row[0]} bin {row[1]}: {text} published, {value:g} computed")
    if different:
        what = f"{len(different)} of {n} numbers differ from a fit of the workspace: {different[0]}"
        return Entry(status="error", check="yields", where=where, what=what)
    what = f"{n} numbers agree with a fit of the workspace" if n else "compared with nothing: it has no numbers"
    return Entry(status="passed" if n else "warning", check="yields", where=where, what=what)
