r"""Text from files, made harmless where it is shown: on a terminal, in HTML, in Markdown, in a table of values.

Names of channels, samples and parameters are any text: they may hold escape sequences that move a terminal's cursor,
marks that turn the direction of writing, line breaks that forge lines of ours, markup, or formulae of a spreadsheet.
"""

import io
import re
from collections.abc import Iterable

#: What means something in Markdown wherever it stands; angle brackets and ``&`` become entities.
_MARKUP = re.compile(r"([\\`*\[\]{}|~$#@])")
#: An underscore that can begin or end an emphasis: one that does not stand between letters or digits.
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
#: What makes a list, a heading or a rule of a line that begins with it, and what renderers take for an address.
_BEGINNING = re.compile(r"^(\s*)([-+](?=\s)|[-=](?=[-=]+$)|\d+(?=[.)]\s))")
_ADDRESS = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
#: The first of so many spaces that they make a line code.
_INDENT = re.compile(r"^ (?=   )")
#: Text that a span of code can hold as it is.
_PLAIN_CODE = re.compile(r"[^`<>&|]+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def terminal(text: str) -> str:
    r"""One line of text in which everything that is not seen is written out, as Python writes it.

    >>> terminal("signal\x1b[31m\nregion \u202ex")
    'signal\\x1b[31m\\nregion \\u202ex'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def terminal_lines(text: str) -> str:
    """Lines of text, each as :func:`terminal` makes it."""
    return "\n".join(map(terminal, text.split("\n")))


def html(text: str) -> str:
    """Text as HTML, in an element or in an attribute between quotes."""
    import html as _html

    return _html.escape(terminal(text))


def markdown(text: str) -> str:
    """Text as Markdown, in a line or in a cell of a table: it is seen as it is and is no markup.

    >>> markdown("a|b <b>_x_</b>")
    'a\\\\|b &lt;b&gt;\\\\_x\\\\_&lt;/b&gt;'
    """
    import html as _html

    line = _html.escape(_MARKUP.sub(r"\\\1", terminal(text)), quote=False)
    line = _ADDRESS.sub(r"\\\g<0>", _EMPHASIS.sub(r"\\_", line))
    line = _BEGINNING.sub(lambda m: m[1] + (f"\\{m[2]}" if m[2] in "-+=" else f"{m[2]}\\"), line)
    return _INDENT.sub("&#32;", line)


def markdown_code(text: str) -> str:
    """Text as a span of code in Markdown; as plain text where such a span cannot hold it."""
    line = terminal(text)
    return f"`{line}`" if _PLAIN_CODE.fullmatch(line) and line == line.strip() else markdown(text)


def csv_cell(value: object) -> object:
    """A value for a table of comma-separated values: text that a spreadsheet would compute becomes plain text.

    >>> csv_cell("=1+1"), csv_cell("-2.5"), csv_cell(-2.5)
    ("'=1+1", '-2.5', -2.5)
    """
    if not isinstance(value, str):
        return value
    text = terminal(value)
    computed = value.lstrip()[:1] in ("=", "+", "-", "@") or value[:1] in ("\t", "\r", "\n")
    return f"'{text}" if computed and not _NUMBER.fullmatch(value) else text


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """A table as comma-separated values; numbers are written so that they read back exactly.

    Parameters
    ----------
    rows
        the first one holds the names of the columns; ``None`` is an empty cell.

    Returns
    -------
    str
        the content of the file.
    """
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(csv_cell, row) for row in rows)
    return text.getvalue()
