"""Checks of numbers: CLs and limits of points are computed and compared with what is published; so are yields."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from hftranslate.batch.options import DEFAULT_BATCH, BatchOptions
from hftranslate.errors import HFTranslateError
from hftranslate.formats import pyhf_json
from hftranslate.hepdata.contents import Likelihood
from hftranslate.hepdata.entries import Entry, gathered
from hftranslate.hepdata.published import (
    PublishedPoints,
    PublishedTable,
    Quantity,
    agrees,
    is_about,
    matching,
    number,
    points_of,
)
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import yields_table
from hftranslate.signal_grid import PatchSet
from hftranslate.signal_grid.scan import FailedPoint, Point, ScanSettings, scan

_KEYS = {"cls": ("CLs_obs", "CLs_exp"), "limit": ("observed", "expected")}
_BANDS: tuple[Quantity, ...] = (0, 1, 2, 3, 4)
_WORDS = {"cls": "CLs", "limit": "upper limits"}


def chosen_points(patches: PatchSet, points: int | None) -> list[str]:
    """Names of so many points, spread evenly over the patch set; all for ``None``."""
    n = len(patches)
    if points is None or points >= n:
        return [p.name for p in patches]
    step = (n - 1) / max(points - 1, 1)
    return [patches.patches[round(i * step)].name for i in range(points)]


def point_entries(
    likelihood: Likelihood,
    tables: Sequence[PublishedTable],
    points: int | None,
    *,
    batch: BatchOptions = DEFAULT_BATCH,
) -> Iterator[Entry]:
    """CLs of points are computed: finite, and equal to the published ones within their precision."""
    patches = likelihood.patches
    if patches is None or points == 0:
        return
    names = chosen_points(patches, points)
    published: list[PublishedPoints | None] = []
    for table in tables:
        published += points_of(table, patches.labels, likelihood.region)
    if tables and not published:
        what = (
            f"no table holds CLs or limits in {', '.join(patches.labels)}: computed points were compared with nothing"
        )
        yield Entry(status="note", check="table", where=likelihood.name, what=what)
    for told in published or [None]:
        settings = _settings(told)
        done = scan(likelihood.document, patches, settings, names=names, batch=batch)
        yield from _finite(likelihood, settings.what, done.points, done.failed, len(names))
        if told is not None:
            yield from _compared(likelihood, told, done.points)
            yield from _complete(told, patches)


def _settings(told: PublishedPoints | None) -> ScanSettings:
    if told is None:
        return ScanSettings()
    tested = number(told.table.qualifiers.get("Tested value", ""))
    level = number(told.table.qualifiers.get("Confidence level", ""))
    return ScanSettings(
        what=told.what,
        measurement=told.table.qualifiers.get("Measurement"),
        conventions="root" if told.table.qualifiers.get("Conventions") == "root" else "pyhf",
        test_poi=1.0 if tested is None else tested[0],
        level=0.05 if level is None or not 0.0 < level[0] < 1.0 else round(1.0 - level[0], 9),
        test_stat="q" if told.table.qualifiers.get("Test statistic") == "q" else "qtilde",
    )


def _finite(
    likelihood: Likelihood, what: str, points: Sequence[Point], failed: Sequence[FailedPoint], total: int
) -> Iterator[Entry]:
    observed, expected = _KEYS[what]
    bad = [p.name for p in points if not all(_sensible(v, what) for v in (p.result[observed], *p.result[expected]))]
    if failed:
        what_failed = f"{gathered([p.name for p in failed], total, 'points')} fail: {failed[0].reason}"
        yield Entry(status="error", check="fit", where=likelihood.name, what=what_failed)
    if bad:
        yield Entry(
            status="error",
            check=what,
            where=likelihood.name,
            what=f"{gathered(bad, total, 'points')}: {_WORDS[what]} are not finite, or out of range",
        )
    good = total - len(bad) - len(failed)
    if good:
        says = f"fits of {good} points converge and their {_WORDS[what]} are finite"
        yield Entry(status="passed", check=what, where=likelihood.name, what=says)


def _sensible(value: Any, what: str) -> bool:
    return value is not None and isfinite(value) and value >= 0.0 and (what == "limit" or value <= 1.0)


def _compared(likelihood: Likelihood, told: PublishedPoints, points: Sequence[Point]) -> Iterator[Entry]:
    observed, expected = _KEYS[told.what]
    wrong: list[str] = []
    example = ""
    n = 0
    for p in points:
        texts = matching(p.values, told.points) or {}
        computed: dict[Quantity, float] = {"observed": p.result[observed]}
        for k, band in enumerate(_BANDS):
            computed[band] = p.result[expected][k]
        different = [
            (q, text) for q, text in texts.items() if number(text) is not None and not agrees(text, computed[q])
        ]
        n += any(number(text) is not None for text in texts.values())
        if different:
            wrong.append(p.name)
            q, text = different[0]
            which = "observed" if q == "observed" else f"expected at {q - 2:+d} sigma" if q != 2 else "expected"
            example = example or f"{p.name}, {which}: {text} published, {computed[q]:.6g} computed"
    where = f"table {told.table.name!r}"
    if wrong:
        what = f"{gathered(wrong, n, 'points')} differ from the likelihood of {likelihood.name}: {example}"
        yield Entry(status="error", check="table", where=where, what=what)
    elif n:
        what = f"{_WORDS[told.what]} of {n} points agree with the likelihood within their precision"
        yield Entry(status="passed", check="table", where=where, what=what)


def _complete(told: PublishedPoints, patches: PatchSet) -> Iterator[Entry]:
    where = f"table {told.table.name!r}"
    known = {p.values: p for p in patches}
    missing = [p.name for p in patches if matching(p.values, told.points) is None]
    strangers = [", ".join(map(str, v)) for v in told.points if matching(v, known) is None]
    if missing:
        what = f"{gathered(missing, len(patches), 'signals')} are not in the table"
        yield Entry(status="note", check="table", where=where, what=what)
    if strangers:
        what = f"{gathered(strangers, len(told.points), 'points')} have no patch"
        yield Entry(status="warning", check="table", where=where, what=what)


# -------------------------------------------------------------------------------------------------------------- yields
def yield_entries(likelihood: Likelihood, tables: Sequence[PublishedTable]) -> Iterator[Entry]:
    """Tables of yields per channel and bin, in the form of a bundle, against a fit of the workspace."""
    try:
        workspace = pyhf_json.from_document(likelihood.document, likelihood.name)
        for table in tables:
            is_yields = set(table.independent) == {"Channel", "Bin"} and "Observed" in table.dependent
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
    stated = list(zip(table.independent["Channel"], table.independent["Bin"], strict=False))
    if stated != rows:
        strangers = sorted({f"{c} bin {b}" for c, b in {*stated} ^ {*rows}})
        what = (
            f"its rows are not the channels and bins of the workspace ({', '.join(strangers[:3]) or 'another order'})"
        )
        return Entry(status="error", check="yields", where=where, what=what)
    different, n = [], 0
    for column in dependent:
        for row, value, text in zip(rows, column.values, table.dependent.get(column.name, ()), strict=False):
            if isinstance(value, str) or number(text) is None:
                continue
            n += 1
            if not agrees(text, float(value)):
                different.append(f"{column.name} in {row[0]} bin {row[1]}: {text} published, {value:g} computed")
    if different:
        what = f"{len(different)} of {n} numbers differ from a fit of the workspace: {different[0]}"
        return Entry(status="error", check="yields", where=where, what=what)
    return Entry(status="passed", check="yields", where=where, what=f"{n} numbers agree with a fit of the workspace")
