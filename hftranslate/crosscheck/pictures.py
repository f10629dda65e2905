"""Pictures of the best fit for the HTML report: pulls, and correlations of both engines in one matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hftranslate.crosscheck.document import Correlation, Results
from hftranslate.crosscheck.svg import LETTER, WIDTH, box, cross, dot, legend, line, name, svg, text, ticks
from hftranslate.display import html
from hftranslate.workspace.parameter_names import shortened_all

_ROW = 20.0  # height per parameter
_NAME = 11.0  # size of the letters of a name
_LONGEST = 40  # letters of a name that is shown as it is
_SPAN = 280.0  # width of the axis of pulls, at least, and of a matrix
_MOST_CORRELATED = 30  # rows of a matrix that are drawn
_SMALLEST = 0.005  # correlations that are drawn


# ---------------------------------------------------------------------------------------------------------------- pulls
def pulls_picture(reference: Results, ours: Results, own_errors: Mapping[str, float], most: int) -> str:
    """Both engines' best fits: systematics in prior standard deviations, factors relative to their initial values.

    Parameters
    ----------
    own_errors
        our uncertainties, as they are compared with those of the reference.
    """
    if reference.fit is None or ours.fit is None:
        return ""
    errors = reference.fit.uncertainties or {}
    initial = {p.name: p.init for p in reference.parameters if not p.fixed}
    names = [n for n in reference.fit.values if n in initial and n in ours.fit.values]
    alphas = [n for n in names if n.startswith("alpha_") and initial[n] == 0.0]
    factors = [n for n in names if n not in alphas]
    figures = []
    for chosen, relative, caption in (
        (alphas, False, "Pulls of the systematics, in prior standard deviations"),
        (factors, True, "Factors, relative to their initial values (where these are not zero)"),
    ):
        if chosen:
            units = {n: initial[n] or 1.0 if relative else 1.0 for n in chosen}
            rows = [
                _Row(
                    name=n,
                    theirs=_Mark.of(reference.fit.values[n], errors.get(n), units[n]),
                    ours=_Mark.of(ours.fit.values[n], own_errors.get(n), units[n]),
                )
                for n in chosen
            ]
            cut = f" (the first {most} of {len(chosen)})" if len(chosen) > most else ""
            engine = reference.provenance.engine
            figures.append(
                f"<figure><figcaption>{caption}{cut}</figcaption>{_pulls(rows[:most], engine, relative)}</figure>"
            )
    return f'<div class="channels">{"".join(figures)}</div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """A value and its uncertainty, zero where there is none, in some unit; and both as text."""

    value: float
    error: float
    says: str

    @classmethod
    def of(cls, value: float, error: float | None, unit: float) -> "_Mark":
        value, spread = value / unit, (error or 0.0) / abs(unit)
        says = f"{value:.4g}" + ("" if error is None else f" ± {spread:.3g}")
        return cls(value=value, error=spread, says=says)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A parameter in both fits."""

    name: str
    theirs: _Mark
    ours: _Mark


def _pulls(rows: Sequence[_Row], engine: str, relative: bool) -> str:
    names = shortened_all([row.name for row in rows], _LONGEST)
    top, bottom, labels = 26.0, 24.0, LETTER * _NAME * max(map(len, names)) + 6.0
    span = max(_SPAN, WIDTH - labels - 20.0)
    width, height = labels + 20.0 + span, top + _ROW * len(rows) + bottom
    centre, least = (1.0, 0.3) if relative else (0.0, 2.2)
    reach = 1.05 * max([least, *(abs(m.value - centre) + m.error for row in rows for m in (row.theirs, row.ours))])

    def x(value: float) -> float:
        return labels + 10.0 + (value - centre + reach) / (2.0 * reach) * span

    floor_y = height - bottom
    parts = [legend(labels + 20.0, 12.0, [(dot(0, 0, "fill-reference"), engine), (cross(0, 0, "ours", 3.5), "ours")])]
    if not relative:
        parts.append(box(x(-1.0), x(1.0) - x(-1.0), top, floor_y, "band1").replace("<rect", '<rect opacity="0.35"'))
    for tick in ticks(centre - reach, centre + reach):
        parts += [
            line(x(tick), top, x(tick), floor_y, "grid"),
            text(x(tick), floor_y + 15.0, f"{tick:g}", kind="dim"),
        ]
    parts.append(line(x(centre), top, x(centre), floor_y, "axis"))
    for i, (row, label) in enumerate(zip(rows, names, strict=True)):
        y, theirs, ours = top + _ROW * (i + 0.5), row.theirs, row.ours
        parts += [
            f"<g><title>{html(row.name)}: {theirs.says}, ours {ours.says}</title>",
            name(labels, y + 4.0, label, _NAME),
            line(x(theirs.value - theirs.error), y - 3.0, x(theirs.value + theirs.error), y - 3.0, "reference"),
            dot(x(theirs.value), y - 3.0, "fill-reference", 3.0),
            line(x(ours.value - ours.error), y + 3.0, x(ours.value + ours.error), y + 3.0, "ours"),
            cross(x(ours.value), y + 3.0, "ours", 3.0),
            "</g>",
        ]
    return svg(height, "best fit of both engines", parts, width)


# --------------------------------------------------------------------------------------------------------- correlations
def correlations_picture(reference: Results, ours: Results) -> str:
    """Correlations: those of the reference below the diagonal, ours above it."""
    theirs = reference.fit and reference.fit.correlation
    mine = ours.fit and ours.fit.correlation
    if not theirs or not mine:
        return ""
    common = [n for n in theirs.names if n in mine.names]
    names = _most_correlated(theirs, common)
    if len(names) < 2:
        return ""
    engine = reference.provenance.engine
    cut = f" (the {len(names)} most correlated of {len(common)})" if len(names) < len(common) else ""
    caption = f"Correlations{cut}: below the diagonal {html(engine)}, above it ours"
    return f'<figure class="half"><figcaption>{caption}</figcaption>{_matrix(names, theirs, mine, engine)}</figure>'


def _most_correlated(correlation: Correlation, names: Sequence[str]) -> list[str]:
    """In their order, those with the strongest correlation with any other."""
    place = {n: i for i, n in enumerate(correlation.names)}
    strongest = {
        n: max((abs(correlation.matrix[place[n]][place[m]]) for m in names if m != n), default=0.0) for n in names
    }
    kept = set(sorted(names, key=lambda n: -strongest[n])[:_MOST_CORRELATED])
    return [n for n in names if n in kept]


def _matrix(names: Sequence[str], reference: Correlation, ours: Correlation, engine: str) -> str:
    size, top = min(_SPAN / len(names), 34.0), 8.0
    letters = min(_NAME, 0.9 * size)
    labels = shortened_all(names, _LONGEST)
    left = LETTER * letters * max(map(len, labels)) + 10.0
    places = [{n: i for i, n in enumerate(c.names)} for c in (reference, ours)]
    parts = []
    for i, a in enumerate(names):
        y = top + size * i
        parts.append(name(left - 6.0, y + 0.5 * size + 4.0, labels[i], letters))
        for k, b in enumerate(names):
            which = int(k > i)
            source, place = (reference, ours)[which], places[which]
            value = source.matrix[place[a]][place[b]]
            if abs(value) >= _SMALLEST and i != k:
                kind = "plus" if value > 0.0 else "minus"
                whose = "ours" if which else engine
                parts.append(
                    f'<rect class="{kind}" x="{left + size * k:.1f}" y="{y:.1f}" width="{size:.1f}" '
                    f'height="{size:.1f}" fill-opacity="{abs(value):.2f}"><title>{html(a)}, {html(b)}: '
                    f"{value:.3f} ({html(whose)})</title></rect>"
                )
    extent = size * len(names)
    parts += [
        line(left, top, left + extent, top + extent, "axis"),
        f'<rect class="frame" x="{left:.1f}" y="{top:.1f}" width="{extent:.1f}" height="{extent:.1f}"/>',
    ]
    return svg(top + extent + 8.0, "correlations of both engines", parts, max(left + extent + 8.0, WIDTH))
