"""What results say of themselves: a line, small tables of many kinds of text, and plain JSON values."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeAlias

from hftranslate import display

TableFormat = Literal["text", "csv", "latex", "markdown"]
#: What stands in a table: text, a number (shown rounded, but in CSV whole), or nothing.
Cell: TypeAlias = str | float | None

#: Rows that a notebook shows of a table.
_MOST_ROWS = 40
_LATEX = re.compile(r"[\\{}$&#%_^~]")
#: What the end of the row before would take for an argument of its own.
_AFTER_ROW = re.compile(r"^(\s*[*\[])")
_LATEX_SIGNS = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
_LATEX_LETTERS = {"±": r"$\pm$", "σ": r"$\sigma$", "Δ": r"$\Delta$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: the names of its columns and its rows, a line above and one below."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    note: str = ""

    def text(self) -> str:
        """Lines for a terminal, columns aligned: the first to the left, the others to the right."""
        rows = [[display.terminal(shown(c)) for c in row] for row in (self.columns, *self.rows)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        lines = [
            "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in rows
        ]
        lines = [line.rstrip() for line in lines]
        ends = [display.terminal(end) for end in (self.caption, self.note)]
        return "\n".join(filter(None, [ends[0], *lines[:1], "-" * max(map(len, lines)), *lines[1:], ends[1]])) + "\n"

    def html(self) -> str:
        """An element of HTML: what a notebook shows."""
        head = "".join(f"<th>{display.html(c)}</th>" for c in self.columns)
        rows = [[display.html(shown(c)) for c in row] for row in self.rows[:_MOST_ROWS]]
        body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
        left = len(self.rows) - len(rows)
        note = "; ".join(filter(None, [f"and {left} more rows" if left > 0 else "", self.note]))
        return (
            f"<table><caption>{display.html(self.caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{display.html(note)}</p>"
        )

    def markdown(self) -> str:
        """A table of Markdown with the line above and the one below."""
        rule = "| " + " | ".join("---" if i == 0 else "--:" for i in range(len(self.columns))) + " |"
        rows = [[display.markdown(shown(c)) for c in row] for row in (self.columns, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        table = "\n".join([lines[0], rule, *lines[1:]])
        return "\n\n".join(filter(None, [display.markdown(self.caption), table, display.markdown(self.note)])) + "\n"

    def latex(self) -> str:
        """A ``tabular`` with plain rules, the line above and the one below as comments."""
        lines = [" & ".join(_latex(shown(c)) for c in row) + r" \\" for row in (self.columns, *self.rows)]
        comments = [f"% {display.terminal(line)}" for line in (self.caption, self.note) if line]
        begin = rf"\begin{{tabular}}{{l{'r' * (len(self.columns) - 1)}}}"
        end = [r"\hline", r"\end{tabular}"]
        return "\n".join([*comments, begin, r"\hline", lines[0], r"\hline", *lines[1:], *end]) + "\n"

    def csv(self) -> str:
        """Comma-separated values, numbers with all their digits."""
        return display.csv_text((self.columns, *self.rows))


def tables_as(kind: TableFormat, tables: Iterable[Table]) -> str:
    """Tables as text of a kind, with empty lines between them."""
    write: dict[str, Callable[[Table], str]] = {
        "text": Table.text,
        "csv": Table.csv,
        "latex": Table.latex,
        "markdown": Table.markdown,
    }
    return "\n".join(map(write[kind], tables))


def shown(cell: Cell) -> str:
    """A cell as text: numbers rounded, nothing as nothing."""
    return "" if cell is None else cell if isinstance(cell, str) else short(cell)


def _latex(text: str) -> str:
    plain = _LATEX.sub(lambda m: _LATEX_SIGNS.get(m[0], f"\\{m[0]}"), display.terminal(text))
    plain = _AFTER_ROW.sub(r"{\1}", plain)
    return "".join(_LATEX_LETTERS.get(c, c) for c in plain)


def short(value: float) -> str:
    """A number in five digits; what is none is ``?``."""
    return f"{value:.5g}" if isfinite(value) else "?"


def measured(value: float, uncertainty: float) -> str:
    """A number and its uncertainty, to two digits of the latter.

    >>> measured(50.0, 3.0), measured(1e-7, 1e-8), measured(55.0, float("nan")), measured(55.0, 0.0)
    ('50.0 ± 3.0', '1e-07 ± 1e-08', '55 (no uncertainty)', '55')
    """
    if not isfinite(uncertainty):
        return f"{value:.6g} (no uncertainty)"
    if uncertainty <= 0.0:
        return f"{value:.6g}"
    exponent = int(f"{uncertainty:e}".partition("e")[2])
    places = max(0, 1 - exponent)
    if places > 4:
        return f"{value:.4g} ± {uncertainty:.2g}"
    return f"{value:.{places}f} ± {uncertainty:.{places}f}"


def counted(n: int, word: str) -> str:
    """How many of something there are.

    >>> counted(1, "channel"), counted(2, "channel"), counted(3, "patch")
    ('1 channel', '2 channels', '3 patches')
    """
    ending = "es" if word.endswith(("ch", "s", "x")) else "s"
    return f"{n} {word}{'' if n == 1 else ending}"


def plain(value: float | None) -> float | None:
    """A number as JSON can hold it: ``None`` where it is not finite."""
    return float(value) if value is not None and isfinite(value) else None


def named(names: str | Iterable[str]) -> tuple[str, ...]:
    """Names, of which a single one may be given as it is."""
    return (names,) if isinstance(names, str) else tuple(names)


class Speaking(ABC):
    """A value that says what it is: in a line, in tables, and as plain JSON values."""

    __slots__ = ()

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """What it holds, in small tables."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; ``None`` for what is not finite."""

    def headline(self) -> str:
        """The most important in a line."""
        return self.tables()[0].caption

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {display.terminal(self.headline())}>"

    def __str__(self) -> str:
        return tables_as("text", self.tables())

    def _repr_html_(self) -> str:
        return "".join(table.html() for table in self.tables())


class Result(Speaking):
    """A result: its ``to_dict`` is what the command line writes as JSON."""

    __slots__ = ()

    def records(self) -> Table:
        """All of it in one table for programs, which CSV holds: a number in a cell, with all its digits."""
        return self.tables()[0]
