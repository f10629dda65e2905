"""How things are shown: text from files made harmless, and results that say what they are.

:func:`terminal`, :func:`html`, :func:`markdown` and :func:`csv_cell` make text harmless where it is shown;
:mod:`~hftranslate.display.speaking` has the tables and the base classes of results,
:mod:`~hftranslate.display.coloured` what a terminal shows of them.
"""

from hftranslate.display.harmless import csv_cell, csv_text, html, markdown, markdown_code, terminal, terminal_lines

__all__ = ["csv_cell", "csv_text", "html", "markdown", "markdown_code", "terminal", "terminal_lines"]
