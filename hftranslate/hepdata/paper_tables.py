"""Tables that papers have besides yields and results: contours, cross sections, signals, correlations, any CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hftranslate.display import terminal
from hftranslate.errors import InputError
from hftranslate.formats import pyhf_json
from hftranslate.hepdata.presentation import named_units
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import BANDS, IN_FB, NOTHING, Column, Table, fit_without_signal, placed, rounded, shown
from hftranslate.likelihood.compile import compile_model
from hftranslate.signal_grid.contour import CURVES, contour_lines, take_slice
from hftranslate.signal_grid.document import Value, parse_value
from hftranslate.signal_grid.scan import Scan
from hftranslate.signal_grid.tasks import Background
from hftranslate.workspace.map import signal_samples

_TITLES = dict(zip(CURVES, ("observed", "expected -1 sigma", "expected", "expected +1 sigma"), strict=True))


# ------------------------------------------------------------------------------------------------------------------ CSV
def csv_columns(data: bytes, source: str) -> list[Column]:
    """The columns of comma-separated values: a line of names, with units in brackets, then numbers or words.

    Raises
    ------
    InputError
        It is no UTF-8, has no lines, or one with another number of values.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source} is no table of comma-separated values: {error}") from None
    if len(rows) < 2:
        raise InputError(f"{source} has no values: expected a line of names, then lines of values")
    for i, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError(f"{source}, row {i}: {len(row)} values for {len(rows[0])} names")
    columns = zip(*([parse_value(cell) for cell in row] for row in rows[1:]), strict=True)
    return [
        Column(name=name, units=units, values=tuple(shown(v) if v != "" else NOTHING for v in values))
        for (name, units), values in zip(map(named_units, rows[0]), columns, strict=True)
    ]


def csv_table(name: str, data: bytes, source: str, labels: Sequence[str], description: str = "") -> Table:
    """A table as it stands in a file: columns called as labels of the patch sets are independent, else the first.

    Raises
    ------
    InputError
        It is no such table, or has one column only.
    """
    columns = csv_columns(data, source)
    independent = [c for c in columns if c.name in labels] or columns[:1]
    dependent = [c for c in columns if all(c is not i for i in independent)]
    if not dependent:
        raise InputError(f"{source} has one column only: a table needs another one")
    file = "".join(c if c.isalnum() else "_" for c in name.casefold()) + ".yaml"
    said = description or f"{name}."
    return Table(name=name, file=file, description=said, independent=tuple(independent), dependent=tuple(dependent))


def cross_sections(data: bytes, source: str, labels: Sequence[str]) -> dict[tuple[Value, ...], float]:
    """Cross sections of points in fb: columns of all labels, and one in fb or pb.

    Raises
    ------
    InputError
        A label has no column, no column has such units, or a value is no number above zero.
    """
    columns = {c.name: c for c in csv_columns(data, source)}
    missing = [label for label in labels if label not in columns]
    values = [c for c in columns.values() if c.units in IN_FB]
    if missing or len(values) != 1:
        what = f"no column {missing[0]!r}" if missing else f"{len(values)} columns with units of a cross section"
        raise InputError(f"{source}: {what}; expected {', '.join(labels)} and one like 'cross section [fb]'")
    (section,) = values
    found = {}
    for i, (point, x) in enumerate(
        zip(zip(*(columns[a].values for a in labels), strict=True), section.values, strict=True)
    ):
        if isinstance(x, str) or not x > 0.0:
            raise InputError(f"{source}, row {i + 2}: {x!r} is no cross section, which is a number above zero")
        found[tuple(parse_value(str(v)) for v in point)] = float(x) * IN_FB[str(section.units)]
    return found


def cross_section_table(of_limits: Table, scan: Scan, sections: Mapping[tuple[Value, ...], float]) -> Table:
    """Limits on the signal strength times the cross sections of the points, in fb.

    Raises
    ------
    InputError
        A point has no cross section.
    """
    at = [sections.get(p.values) for p in scan.points]
    for p, x in zip(scan.points, at, strict=True):
        if x is None:
            raise InputError(f"there is no cross section of {p.name} ({', '.join(map(str, p.values))})")
    bands = {c.name: k for k, c in enumerate(of_limits.dependent)}
    columns = []
    for c in of_limits.dependent:
        k = bands[c.name] - 1
        raw = [p.result["observed"] if k < 0 else p.result["expected"][k] for p in scan.points]
        values = tuple(NOTHING if v is None else rounded(v * (x or 0.0)) for v, x in zip(raw, at, strict=True))
        title = "Observed" if k < 0 else "Expected"
        name = f"{title} upper limit on cross section {'' if k < 0 else BANDS[k]}".strip()
        columns.append(replace(c, name=name, units="fb", values=values))
    return replace(
        of_limits,
        name=of_limits.name.replace("Upper limit", "Upper limit on cross section"),
        file=f"cross_section_{of_limits.file}",
        description=f"The upper limits of table {of_limits.name!r} times the cross sections of the signals, in fb.",
        dependent=tuple(columns),
    )


# ------------------------------------------------------------------------------------------------------------- contours
def contour_tables(region: Region, scan: Scan) -> Iterator[Table]:
    """The exclusion contour of a scan in its first two labels: a table for each curve that there is.

    Raises
    ------
    InputError
        The points make no plane.
    """
    plane = take_slice(scan)
    for curve in CURVES:
        lines = contour_lines(plane, curve)
        rows = [(i, x, y) for i, line in enumerate(lines, start=1) for x, y in line.tolist()]
        if not rows:
            continue
        ids, xs, ys = zip(*rows, strict=True)
        name, file = placed(f"Contour, {_TITLES[curve]}", f"contour_{curve.replace('+', 'plus')}", region, scan)
        line = (Column(name="Line", values=ids),) if len(lines) > 1 else ()
        yield Table(
            name=name,
            file=file.replace("-1", "minus1"),
            description=(
                f"Exclusion contour ({_TITLES[curve]}) at {100.0 * (1.0 - scan.level):g} % confidence level, "
                "interpolated by a thin plate in the significance, as smooth as predicts best points that are left out."
            ),
            independent=(*line, Column(name=plane.labels[0], values=tuple(map(rounded, xs)))),
            dependent=(Column(name=plane.labels[1], values=tuple(map(rounded, ys))),),
            keywords={"observables": ["EXCLUSION"]},
        )


# -------------------------------------------------------------------------------------------------------------- signals
def signal_tables(region: Region) -> Iterator[Table]:
    """Expected events of every signal in each channel, at a signal strength of one and nominal parameters."""
    background = Background(dict(region.document))
    channels = [c.name for c in region.workspace.channels]
    for file, patches in region.patchsets.items():
        yields: dict[str, list[float]] = {c: [] for c in channels}
        for patch in patches:
            document = patches.apply(background.document, patch)
            workspace = pyhf_json.from_document(document, patch.name, known=background.known)
            sums = dict.fromkeys(channels, 0.0)
            for channel, sample in signal_samples(workspace):
                sums[channel.name] = sums.get(channel.name, 0.0) + float(np.sum(sample.nominal))
            for c in channels:
                yields[c].append(sums[c])
        which = file.removesuffix(".json") if len(region.patchsets) > 1 else ""
        name, path = placed("Signal yields", "signal_yields", region, which=which)
        yield Table(
            name=name,
            file=path,
            description="Expected events of every signal in each channel, at a signal strength of one, before any fit.",
            independent=tuple(
                Column(name=label, values=tuple(shown(p.values[i]) for p in patches))
                for i, label in enumerate(patches.labels)
            ),
            dependent=tuple(
                Column(name=terminal(c), units="Events", values=tuple(map(rounded, yields[c]))) for c in channels
            ),
            keywords={"observables": ["N"]},
        )


# --------------------------------------------------------------------------------------------------------- correlations
def correlation_table(region: Region, measurement: str | None = None) -> Table:
    """The correlations of all free parameters in the fit without signal.

    Raises
    ------
    FitFailed
        The fit does not converge.
    """
    model, data = compile_model(region.workspace, measurement)
    best = fit_without_signal(region, model, data)
    free = [i for i, s in enumerate(best.uncertainties) if s > 0.0]
    names = [terminal(model.parameters.names[i]) for i in free]
    matrix = best.correlation[np.ix_(free, free)]
    name, file = placed("Correlations", "correlations", region)
    return Table(
        name=name,
        file=file,
        description="Correlations of the parameters in the maximum-likelihood fit without signal.",
        independent=(
            Column(name="Parameter 1", values=tuple(a for a in names for _ in names)),
            Column(name="Parameter 2", values=tuple(b for _ in names for b in names)),
        ),
        dependent=(Column(name="Correlation", values=tuple(float(f"{x:.4f}") for x in matrix.ravel())),),
        keywords={"observables": ["CORR"]},
    )
