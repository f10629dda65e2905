"""Options of commands that fit: the minimiser, and what is held, confined or replaced by Asimov data."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from hftranslate.cli.common import combined_options, load_model
from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.fit import asimov_data
from hftranslate.inference.minimize import FitOptions
from hftranslate.journal import Journal
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.restricted import restricted

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
restriction_options = combined_options(
    click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Hold a parameter at a value; repeatable."),
    click.option("--bounds", multiple=True, metavar="NAME=LOW:HIGH", help="Another range of a parameter; repeatable."),
    click.option(
        "--asimov", type=float, metavar="MU", help="Take the Asimov data of this parameter of interest instead."
    ),
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


def interval(text: str, what: str) -> tuple[float, float]:
    """Two numbers from ``LOW:HIGH``."""
    low, separator, high = text.partition(":")
    if not separator:
        raise InputError(f"{what}: expected LOW:HIGH, not {text!r}")
    pair = number(low, what), number(high, what)
    if not (np.isfinite(pair).all() and pair[0] < pair[1]):
        raise InputError(f"{what}: {text!r} is no range; LOW must be below HIGH")
    return pair


def named_values(texts: tuple[str, ...], option: str, model: Model, form: str = "NAME=VALUE") -> dict[str, str]:
    """``NAME=TEXT`` of an option that repeats, by pyhf's name of each parameter."""
    found = {}
    for text in texts:
        name, separator, value = text.rpartition("=")
        if not separator:
            raise InputError(f"{option} {text}: expected {form}")
        found[model.parameters.names[model.parameters.index(name)]] = value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a command fits: the model with what is held, the data, and how to minimise."""

    model: Model
    data: Data
    options: FitOptions

    def fingerprint(self) -> str:
        """A digest of model, data and settings, by which kept results are recognised as theirs."""
        p = self.model.parameters
        beside = np.clip(p.init + 0.37 * p.width, p.bounds[:, 0], p.bounds[:, 1])
        arrays = (p.init, p.bounds, p.fixed, p.width, self.data.observed, self.data.auxdata)
        points = (self.model.state(theta).nu for theta in (p.init, beside))
        content = hashlib.sha256(repr((p.names, self.model.conventions, self.options)).encode())
        for array in (*arrays, *points):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()[:16]

    def journal(self, path: Path | None, **task: Any) -> Journal | None:
        """The journal at a path for one task on this model; ``None`` where none is wanted."""
        return None if path is None else Journal.open(path, {"model": self.fingerprint(), **task})


def take_task(options: dict[str, Any]) -> Task:
    """Load and compile the model that a command's options name, hold and confine what they say, take Asimov data."""
    fix, bounds, asimov = (options.pop(name) for name in ("fix", "bounds", "asimov"))
    workspace, measurement, conventions = load_model(options)
    fit_options = take_fit_options(options)
    model, data = compile_model(workspace, measurement, conventions)
    held = {n: number(v, f"--fix {n}") for n, v in named_values(fix, "--fix", model).items()}
    ranges = {
        n: interval(v, f"--bounds {n}") for n, v in named_values(bounds, "--bounds", model, "NAME=LOW:HIGH").items()
    }
    model = restricted(model, held, ranges)
    if asimov is not None:
        data, _ = asimov_data(model, data, asimov, options=fit_options)
    return Task(model=model, data=data, options=fit_options)
