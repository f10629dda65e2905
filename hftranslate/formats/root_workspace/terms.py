"""The constraint terms of a RooWorkspace: who is constrained, by what, around which global observable."""

from dataclasses import dataclass
from math import floor, isclose
from typing import Literal

from hftranslate.errors import Unsupported
from hftranslate.formats.root_workspace.graph import CLASS, At
from hftranslate.formats.root_workspace.roofit import RooFit, Variable, name_of
from hftranslate.formats.root_workspace.streamed import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The constraint of one parameter.

    Attributes
    ----------
    kind
        of the density.
    parameter, observable
        the parameter, and the global observable, whose range the density is normalised over.
    width
        standard deviation of a Gaussian one, scale of a Poisson one, scale parameter of a Gamma one.
    centre
        value of the global observable.
    """

    kind: Literal["gaussian", "poisson", "gamma"]
    parameter: Variable
    observable: Variable
    width: float
    centre: float


def terms_of(roofit: RooFit, densities: list[Object], parameters: set[At], known: set[At]) -> dict[At, Term]:
    """The constraint of each parameter, by where the parameter lies.

    Parameters
    ----------
    roofit
        the objects.
    densities
        the factors of the likelihood that are no channels.
    parameters
        where the parameters lie that the channels depend on.
    known
        where the global observables lie that are known as such.

    Raises
    ------
    Unsupported
        A term is none that HistFactory makes.
    """
    found: dict[At, Term] = {}
    names: dict[str, Object] = {}
    for density in densities:
        if names.setdefault(name_of(density), density) is not density:
            roofit.refuse(density, "is there twice, with different meanings")
    for density in names.values():
        read = {"RooGaussian": _gaussian, "RooPoisson": _poisson, "RooGamma": _gamma}.get(str(density[CLASS]))
        if read is None:
            roofit.refuse(density, "is no constraint term of HistFactory")
        place, term = read(roofit, density, parameters, known)
        if place not in parameters:
            continue  # of a parameter that nothing depends on
        if place in found:
            raise Unsupported(
                f"{roofit.source}: {term.parameter.name!r} has two constraint terms; HistFactory makes one of each"
            )
        found[place] = term
    return found


def _gaussian(roofit: RooFit, density: Object, parameters: set[At], known: set[At]) -> tuple[At, Term]:
    """The density is the same with its two arguments exchanged; the parameter is the one that the channels have."""
    one, other = (roofit.target(density, member)[0] for member in ("x", "mean"))
    if (one in known or one not in parameters) and other not in known:
        one, other = other, one
    width = roofit.variable(roofit.target(density, "sigma")[0])
    parameter, observable = roofit.variable(one), roofit.variable(other)
    if not (width.constant and observable.constant) or width.value <= 0.0:
        roofit.refuse(density, "has a width or a centre that is no constant above zero")
    term = Term(kind="gaussian", parameter=parameter, observable=observable, width=width.value, centre=observable.value)
    return one, term


def _poisson(roofit: RooFit, density: Object, parameters: set[At], known: set[At]) -> tuple[At, Term]:
    observable = roofit.variable(roofit.target(density, "x")[0])
    place, mean = roofit.target(density, "mean")
    factors = [(place, mean)] if mean[CLASS] != "RooProduct" else roofit.listed(mean, "_compRSet")
    [*free] = [at for at, _ in factors if at in parameters or not roofit.variable(at).constant]
    if len(free) != 1 or len(factors) > 2 or not observable.constant:
        roofit.refuse(density, "is no Poisson term of one parameter and a constant")
    scale = 1.0
    for at, _ in factors:
        scale *= roofit.variable(at).value if at != free[0] else 1.0
    centre = observable.value if density.get("_noRounding") else float(floor(observable.value))
    parameter = roofit.variable(free[0])
    return free[0], Term(kind="poisson", parameter=parameter, observable=observable, width=scale, centre=centre)


def _gamma(roofit: RooFit, density: Object, parameters: set[At], known: set[At]) -> tuple[At, Term]:
    """HistFactory's: shape parameter ``nom + 1``, no shift."""
    place, _ = roofit.target(density, "x")
    _, shape = roofit.target(density, "gamma")
    scale, shift = (roofit.variable(roofit.target(density, member)[0]) for member in ("beta", "mu"))
    if shape[CLASS] != "RooAddition" or shift.value != 0.0 or not (scale.constant and shift.constant):
        roofit.refuse(density, "is not the Gamma term of HistFactory")
    summands = [roofit.variable(at) for at, _ in roofit.listed(shape, "_set")]
    observables = [v for v in summands if v.fundamental]
    if (
        len(summands) != 2
        or len(observables) != 1
        or not isclose(sum(v.value for v in summands if not v.fundamental), 1)
    ):
        roofit.refuse(density, "is not the Gamma term of HistFactory")
    term = Term(
        kind="gamma",
        parameter=roofit.variable(place),
        observable=observables[0],
        width=scale.value,
        centre=observables[0].value,
    )
    return place, term
