"""Pictures of the best fit for the HTML report: pulls, and correlations of both engines in one matrix."""

from collections.abc import Sequence

from hftranslate.crosschecking.document import Correlation, FitRecord, Results
from hftranslate.crosschecking.svg import WIDTH, box, cross, dot, legend, line, svg, text, ticks
from hftranslate.display import html

_ROW = 20.0  # height per parameter
_LABELS = 186.0  # width of the parameters' names
_LONGEST = 24  # letters of a name that fit there
_MOST_CORRELATED = 30  # rows of a matrix that are drawn
_SMALLEST = 0.005  # correlations that are drawn


# ---------------------------------------------------------------------------------------------------------------- pulls
def pulls_picture(reference: Results, ours: Results, most: int) -> str:
    """Both engines' best fits: systematics in prior standard deviations, factors relative to their initial values."""
    if reference.fit is None or ours.fit is None:
        return ""
    initial = {p.name: p.init for p in reference.parameters}
    errors = reference.fit.uncertainties or {}
    names = [n for n in reference.fit.values if n in errors and n in ours.fit.values and n in initial]
    alphas = [n for n in names if n.startswith("alpha_") and initial[n] == 0.0]
    factors = [n for n in names if n not in alphas and initial[n] != 0.0]
    figures = []
    for chosen, caption in (
        (alphas, "Pulls of the systematics, in prior standard deviations"),
        (factors, "Factors, relative to their initial values"),
    ):
        if chosen:
            relative = chosen is factors
            rows = [
                (n, *_bar(n, reference.fit, initial, relative), *_bar(n, ours.fit, initial, relative)) for n in chosen
            ]
            cut = f" (the first {most} of {len(rows)})" if len(rows) > most else ""
            engine = reference.provenance.engine
            figures.append(
                f"<figure><figcaption>{caption}{cut}</figcaption>{_pulls(rows[:most], engine, relative)}</figure>"
            )
    return f'<div class="channels">{"".join(figures)}</div>'


def _bar(name: str, fit: FitRecord, initial: dict[str, float], relative: bool) -> tuple[float, float]:
    unit = initial[name] if relative else 1.0
    return fit.values[name] / unit, (fit.uncertainties or {}).get(name, 0.0) / abs(unit)


def _pulls(rows: list[tuple[str, float, float, float, float]], engine: str, relative: bool) -> str:
    top, bottom = 26.0, 24.0
    height = top + _ROW * len(rows) + bottom
    centre, least = (1.0, 0.3) if relative else (0.0, 2.2)
    reach = max([least, *(abs(v - centre) + e for _, v, e, _, _ in rows), *(abs(v - centre) + e for *_, v, e in rows)])
    reach *= 1.05

    def x(value: float) -> float:
        return _LABELS + 10.0 + (value - centre + reach) / (2.0 * reach) * (WIDTH - _LABELS - 20.0)

    floor_y = height - bottom
    parts = [legend(_LABELS + 20.0, 12.0, [(dot(0, 0, "fill-reference"), engine), (cross(0, 0, "ours", 3.5), "ours")])]
    if not relative:
        parts.append(box(x(-1.0), x(1.0) - x(-1.0), top, floor_y, "band1").replace("<rect", '<rect opacity="0.35"'))
    for tick in ticks(centre - reach, centre + reach):
        parts += [
            line(x(tick), top, x(tick), floor_y, "grid"),
            text(x(tick), floor_y + 15.0, f"{tick:g}", kind="dim"),
        ]
    parts.append(line(x(centre), top, x(centre), floor_y, "axis"))
    for i, (name, value, error, own, own_error) in enumerate(rows):
        y = top + _ROW * (i + 0.5)
        parts += [
            f"<g><title>{html(name)}: {value:.4g} ± {error:.3g}, ours {own:.4g} ± {own_error:.3g}</title>",
            text(_LABELS, y + 4.0, _short(name), "end"),
            line(x(value - error), y - 3.0, x(value + error), y - 3.0, "reference"),
            dot(x(value), y - 3.0, "fill-reference", 3.0),
            line(x(own - own_error), y + 3.0, x(own + own_error), y + 3.0, "ours"),
            cross(x(own), y + 3.0, "ours", 3.0),
            "</g>",
        ]
    return svg(height, "best fit of both engines", parts)


def _short(name: str, longest: int = _LONGEST) -> str:
    return name if len(name) <= longest else f"{name[: longest - 12]}…{name[-11:]}"


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
    left, top, labels = 150.0, 8.0, 20
    size = min((WIDTH - left - 8.0) / len(names), 34.0)
    places = [{n: i for i, n in enumerate(c.names)} for c in (reference, ours)]
    parts = []
    for i, a in enumerate(names):
        y = top + size * i
        font = f'style="font-size:{min(12.0, 0.9 * size):.1f}px"'
        parts.append(text(left - 6.0, y + 0.5 * size + 4.0, _short(a, labels), "end").replace("<text", f"<text {font}"))
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
    return svg(top + extent + 8.0, "correlations of both engines", parts)
