"""What commands that look into a fit work on: the model with what is held or confined, and the data or Asimov data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from hftranslate.cli.options.fitting import minimizer_options, number, take_fit_options
from hftranslate.cli.options.model import F, combined_options, format_option, load_model, model_options
from hftranslate.errors import InputError
from hftranslate.inference.fit import asimov_data
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted, started

restriction_options = combined_options(
    click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Hold a parameter at a value; repeatable."),
    click.option("--bounds", multiple=True, metavar="NAME=LOW:HIGH", help="Another range of a parameter; repeatable."),
    click.option(
        "--asimov", type=float, metavar="MU", help="Take the Asimov data of this parameter of interest instead."
    ),
)


#: Options of commands that look into a fit, and of how they write it.
fit_options = combined_options(model_options, format_option, minimizer_options, restriction_options)


def interval(text: str, what: str) -> tuple[float, float]:
    """Two numbers from ``LOW:HIGH``."""
    low, separator, high = text.partition(":")
    if not separator:
        raise InputError(f"{what}: expected LOW:HIGH, not {text!r}")
    pair = number(low, what), number(high, what)
    if not (np.isfinite(pair).all() and pair[0] < pair[1]):
        raise InputError(f"{what}: {text!r} is no range; LOW must be below HIGH")
    return pair


def named_values(texts: tuple[str, ...], option: str, form: str = "NAME=VALUE") -> dict[str, str]:
    """``NAME=TEXT`` of an option that repeats, by the name of each parameter."""
    found = {}
    for text in texts:
        name, separator, value = text.rpartition("=")
        if not separator:
            raise InputError(f"{option} {text}: expected {form}")
        found[name] = value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What is held and confined, by any name of a parameter, and of which signal strength the Asimov data are taken."""

    fixed: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    asimov: float | None


def take_restriction(options: dict[str, Any]) -> Restriction:
    """Remove what is held, confined and taken as data from a command's options."""
    fix, bounds, asimov = (options.pop(name) for name in ("fix", "bounds", "asimov"))
    return Restriction(
        fixed={n: number(v, f"--fix {n}") for n, v in named_values(fix, "--fix").items()},
        bounds={n: interval(v, f"--bounds {n}") for n, v in named_values(bounds, "--bounds", "NAME=LOW:HIGH").items()},
        asimov=asimov,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a command fits: the model with what is held, the data, and how to minimise."""

    model: Model
    data: Data
    options: FitOptions


def snapshot_option(name: str, help: str) -> Callable[[F], F]:
    """The initial values are those of a snapshot in the file."""
    return click.option(name, "snapshot", metavar="SNAPSHOT", help=help)


def take_task(options: dict[str, Any], *, edges: bool = False) -> Task:
    """Load and compile the model that a command's options name, hold and confine what they say, take Asimov data."""
    restriction = take_restriction(options)
    file, space, snapshot = options["file"], options["workspace"], options.pop("snapshot", None)
    workspace, measurement, conventions = load_model(options, edges=edges)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    if snapshot is not None:
        from hftranslate.formats.root_workspace import snapshot as values_of

        model = started(model, values_of(file, snapshot, space))
    model = restricted(model, restriction.fixed, restriction.bounds)
    if restriction.asimov is not None:
        data, _ = asimov_data(model, data, restriction.asimov, options=fit_options)
    return Task(model=model, data=data, options=fit_options)
