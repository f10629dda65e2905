"""Pictures of the HTML report as inline SVG: no fonts, no scripts, colours from the page's style sheet."""

from collections.abc import Callable, Iterable
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from hftranslate.crosschecking.document import FitRecord, HypoTestRecord, Results

_WIDTH = 480.0
_ROW = 20.0  # height per parameter
_LABELS = 186.0  # width of the parameters' names
_LONGEST = 24  # letters of a name that fit there
_LOWEST = 1e-4  # CLs below are drawn here


def _svg(height: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(title)}">' + "".join(parts) + "</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(x: float, width: float, y1: float, y2: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{min(y1, y2):.1f}" width="{width:.1f}" height="{abs(y2 - y1):.1f}"/>'


def _dot(x: float, y: float, kind: str, radius: float = 3.5) -> str:
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def _cross(x: float, y: float, kind: str, size: float = 5.0) -> str:
    return _line(x - size, y - size, x + size, y + size, kind) + _line(x - size, y + size, x + size, y - size, kind)


def _diamond(x: float, y: float, kind: str, size: float = 6.5) -> str:
    corners = f"M{x:.1f} {y - size:.1f}L{x + size:.1f} {y:.1f}L{x:.1f} {y + size:.1f}L{x - size:.1f} {y:.1f}Z"
    return f'<path class="{kind}" d="{corners}"/>'


def _legend(x: float, y: float, entries: Iterable[tuple[str, str]]) -> str:
    """Marks with names, one after the other."""
    parts = []
    for mark, name in entries:
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{mark}{_text(11, 4, name, "start")}</g>')
        x += 34.0 + 7.2 * len(name)
    return "".join(parts)


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
        return _LABELS + 10.0 + (value - centre + reach) / (2.0 * reach) * (_WIDTH - _LABELS - 20.0)

    floor_y = height - bottom
    parts = [
        _legend(_LABELS + 20.0, 12.0, [(_dot(0, 0, "fill-reference"), engine), (_cross(0, 0, "ours", 3.5), "ours")])
    ]
    if not relative:
        parts.append(_box(x(-1.0), x(1.0) - x(-1.0), top, floor_y, "band1").replace("<rect", '<rect opacity="0.35"'))
    for tick in _ticks(centre - reach, centre + reach):
        parts += [
            _line(x(tick), top, x(tick), floor_y, "grid"),
            _text(x(tick), floor_y + 15.0, f"{tick:g}", kind="dim"),
        ]
    parts.append(_line(x(centre), top, x(centre), floor_y, "axis"))
    for i, (name, value, error, own, own_error) in enumerate(rows):
        y = top + _ROW * (i + 0.5)
        label = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 12]}…{name[-11:]}"
        parts += [
            f"<g><title>{escape(name)}: {value:.4g} ± {error:.3g}, ours {own:.4g} ± {own_error:.3g}</title>",
            _text(_LABELS, y + 4.0, label, "end"),
            _line(x(value - error), y - 3.0, x(value + error), y - 3.0, "reference"),
            _dot(x(value), y - 3.0, "fill-reference", 3.0),
            _line(x(own - own_error), y + 3.0, x(own + own_error), y + 3.0, "ours"),
            _cross(x(own), y + 3.0, "ours", 3.0),
            "</g>",
        ]
    return _svg(height, "best fit of both engines", parts)


def _ticks(low: float, high: float) -> list[float]:
    """Some five round numbers between two values."""
    rough = (high - low) / 5.0
    power = 10.0 ** floor(log10(rough))
    step = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= rough)
    return [round(k * step, 10) for k in range(ceil(low / step), floor(high / step) + 1)]


# ------------------------------------------------------------------------------------------------------------------ CLs
def cls_picture(reference: Results, ours: Results, beside: Results | None) -> str:
    """CLs of all tested values: expected bands of the reference, observed of both engines."""
    tests = reference.hypotests or ()
    if not tests or reference.poi is None:
        return ""
    lowest = min(x for t in tests for x in (t.cls_obs, *t.cls_exp) if x is not None)
    decades = ceil(-log10(max(lowest, _LOWEST)) - 1e-9) or 1
    top, bottom, left, right, height = 30.0, 36.0, 58.0, 14.0, 300.0
    positions = sorted({t.poi for t in tests})
    pad = 0.12 * (positions[-1] - positions[0]) or 0.5

    def x(poi: float) -> float:
        span = positions[-1] - positions[0] + 2.0 * pad
        return left + (poi - positions[0] + pad) / span * (_WIDTH - left - right)

    def y(cls: float) -> float:
        return top + min(-log10(max(cls, 1e-300)) / decades, 1.0) * (height - top - bottom)

    half = min(18.0, 0.35 * min((x(b) - x(a) for a, b in pairwise(positions)), default=40.0))
    parts = []
    for k in range(decades + 1):
        parts += [_line(left, y(10.0**-k), _WIDTH - right, y(10.0**-k), "grid")]
        parts.append(_text(left - 6.0, y(10.0**-k) + 4.0, f"{10.0**-k:g}", "end", "dim"))
    for test in tests:
        parts += _bands(test, x(test.poi), half, y)
    level = reference.limit.level if reference.limit is not None else 0.05
    parts.append(_line(left, y(level), _WIDTH - right, y(level), "level"))
    parts += [_text(x(p), height - bottom + 16.0, f"{p:g}", kind="dim") for p in positions]
    parts += [
        _line(left, height - bottom, _WIDTH - right, height - bottom, "axis"),
        _text((_WIDTH + left) / 2.0, height - 4.0, reference.poi),
        _text(left - 6.0, 14.0, "CLs", "end"),
    ]
    parts += [_dot(x(t.poi), y(t.cls_obs), "fill-reference", 4.5) for t in tests]
    parts += [_cross(x(t.poi), y(t.cls_obs), "ours") for t in ours.hypotests or ()]
    marks = [(_dot(0, 0, "fill-reference"), reference.provenance.engine), (_cross(0, 0, "ours", 4.0), "ours")]
    if beside is not None:
        parts += [_diamond(x(t.poi), y(t.cls_obs), "beside") for t in beside.hypotests or ()]
        marks.append((_diamond(0, 0, "beside", 5.0), f"{beside.conventions.name} conventions"))
    parts.append(_legend(left + 14.0, 14.0, marks))
    caption = (
        f"Observed CLs of both engines; bars: expected by {escape(reference.provenance.engine)}, median, "
        f"&plusmn;1 and &plusmn;2 standard deviations; dashed: {level:g}."
    )
    return f'<figure class="half">{_svg(height, "CLs", parts)}<figcaption>{caption}</figcaption></figure>'


def _bands(test: HypoTestRecord, centre: float, half: float, y: Callable[[float], float]) -> list[str]:
    e = test.cls_exp
    parts = []
    for low, high, kind in ((e[0], e[4], "band2"), (e[1], e[3], "band1")):
        if low is not None and high is not None:
            parts.append(_box(centre - half, 2.0 * half, y(low), y(high), kind))
    if e[2] is not None:
        parts.append(_line(centre - half, y(e[2]), centre + half, y(e[2]), "axis"))
    return parts
