"""Groups of parameters."""

from collections.abc import Sequence

import click

from hftranslate.errors import InputError

group_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=PATTERN",
    help="Group the parameters that fit a pattern, as in JES=jet_*; repeat the name for more patterns.",
)


def take_groups(groups: Sequence[str]) -> dict[str, list[str]]:
    """The patterns of each group, from ``NAME=PATTERN``."""
    patterns: dict[str, list[str]] = {}
    for text in groups:
        name, separator, pattern = text.partition("=")
        if not separator or not name or not pattern:
            raise InputError(f"--group {text}: expected NAME=PATTERN")
        patterns.setdefault(name, []).append(pattern)
    return patterns
