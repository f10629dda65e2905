"""Options of commands that fit: the minimiser."""

from collections.abc import Callable
from typing import Any

import click

from hftranslate.cli.common import combined_options
from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.minimize import FitOptions

_OPTIMIZER_SETTINGS = {
    "maxiter": "max_iterations",
    "max_iterations": "max_iterations",
    "tolerance": "tolerance",
    "strategy": "strategy",
}

minimizer_options = combined_options(
    click.option(
        "--minimizer",
        "--optimizer",
        type=click.Choice(["newton", "minuit", "scipy"]),
        default="newton",
        show_default=True,
        help="Our Newton with the exact Hessian, MINUIT, or SciPy; all get exact gradients.",
    ),
    click.option(
        "--optconf",
        multiple=True,
        metavar="KEY=VALUE",
        help="Setting of the minimizer: tolerance, max_iterations, strategy.",
    ),
    click.option("--backend", default="numpy", hidden=True),
)


def take_fit_options(options: dict[str, Any]) -> FitOptions:
    """Remove the minimiser's options from a command's options and make one object of them."""
    if options.pop("backend") not in ("numpy", "np"):
        raise Unsupported("only the numpy backend exists here")
    settings: dict[str, Any] = {"minimizer": options.pop("minimizer")}
    for text in options.pop("optconf"):
        key, separator, value = text.partition("=")
        if not separator or key not in _OPTIMIZER_SETTINGS:
            raise InputError(f"--optconf {text}: no such setting" + did_you_mean(key, _OPTIMIZER_SETTINGS))
        name = _OPTIMIZER_SETTINGS[key]
        settings[name] = number(value, f"--optconf {key}", float if name == "tolerance" else int)
    return FitOptions(**settings)


def number(text: str, what: str, kind: Callable[[str], Any] = float) -> Any:
    """A number from a word of the command line; ``what`` says whose it is where it is none."""
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{what}: {text!r} is no number") from None
