"""Where to draw, and what all pictures can be told."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click

from hftranslate.cli.options.model import combined_options
from hftranslate.cli.options.paths import OutputFile

F = TypeVar("F", bound=Callable[..., Any])

#: As in :data:`hftranslate.plots.STYLES`, which need not be imported to show a help text.
_STYLES = ("ROOT", "ATLAS", "CMS", "ALICE", "DUNE")

_plot_options = combined_options(
    click.option("-o", "--output-file", required=True, type=OutputFile(), help="Where to draw."),
    click.option("--title", default="", help="Above the picture."),
    click.option(
        "--style", type=click.Choice(_STYLES, case_sensitive=False), default="ROOT", show_default=True, help="mplhep's."
    ),
    click.option("--experiment", default="", metavar="NAME", help="Above the left corner, with --status."),
    click.option("--status", default="", metavar="WORD", help="What the picture is: Preliminary, Internal, ..."),
    click.option("--lumi", metavar="1/FB", help="Above the right corner, with --energy."),
    click.option("--energy", metavar="TEV", help="Of the collisions."),
)


def plot_options(function: F) -> F:
    """Where to draw, and what all pictures can be told: the command is given ``look``."""

    @_plot_options
    @wraps(function)
    def command(*args: Any, **options: Any) -> Any:
        from hftranslate.plots import PlotOptions

        look = {name: options.pop(name) for name in ("title", "style", "experiment", "status", "lumi", "energy")}
        return function(*args, look=PlotOptions(**look), **options)

    return cast(F, command)
