"""Marks of the report's pictures as inline SVG: no fonts, no scripts, colours from the page's style sheet."""

from collections.abc import Iterable, Sequence
from math import ceil, floor, log10

from hftranslate.display import html

#: Width of most pictures, in their own units; the page scales them.
WIDTH = 480.0
#: Width of a letter of a name, in units of its size: names have letters of one width, so that their room is known.
LETTER = 0.62


def svg(height: float, title: str, parts: Iterable[str], width: float = WIDTH) -> str:
    """A picture of the given size."""
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html(title)}">' + "".join(parts) + "</svg>"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "") -> str:
    """Text at a point."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html(text)}</text>'


def name(x: float, y: float, name: str, size: float = 11.0) -> str:
    """The name of a parameter that ends at a point."""
    return (
        f'<text class="name" style="font-size:{size:.1f}px" x="{x:.1f}" y="{y:.1f}" text-anchor="end">'
        f"{html(name)}</text>"
    )


def box(x: float, width: float, y1: float, y2: float, kind: str) -> str:
    """A rectangle."""
    return f'<rect class="{kind}" x="{x:.1f}" y="{min(y1, y2):.1f}" width="{width:.1f}" height="{abs(y2 - y1):.1f}"/>'


def dot(x: float, y: float, kind: str, radius: float = 3.5) -> str:
    """A filled circle."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def cross(x: float, y: float, kind: str, size: float = 5.0) -> str:
    """An oblique cross."""
    return line(x - size, y - size, x + size, y + size, kind) + line(x - size, y + size, x + size, y - size, kind)


def diamond(x: float, y: float, kind: str, size: float = 6.5) -> str:
    """A diamond."""
    corners = f"M{x:.1f} {y - size:.1f}L{x + size:.1f} {y:.1f}L{x:.1f} {y + size:.1f}L{x - size:.1f} {y:.1f}Z"
    return f'<path class="{kind}" d="{corners}"/>'


def legend(x: float, y: float, entries: Iterable[tuple[str, str]]) -> str:
    """Marks with names, one after the other."""
    parts = []
    for mark, name in entries:
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{mark}{text(11, 4, name, "start")}</g>')
        x += 34.0 + 7.2 * len(name)
    return "".join(parts)


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return f'<polyline class="{kind}" points="{_points(points)}"/>'


def polygon(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A filled area between points."""
    return f'<polygon class="{kind}" points="{_points(points)}"/>'


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def ticks(low: float, high: float) -> list[float]:
    """Some five round numbers between two values."""
    rough = (high - low) / 5.0
    power = 10.0 ** floor(log10(rough))
    step = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= rough)
    return [round(k * step, 10) for k in range(ceil(low / step), floor(high / step) + 1)]
