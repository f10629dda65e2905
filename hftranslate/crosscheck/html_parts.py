"""The pieces that HTML reports are made of: tables, numbers, verdicts, and the page around them."""

from collections.abc import Iterable
from importlib.resources import files

from hftranslate.display import html

#: Marks and words of the verdicts.
_MARKS = {"passed": "&#10003;", "failed": "&#10007;", "skipped": "&ndash;", "lower": "&darr;"}
WORDS = {"passed": "passed", "failed": "failed", "skipped": "skipped", "lower": "ours lower"}


def page(title: str, body: Iterable[str]) -> str:
    """One page without external resources."""
    style = (files("hftranslate.crosscheck") / "report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def table(header: Iterable[str], rows: Iterable[Iterable[str]], classes: str = "") -> str:
    """A table of cells that are HTML already; a cell that begins with ``<t`` brings its own element."""

    def cell(text: str) -> str:
        return text if text.startswith("<t") else f"<td>{text}</td>"

    head = "".join(h if h.startswith("<t") else f"<th>{h}</th>" for h in header)
    body = "\n".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    attribute = f' class="{classes}"' if classes else ""
    return (
        f'<div class="scroll"><table{attribute}><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def number(text: str, extra: str = "") -> str:
    """A cell with a number."""
    return f'<td class="n{" " + extra if extra else ""}">{text}</td>'


def numeric(*headers: str) -> list[str]:
    """Header cells above numbers."""
    return [f'<th class="n">{html(h)}</th>' for h in headers]


def chip(verdict: str) -> str:
    """A verdict as a coloured label."""
    return f'<span class="chip {verdict}">{_MARKS[verdict]}&nbsp;{WORDS[verdict]}</span>'


def mark(verdict: str, title: str) -> str:
    """A verdict as a single coloured sign."""
    return f'<span class="chip {verdict}" title="{html(title)}">{_MARKS[verdict]}</span>'


def value(x: float | None, digits: int = 6) -> str:
    """A number, or a dash."""
    return "&ndash;" if x is None else f"{x:.{digits}g}".replace("-", "&minus;")


def delta(ours: float | None, reference: float | None) -> str:
    """The difference of two numbers, or a dash."""
    if ours is None or reference is None:
        return "&ndash;"
    return "0" if ours == reference else f"{ours - reference:+.1e}".replace("-", "&minus;")


def plain(x: float | str | bool | None) -> str:
    """What an entry compares."""
    if x is None:
        return "&ndash;"
    return value(x, 10) if isinstance(x, float) else html(str(x))
