"""Options of commands that fit: the minimiser."""

import logging
from collections.abc import Callable
from typing import Any

import click

from hftranslate.cli.options.model import combined_options
from hftranslate.cli.output import tell
from hftranslate.errors import InputError, Unsupported, did_you_mean
from hftranslate.inference.minimize import DEFAULT_OPTIONS, FitOptions

#: The keys of ``--optconf``, as pyhf has them, and the minimisers that they mean something to.
_OPTCONF: dict[str, tuple[str, ...]] = {
    "maxiter": ("newton", "minuit", "scipy"),
    "max_iterations": ("newton", "minuit", "scipy"),
    "tolerance": ("newton", "minuit", "scipy"),
    "verbose": ("newton", "minuit", "scipy"),
    "strategy": ("minuit",),
    "errordef": ("minuit",),
    "steps": ("minuit",),
    "solver_options": ("scipy",),
}
#: MINUIT stops at an expected distance of 0.002 times its tolerance: of twice the NLL, which pyhf minimises.
_MINUIT_EDM = 0.002 / 2.0

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
        help="Setting of the minimizer, as in pyhf: maxiter, tolerance, verbose; strategy (minuit); repeatable.",
    ),
    click.option("--backend", default="numpy", hidden=True),
)


def take_fit_options(options: dict[str, Any]) -> FitOptions:
    """Remove the minimiser's options from a command's options and make one object of them."""
    _tell_of_doubts()
    if options.pop("backend") not in ("numpy", "np"):
        raise Unsupported("only the numpy backend exists here")
    minimizer, texts = options.pop("minimizer"), {}
    for text in options.pop("optconf"):
        key, separator, value = text.partition("=")
        if not separator or key not in _OPTCONF:
            raise InputError(f"--optconf {text}: no such setting" + did_you_mean(key, _OPTCONF))
        if minimizer not in _OPTCONF[key]:
            raise InputError(f"--optconf {text}: a setting of {' and '.join(_OPTCONF[key])}, not of {minimizer}")
        texts["maxiter" if key == "max_iterations" else key] = value
    return FitOptions(minimizer=minimizer, **_settings(minimizer, texts))


def _settings(minimizer: str, texts: dict[str, str]) -> dict[str, Any]:
    """What ``--optconf`` says, as arguments of :class:`FitOptions`."""
    settings: dict[str, Any] = {}
    if "maxiter" in texts:
        settings["max_iterations"] = number(texts["maxiter"], "--optconf maxiter", int)
    if "strategy" in texts:
        settings["strategy"] = number(texts["strategy"], "--optconf strategy", int)
    if "solver_options" in texts:
        settings["solver_options"] = _solver_options(texts["solver_options"])
    unit = _MINUIT_EDM if minimizer == "minuit" else 1.0
    if "tolerance" in texts:
        settings["tolerance"] = unit * number(texts["tolerance"], "--optconf tolerance")
    if "errordef" in texts:
        settings.setdefault("tolerance", DEFAULT_OPTIONS.tolerance)
        settings["tolerance"] *= number(texts["errordef"], "--optconf errordef")
    if "steps" in texts:
        tell("--optconf steps has no effect, as in pyhf")
    if number(texts.get("verbose", "0"), "--optconf verbose", int) > 0:
        _tell_of_fits()
    return settings


def _solver_options(text: str) -> tuple[tuple[str, float], ...]:
    """Names and numbers from ``{ftol: 1e-9, maxcor: 20}``, in the braces of YAML or JSON."""
    inside = text.strip()
    if not (inside.startswith("{") and inside.endswith("}")):
        raise InputError(f"--optconf solver_options={text}: expected {{NAME: NUMBER, ...}}")
    found = []
    for entry in filter(None, map(str.strip, inside[1:-1].split(","))):
        name, _, value = entry.partition(":")
        found.append((name.strip().strip("\"'"), number(value.strip(), f"--optconf solver_options={text}")))
    return tuple(found)


class _Once(logging.Handler):
    """Says every sentence on standard error, but only once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        sentence = record.getMessage()
        if sentence not in self.said:
            self.said.add(sentence)
            tell(f"warning: {sentence}")


def _tell_of_doubts() -> None:
    """What users have to know of fits that did not fail, on standard error; in every command anew."""
    log = logging.getLogger("hftranslate.doubts")
    for handler in [h for h in log.handlers if isinstance(h, _Once)]:
        log.removeHandler(handler)
    log.addHandler(_Once())


def _tell_of_fits() -> None:
    """How each fit of this process ends, on standard error."""
    log = logging.getLogger("hftranslate.fit")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("fit by %(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)


def number(text: str, what: str, kind: Callable[[str], Any] = float) -> Any:
    """A number from a word of the command line; ``what`` says whose it is where it is none."""
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{what}: {text!r} is no number") from None
