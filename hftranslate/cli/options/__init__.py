"""Options that several commands share, and how their values reach the library.

:mod:`~hftranslate.cli.options.model` has what nearly every command takes; the others what fits, tests, translations,
edits and long tasks take.
"""

__all__: list[str] = []
