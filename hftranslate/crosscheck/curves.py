"""Curves of the HTML report: the test statistic and CLs against the parameter of interest, of both engines."""

from collections.abc import Callable, Sequence
from math import ceil, log10

from hftranslate.crosscheck.document import HypoTestRecord, Results
from hftranslate.crosscheck.svg import (
    WIDTH,
    box,
    cross,
    diamond,
    dot,
    legend,
    line,
    polygon,
    polyline,
    svg,
    text,
    ticks,
)
from hftranslate.display import html
from hftranslate.workspace.parameter_names import shortened

_LOWEST = 1e-4  # CLs below are drawn here
_LONGEST = 50  # letters of a name that fit below an axis
_TOP, _BOTTOM, _LEFT, _RIGHT, _HEIGHT = 30.0, 36.0, 58.0, 14.0, 300.0
_FLOOR = _HEIGHT - _BOTTOM
Scale = Callable[[float], float]


def asymptotic_tests(results: Results | None) -> list[HypoTestRecord]:
    """The tests from tight fits, by increasing value of the parameter of interest."""
    tests = (results.hypotests if results is not None else None) or ()
    return sorted((t for t in tests if t.calculator == "asymptotic"), key=lambda t: t.poi)


def _horizontal(tests: Sequence[HypoTestRecord]) -> Scale:
    first, last = tests[0].poi, tests[-1].poi
    pad = 0.06 * (last - first) or 0.5

    def x(poi: float) -> float:
        return _LEFT + (poi - first + pad) / (last - first + 2.0 * pad) * (WIDTH - _LEFT - _RIGHT)

    return x


def _frame(x: Scale, tests: Sequence[HypoTestRecord], poi: str, name: str) -> list[str]:
    marks = ticks(tests[0].poi, tests[-1].poi) if len(tests) > 1 else [tests[0].poi]
    parts = [text(x(p), _FLOOR + 16.0, f"{p:g}", kind="dim") for p in marks]
    parts += [line(x(p), _FLOOR, x(p), _FLOOR + 4.0, "axis") for p in marks]
    return [
        *parts,
        line(_LEFT, _FLOOR, WIDTH - _RIGHT, _FLOOR, "axis"),
        text((WIDTH + _LEFT) / 2.0, _HEIGHT - 4.0, shortened(poi, _LONGEST)),
        text(_LEFT - 6.0, 14.0, name, "end"),
    ]


def _marks(reference: Results) -> list[tuple[str, str]]:
    return [(dot(0, 0, "fill-reference"), reference.provenance.engine), (cross(0, 0, "ours", 4.0), "ours")]


# --------------------------------------------------------------------------------------------------- the test statistic
def statistic_picture(reference: Results, ours: Results) -> str:
    """``q(mu)`` in data (full line) and in Asimov data (dashed), of both engines."""
    tests = [t for t in asymptotic_tests(reference) if t.q is not None]
    if not tests or reference.poi is None:
        return ""
    highest = max(x for t in tests for x in (t.q, t.q_asimov) if x is not None) or 1.0
    x = _horizontal(tests)

    def y(q: float) -> float:
        return _FLOOR - q / (1.05 * highest) * (_FLOOR - _TOP)

    parts = []
    for tick in ticks(0.0, 1.05 * highest):
        parts += [line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "grid")]
        parts.append(text(_LEFT - 6.0, y(tick) + 4.0, f"{tick:g}", "end", "dim"))
    for attribute, kind in (("q", "reference"), ("q_asimov", "reference dashed")):
        points = [(x(t.poi), y(v)) for t in tests if (v := getattr(t, attribute)) is not None]
        parts += [polyline(points, kind), *(dot(a, b, "fill-reference") for a, b in points)]
    for t in asymptotic_tests(ours):
        parts += [cross(x(t.poi), y(v), "ours") for v in (t.q, t.q_asimov) if v is not None]
    parts += _frame(x, tests, reference.poi, "q")
    parts.append(legend(_LEFT + 14.0, 14.0, _marks(reference)))
    caption = "Test statistic in the data (full line) and in background-only Asimov data (dashed)."
    return f'<figure class="half">{svg(_HEIGHT, "test statistic", parts)}<figcaption>{caption}</figcaption></figure>'


# ------------------------------------------------------------------------------------------------------------------ CLs
def cls_picture(reference: Results, ours: Results, beside: Results | None) -> str:
    """CLs of all tested values: expected bands of the reference, observed of both engines."""
    tests = asymptotic_tests(reference)
    if not tests or reference.poi is None:
        return ""
    lowest = min(x for t in tests for x in (t.cls_obs, *t.cls_exp) if x is not None)
    decades = ceil(-log10(max(lowest, _LOWEST)) - 1e-9) or 1
    x = _horizontal(tests)

    def y(cls: float) -> float:
        return _TOP + min(-log10(max(cls, 1e-300)) / decades, 1.0) * (_FLOOR - _TOP)

    parts = []
    for k in range(decades + 1):
        parts += [line(_LEFT, y(10.0**-k), WIDTH - _RIGHT, y(10.0**-k), "grid")]
        parts.append(text(_LEFT - 6.0, y(10.0**-k) + 4.0, f"{10.0**-k:g}", "end", "dim"))
    parts += _bands(tests, x, y)
    level = reference.limit.level if reference.limit is not None else 0.05
    parts.append(line(_LEFT, y(level), WIDTH - _RIGHT, y(level), "level"))
    points = [(x(t.poi), y(t.cls_obs)) for t in tests]
    parts += [polyline(points, "reference"), *(dot(a, b, "fill-reference") for a, b in points)]
    parts += [cross(x(t.poi), y(t.cls_obs), "ours") for t in asymptotic_tests(ours)]
    marks = _marks(reference)
    if beside is not None:
        parts += [diamond(x(t.poi), y(t.cls_obs), "beside") for t in asymptotic_tests(beside)]
        marks.append((diamond(0, 0, "beside", 5.0), f"{beside.conventions.name} conventions"))
    parts += [*_frame(x, tests, reference.poi, "CLs"), legend(_LEFT + 14.0, 14.0, marks)]
    caption = (
        f"Observed CLs of both engines; bands: expected by {html(reference.provenance.engine)}, median, "
        f"&plusmn;1 and &plusmn;2 standard deviations; dashed: {level:g}."
    )
    return f'<figure class="half">{svg(_HEIGHT, "CLs", parts)}<figcaption>{caption}</figcaption></figure>'


def _bands(tests: Sequence[HypoTestRecord], x: Scale, y: Scale) -> list[str]:
    """Areas between the tested values; bars where only one was tested."""
    parts = []
    for low, high, kind in ((0, 4, "band2"), (1, 3, "band1")):
        rows = [
            (t.poi, a, b) for t in tests if (a := t.cls_exp[low]) is not None and (b := t.cls_exp[high]) is not None
        ]
        if len(rows) == 1:
            ((poi, a, b),) = rows
            parts.append(box(x(poi) - 15.0, 30.0, y(a), y(b), kind))
        elif rows:
            upper, lower = [(x(p), y(b)) for p, _, b in rows], [(x(p), y(a)) for p, a, _ in rows]
            parts.append(polygon([*upper, *reversed(lower)], kind))
    median = [(x(t.poi), y(m)) for t in tests if (m := t.cls_exp[2]) is not None]
    return [*parts, polyline(median, "axis dashed")]
