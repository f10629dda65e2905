"""Tables as a terminal shows them, in colour."""

import os
from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING

from hftranslate.display.harmless import terminal
from hftranslate.display.speaking import Cell, Table, shown

if TYPE_CHECKING:
    from rich.text import Text

#: No table is as wide: the terminal breaks what is wider than itself.
_WIDE = 10_000


def wants_colour() -> bool:
    """Whether output on a terminal may have colours: not where ``NO_COLOR`` is set, as no-color.org has it."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(tables: Iterable[Table]) -> str:
    """Tables as lines for a terminal; no number is cut or broken, however narrow it is.

    Parameters
    ----------
    tables
        what to show, one below the other.

    Returns
    -------
    str
        lines with the sequences of colours; without them where ``NO_COLOR`` is set.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    out = StringIO()
    colour = wants_colour()  # which some versions of rich decide otherwise where NO_COLOR is empty
    console = Console(
        file=out,
        force_terminal=colour,
        no_color=not colour,
        width=_WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for table in tables:
        drawn = Drawn(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", border_style="dim")
        for i, name in enumerate(table.columns):
            drawn.add_column(Text(terminal(name)), justify="right" if i else "left", no_wrap=True)
        for row in table.rows:
            drawn.add_row(*map(_cell, row))
        console.print(Text(terminal(table.caption), style="bold cyan"))
        console.print(drawn)
        console.print(Text(terminal(table.note), style="dim"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _cell(cell: Cell) -> "Text":
    from rich.text import Text

    return Text(terminal(shown(cell)), style="bold" if cell in ("total", "observed") else "")
